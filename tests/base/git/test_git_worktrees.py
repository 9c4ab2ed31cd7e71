import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.base.git import WorktreeError
from pipeline.base.git.worktrees import (
    add_worktree,
    heal_worktrees,
    our_worktrees,
    remove_worktree,
)

BRANCH = "refs/heads/ws/plan/one"


@pytest.fixture
def branch(checkout) -> str:
    checkout.git("branch", BRANCH.removeprefix("refs/heads/"))
    return BRANCH


def test_a_worktree_is_an_ordinary_one(checkout, repo, branch, tmp_path) -> None:
    path = tmp_path / "person" / "one"
    entry = add_worktree(repo, path, branch)
    assert checkout.git("status", "--porcelain=v2", "--branch", cwd=path).decode().splitlines() == [
        f"# branch.oid {checkout.says('rev-parse', 'HEAD')}",
        "# branch.head ws/plan/one",
    ]
    assert str(path) in checkout.says("worktree", "list")
    assert our_worktrees(repo.common_dir) == {path: entry}
    (path / "a.txt").write_text("changed\n")
    checkout.git("commit", "-q", "-a", "-m", "by a person", cwd=path)
    assert checkout.says("log", "-1", "--format=%s", "ws/plan/one") == "by a person"
    checkout.fsck()
    remove_worktree(repo, path)
    assert not path.exists()
    assert not entry.exists()
    assert our_worktrees(repo.common_dir) == {}
    assert checkout.says("log", "-1", "--format=%s", "ws/plan/one") == "by a person"
    checkout.git("worktree", "prune", "--expire=now")


def test_line_ends_follow_the_checkout_and_hooks_stay_silent(checkout, repo, tmp_path) -> None:
    checkout.put(".gitattributes", "*.txt text eol=crlf\n")
    checkout.commit()
    checkout.git("branch", "ws/plan/one")
    hook = checkout.path / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    add_worktree(repo, tmp_path / "w", BRANCH)
    assert b"\r\n" in (tmp_path / "w/a.txt").read_bytes()
    assert not (tmp_path / "ran").exists()
    remove_worktree(repo, tmp_path / "w")


@pytest.mark.parametrize("with_filters", [False, True])
def test_filters_run_only_when_asked_for(checkout, repo, tmp_path, with_filters) -> None:
    checkout.put(".gitattributes", "*.txt filter=shout=x\n")
    checkout.commit()
    checkout.git("config", "filter.shout=x.smudge", "tr a-z A-Z")
    checkout.git("config", "filter.shout=x.required", "true")
    checkout.git("branch", "ws/plan/one")
    add_worktree(repo, tmp_path / "w", BRANCH, with_filters=with_filters)
    first = (tmp_path / "w/a.txt").read_bytes().splitlines()[0]
    assert first == (b"LINE 0" if with_filters else b"line 0")


def test_replacements_do_not_reach_a_checkout(checkout, repo, branch, tmp_path) -> None:
    blob = checkout.says("rev-parse", "HEAD:a.txt")
    other = checkout.git("hash-object", "-w", "--stdin", stdin=b"replaced\n").decode().strip()
    checkout.git("replace", blob, other)
    add_worktree(repo, tmp_path / "w", branch)
    assert (tmp_path / "w/a.txt").read_bytes().startswith(b"line 0\n")


def test_a_branch_that_is_held_is_refused(repo, branch, tmp_path) -> None:
    with pytest.raises(WorktreeError, match="checked out at"):
        add_worktree(repo, tmp_path / "w", "refs/heads/main")
    add_worktree(repo, tmp_path / "w", branch)
    with pytest.raises(WorktreeError, match="checked out at"):
        add_worktree(repo, tmp_path / "w2", branch)
    assert not (tmp_path / "w2").exists()


