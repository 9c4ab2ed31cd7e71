# Plays actions/checkout: SERVER/REPOSITORY at COMMIT or REF into INTO, the token kept out of argv.
set -euo pipefail
url=$SERVER/$REPOSITORY
header="AUTHORIZATION: basic $(printf 'x-access-token:%s' "$TOKEN" | base64 -w0)"
export GIT_TERMINAL_PROMPT=0
fetch() {
  GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.$SERVER/.extraheader" GIT_CONFIG_VALUE_0="$header" \
    git fetch --quiet --no-recurse-submodules origin "$@"
}
git init --quiet "$INTO"
cd "$INTO"
git remote add origin "$url"
git config gc.auto 0
case "$REF" in
  refs/*) full=$REF ;;
  *) full=refs/heads/$REF ;;
esac
if [ "$DEPTH" = 0 ]; then
  fetch --prune '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'
elif [[ ! "$REF" =~ ^[0-9a-f]{40}$ ]]; then
  fetch "--depth=$DEPTH" "+$full:refs/remotes/origin/${full#refs/heads/}"
fi
if [[ "$REF" =~ ^[0-9a-f]{40}$ ]]; then
  git cat-file -e "$REF" 2>/dev/null || fetch "$REF"
  git checkout --quiet --detach "$REF"
else
  commit=${COMMIT:-$(git rev-parse "refs/remotes/origin/${full#refs/heads/}")}
  git checkout --quiet --force -B "${full#refs/heads/}" "$commit"
fi
if [ "$PERSIST" = true ]; then
  git config "http.$SERVER/.extraheader" "$header"
fi
{ echo "ref=$REF"; echo "commit=$(git rev-parse HEAD)"; } >> "$GITHUB_OUTPUT"
