"""Real `git fetch` and `git push` over HTTP: git's own http-backend, and GitHub's rights."""

import base64
import binascii
import gzip
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .routing import ProblemError, missing
from .state import Repository, Token
from .world import World

_SERVICES = ("/info/refs", "/git-upload-pack", "/git-receive-pack")


@dataclass(frozen=True, slots=True)
class GitAnswer:
    """Status, headers and body, as http-backend made them."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def repository_of(path: str) -> tuple[str, str] | None:
    """The full name and the service of a request to git; None for other requests."""
    for service in _SERVICES:
        if path.endswith(service):
            name = path.removesuffix(service).strip("/").removesuffix(".git")
            return (name, service) if name.count("/") == 1 else None
    return None


def token_of(world: World, header: str) -> Token | None:
    """Basic with the token as password (any user), or Bearer. ProblemError 401 for others."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        found = world.tokens.get(password) or world.tokens.get(user)
    else:
        found = world.tokens.get(value)
    if header and found is None:
        raise ProblemError(401, "Bad credentials")
    return found


def serve(
    world: World,
    *,
    name: str,
    service: str,
    method: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
) -> GitAnswer:
    """Answer one request of git's. ProblemError where access is refused, as GitHub does it."""
    token = token_of(world, headers.get("authorization", ""))
    is_push = "git-receive-pack" in (service.strip("/"), query.removeprefix("service="))
    repo = _allowed(world, token, name, is_push=is_push)
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    path = f"{repo.bare.path.name}{service}"
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    done = subprocess.run(
        [
            *("git", "-c", f"core.hooksPath={_hooks(world)}"),
            *("-c", f"receive.advertiseAtomic={str(repo.settings.has_atomic_pushes).lower()}"),
            "http-backend",
        ],
        input=body,
        capture_output=True,
        check=False,
        timeout=120,
        env=surroundings
        | {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_PROJECT_ROOT": str(repo.bare.path.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": headers.get("git-protocol", ""),
            "PATH_INFO": f"/{path}",
            "REMOTE_USER": token.login if token else "",
            "REMOTE_ADDR": "127.0.0.1",
            "REQUEST_METHOD": method,
            "QUERY_STRING": query,
            "CONTENT_TYPE": headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "FAKE_PROTECTED": " ".join(f"refs/heads/{one}" for one in repo.settings.protected),
            "FAKE_TAKES_ANY_REF": str(int(repo.settings.takes_any_ref)),
            "FAKE_MAY_WORKFLOWS": str(int(token is not None and token.may("workflows", "write"))),
        },
    )
    if is_push and method == "POST":
        world.notice_pushes(repo)
    return _parsed(done.stdout)


def _allowed(world: World, token: Token | None, name: str, *, is_push: bool) -> Repository:
    """401 asks for a token, 404 hides a private repository, 403 refuses a push."""
    repo = world.repositories.get(name.lower())
    needs_token = is_push or repo is None or repo.private
    if token is None and needs_token:
        raise ProblemError(
            401, "Authentication required", headers={"WWW-Authenticate": 'Basic realm="GitHub"'}
        )
    if repo is None or (repo.private and not world.knows(token, repo)):
        raise missing("Repository not found.")
    if repo.private and token is not None and not token.may("contents", "read"):
        raise ProblemError(403, f"Permission to {name}.git denied to {token.login}.")
    is_writer = token is not None and world.knows(token, repo) and token.may("contents", "write")
    if is_push and repo.settings.is_archived:
        raise ProblemError(403, "This repository was archived so it is read-only.")
    if is_push and not is_writer:
        raise ProblemError(
            403, f"Permission to {name}.git denied to {token.login if token else ''}."
        )
    return repo


def _hooks(world: World) -> Path:
    """A folder with the one hook: protected branches, and the right to change workflows."""
    folder = world.folder / "hooks"
    hook = folder / "pre-receive"
    if not hook.exists():
        folder.mkdir(exist_ok=True)
        hook.write_text(_HOOK)
        hook.chmod(0o755)
    return folder


_HOOK = """#!/bin/sh
# GitHub: "refusing to allow a GitHub App to create or update workflow `...` without `workflows`
# permission". What is looked at are commits that the repository does not have yet.
while read -r old new ref; do
  case "$FAKE_TAKES_ANY_REF $ref" in
    1*|*refs/heads/*|*refs/tags/*) ;;
    *) echo "error: only branches and tags are taken here, not $ref" >&2; exit 1 ;;
  esac
  for name in $FAKE_PROTECTED; do
    [ "$ref" = "$name" ] || continue
    echo "error: GH006: Protected branch update failed for $ref." >&2
    exit 1
  done
  [ "$FAKE_MAY_WORKFLOWS" = 1 ] && continue
  case "$new" in *[!0]*) ;; *) continue ;; esac
  found=$(git rev-list "$new" --not --all | git diff-tree -r -m --root --stdin --name-only \\
    --no-commit-id -- .github/workflows | head -n 1)
  if [ -n "$found" ]; then
    echo "refusing to allow a GitHub App to create or update workflow \\`$found\\` without" \\
      "\\`workflows\\` permission" >&2
    exit 1
  fi
done
exit 0
"""


def _parsed(output: bytes) -> GitAnswer:
    """A CGI answer: headers, an empty line, the body."""
    head, _, body = output.partition(b"\r\n\r\n")
    status, headers = 200, []
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        elif name:
            headers.append((name, value.strip()))
    return GitAnswer(status, tuple(headers), body)
