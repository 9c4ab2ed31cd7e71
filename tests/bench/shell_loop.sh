#!/bin/sh
# What one would write by hand: each patch in a checkout of its own, gated, committed, merged,
# gated again on the merged tree, removed. Usage: shell_loop.sh REPO WORK GATE PATCH...
set -e
repo=$1 work=$2 gate=$3
shift 3
git -C "$repo" worktree add --quiet -b integration "$work/integration" main
for patch; do
    id=$(basename "$patch" .patch)
    git -C "$repo" worktree add --quiet -b "ws/$id" "$work/$id" main
    cd "$work/$id"
    git apply --index "$patch"
    "$gate"
    git commit --quiet --message "Revise $id"
    cd "$work/integration"
    git merge --quiet --no-ff --message "Land $id" "ws/$id"
    "$gate"
    git -C "$repo" worktree remove "$work/$id"
done