def test_what_is_there_already_is_not_overwritten(repo, branch, tmp_path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w/mine").touch()
    with pytest.raises(WorktreeError, match="already"):
        add_worktree(repo, tmp_path / "w", branch)
    (tmp_path / "w/mine").unlink()
    add_worktree(repo, tmp_path / "w", branch)


def test_a_branch_that_is_not_there_is_refused(repo, tmp_path) -> None:
    for name in (BRANCH, "refs/tags/v1", "main"):
        with pytest.raises(WorktreeError, match="no branch"):
            add_worktree(repo, tmp_path / "w", name)


def test_nothing_is_left_behind_when_the_checkout_fails(checkout, repo, tmp_path) -> None:
    tree = repo.commit_tree(repo.resolve_commit("HEAD"))
    blob = repo.trees.lookup(tree, b"a.txt").oid
    bad = checkout.git("mktree", "--missing", stdin=f"100644 blob {'1' * 40}\tx\n".encode())
    commit = checkout.git("commit-tree", "-m", "bad", bad.decode().strip()).decode().strip()
    checkout.git("update-ref", BRANCH, commit)
    with pytest.raises(Exception, match="read-tree"):
        add_worktree(repo, tmp_path / "w", BRANCH)
    assert not (tmp_path / "w").exists()
    assert our_worktrees(repo.common_dir) == {}
    assert repo.objects.has(blob)


def test_work_that_would_be_lost_stays(checkout, repo, branch, tmp_path) -> None:
    path = tmp_path / "w"
    add_worktree(repo, path, branch)

    def refused(match: str) -> None:
        with pytest.raises(WorktreeError, match=match):
            remove_worktree(repo, path)
        assert path.exists()

    (path / "untracked").touch()
    refused("untracked")
    (path / "untracked").unlink()
    (path / "a.txt").write_text("changed\n")
    refused("changed")
    checkout.git("checkout", "-q", "--", "a.txt", cwd=path)
    checkout.git("checkout", "-q", "--detach", cwd=path)
    refused("not on a branch")
    checkout.git("checkout", "-q", "ws/plan/one", cwd=path)
    (path / ".git").write_text("gitdir: elsewhere\n")
    refused("does not belong")


def test_a_checkout_that_somebody_deleted_can_be_removed(checkout, repo, branch, tmp_path) -> None:
    add_worktree(repo, tmp_path / "w", branch)
    shutil.rmtree(tmp_path / "w")
    remove_worktree(repo, tmp_path / "w")
    assert our_worktrees(repo.common_dir) == {}


def test_worktrees_of_one_name_get_different_entries(checkout, repo, branch, tmp_path) -> None:
    checkout.git("branch", "ws/plan/two")
    one = add_worktree(repo, tmp_path / "1" / "..same", branch)
    two = add_worktree(repo, tmp_path / "2" / "..same", "refs/heads/ws/plan/two")
    assert one != two
    assert checkout.says("-C", tmp_path / "2/..same", "branch", "--show-current") == "ws/plan/two"


def test_a_worktree_in_the_middle_of_a_merge_stays(checkout, repo, branch, tmp_path) -> None:
    path = tmp_path / "w"
    entry = add_worktree(repo, path, branch)
    (entry / "MERGE_HEAD").write_text(checkout.says("rev-parse", "HEAD") + "\n")
    with pytest.raises(WorktreeError, match="merge or a rebase"):
        remove_worktree(repo, path)


def test_worktrees_of_others_are_never_removed(checkout, repo, tmp_path) -> None:
    checkout.git("worktree", "add", "-q", tmp_path / "theirs", "-b", "theirs")
    with pytest.raises(WorktreeError, match="not one that was made here"):
        remove_worktree(repo, tmp_path / "theirs")
    with pytest.raises(WorktreeError, match="not one that was made here"):
        remove_worktree(repo, checkout.path)
    assert (tmp_path / "theirs/a.txt").exists()


def test_half_made_entries_of_ours_are_healed_and_others_left(checkout, repo) -> None:
    for name in ("pipeline-one", "theirs"):
        entry = repo.common_dir / "worktrees" / name
        entry.mkdir(parents=True)
        (entry / "commondir").touch()
        (entry / "gitdir").write_text("/somewhere/.git\n")
        (entry / "HEAD").write_text("0" * 40 + "\n")
    with pytest.raises(AssertionError):
        checkout.git("worktree", "list")
    healed = heal_worktrees(repo.common_dir)
    assert [path.name for path in healed] == ["pipeline-one"]
    assert (repo.common_dir / "worktrees/theirs").exists()


def test_many_at_once_are_all_made(checkout, repo, tmp_path) -> None:
    """Sixteen processes; with git's own command some of these fail."""
    for n in range(16):
        checkout.git("branch", f"ws/{n}")
    code = (
        "import sys; from pathlib import Path; from pipeline.base.git import Repository\n"
        "from pipeline.base.git.worktrees import add_worktree\n"
        "with Repository.discover(Path(sys.argv[1])) as repo:\n"
        "    add_worktree(repo, Path(sys.argv[2]), sys.argv[3])\n"
    )
    children = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                code,
                checkout.path,
                tmp_path / f"x{n}/same",
                f"refs/heads/ws/{n}",
            ]
        )
        for n in range(16)
    ]
    assert [child.wait() for child in children] == [0] * 16
    assert len(our_worktrees(repo.common_dir)) == 16
    assert len(checkout.says("worktree", "list").splitlines()) == 17
    checkout.fsck()


@pytest.mark.kill
@pytest.mark.parametrize("action", ["add", "remove"])
def test_killed_at_any_call_the_repository_stays_usable(
    checkout, repo, branch, tmp_path, action
) -> None:
    """The process is killed at its 1st, 2nd, … file call; afterwards git works, and so do we."""
    code = (
        "import os, sys; from pathlib import Path; from pipeline.base.git import Repository\n"
        "from pipeline.base.git import worktrees\n"
        "left = int(sys.argv[3])\n"
        "def watch(event, args):\n"
        "    global left\n"
        "    names = ('open', 'os.mkdir', 'os.rename', 'os.remove', 'os.rmdir', 'os.chmod')\n"
        "    if event in names or event == 'subprocess.Popen':\n"
        "        left -= 1\n"
        "        if left == 0: os.kill(os.getpid(), 9)\n"
        "with Repository.discover(Path(sys.argv[1])) as repo:\n"
        "    sys.addaudithook(watch)\n"
        "    path = Path(sys.argv[2])\n"
        "    if sys.argv[4] == 'add': worktrees.add_worktree(repo, path, sys.argv[5])\n"
        "    else: worktrees.remove_worktree(repo, path)\n"
        "    left = 0\n"
    )
    path = tmp_path / "w"
    for at in range(1, 200, 3):
        if action == "remove" and path not in our_worktrees(repo.common_dir):
            _ensure_absent(path)
            add_worktree(repo, path, branch)
        argv = [sys.executable, "-c", code, checkout.path, path, str(at), action, branch]
        ended = subprocess.run(argv, capture_output=True, check=False)
        checkout.git("worktree", "list")
        checkout.git("rev-list", "--all")
        heal_worktrees(repo.common_dir)
        assert not list(repo.common_dir.glob("git-pipeline-*ing-*"))
        if ended.returncode == 0:
            break
        assert ended.returncode == -9, ended.stderr.decode()
        if action == "add":
            for made in our_worktrees(repo.common_dir).values():
                shutil.rmtree(made)
            _ensure_absent(path)
    else:
        raise AssertionError("it never came to an end")
    assert path.exists() == (action == "add")


def _ensure_absent(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)
