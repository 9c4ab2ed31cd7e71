"""The bare repository behind a repository of the fake, read and written with git itself."""

import functools
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "octocat",
    "GIT_AUTHOR_EMAIL": "octocat@example.com",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_NAME": "GitHub",
    "GIT_COMMITTER_EMAIL": "noreply@example.com",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
}
ZERO = "0" * 40
_ID = re.compile(r"[0-9a-f]{40}")


class GitError(Exception):
    """Git ended with an error; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit's parts; dates are ISO 8601 in UTC."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: tuple[str, str, str]
    committer: tuple[str, str, str]
    message: str


@dataclass(frozen=True, slots=True)
class Bare:
    """A bare repository at ``path``."""

    path: Path

    def git(self, *arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> bytes:
        """What git printed. GitError where it ended with an error."""
        surroundings = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        done = subprocess.run(
            ["git", "--git-dir", str(self.path), *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
            env=surroundings | _ENVIRONMENT | (env or {}),
        )
        if done.returncode != 0:
            raise GitError(done.stderr.decode(errors="replace").strip())
        return done.stdout

    def text(self, *arguments: str, stdin: bytes = b"") -> str:
        """What git printed, decoded, without the last newline."""
        return self.git(*arguments, stdin=stdin).decode(errors="replace").rstrip("\n")

    def create(self, default_branch: str, files: dict[str, str]) -> None:
        """Make the repository, with one commit of ``files`` where there are any."""
        self.path.mkdir(parents=True)
        (self.path / "objects").mkdir()
        (self.path / "refs" / "heads").mkdir(parents=True)
        (self.path / "HEAD").write_text(f"ref: refs/heads/{default_branch}\n")
        # Refs of pull requests are GitHub's own: nobody pushes or deletes them.
        (self.path / "config").write_text(
            "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[gc]\n\tauto = 0\n"
            "[receive]\n\tadvertisePushOptions = true\n\tautogc = false\n\thideRefs = refs/pull\n"
            "[uploadpack]\n\tallowAnySHA1InWant = true\n\tallowFilter = true\n"
            "[http]\n\treceivepack = true\n"
        )
        if files:
            self.commit_files(f"refs/heads/{default_branch}", files, "Start")

    def commit_files(
        self, ref: str, files: dict[str, str], message: str, *, start: str = ""
    ) -> str:
        """Put a commit with these files (path to text) added onto a ref; its id.

        A ref that is not there yet begins at ``start``.
        """
        old = self.refs(ref).get(ref, "")
        parent = old or self.refs(start).get(start, "")
        index = {"GIT_INDEX_FILE": str(self.path / f"index.{os.getpid()}")}
        if parent:
            self.git("read-tree", parent, env=index)
        for path, text in files.items():
            blob = self.text("hash-object", "-w", "--stdin", stdin=text.encode())
            self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
        tree = self.git("write-tree", env=index).decode().strip()
        Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)
        parents = ("-p", parent) if parent else ()
        sha = self.text("commit-tree", tree, *parents, "-m", message)
        self.git("update-ref", ref, sha, old or ZERO)
        return sha

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Full names and object ids, sorted; read from git's files, since every request asks."""
        found: dict[str, str] = {}
        packed = self.path / "packed-refs"
        if packed.exists():
            for line in packed.read_text().splitlines():
                sha, _, ref = line.partition(" ")
                if ref.startswith("refs/"):
                    found[ref] = sha
        for folder, _, names in os.walk(self.path / "refs"):
            for name in names:
                file = Path(folder, name)
                text = "" if name.endswith(".lock") else file.read_text().strip()
                if _ID.fullmatch(text):
                    found[file.relative_to(self.path).as_posix()] = text
        return {ref: found[ref] for ref in sorted(found) if ref.startswith(prefix)}

    def resolve(self, name: str) -> str:
        """The commit that a branch, tag, full ref or (abbreviated) id means; empty for none."""
        if _ID.fullmatch(name):
            return name if self.kind(name) == "commit" else ""
        for candidate in (f"refs/heads/{name}", f"refs/tags/{name}", name):
            found = _quietly(
                self, "rev-parse", "-q", "--verify", "--end-of-options", f"{candidate}^{{commit}}"
            )
            if found:
                return found
        return ""

    def kind(self, sha: str) -> str:
        """The type of an object; empty where there is none."""
        return _kind(self, sha) if _ID.fullmatch(sha) else _quietly(self, "cat-file", "-t", sha)

    def commit(self, sha: str) -> Commit:
        """A commit's parts."""
        return _commit(self, sha)

    def log(self, include: str, exclude: str = "", limit: int = 250, path: str = "") -> list[str]:
        """Commits of ``include`` that ``exclude`` has not, both ids; newest first."""
        more = (f"^{exclude}",) if exclude else ()
        paths = ("--", path) if path else ()
        return _quietly_cached(self, "rev-list", f"-{limit}", include, *more, *paths).split()

    def merge_base(self, one: str, other: str) -> str:
        """The best common ancestor of two ids; empty for unrelated ones."""
        return _quietly_cached(self, "merge-base", one, other)

    def changed(self, old: str, new: str) -> list[dict[str, Any]]:
        """Files that differ between two trees, with status, counts and patch."""
        return _changed(self, old, new)


def _quietly(bare: Bare, *arguments: str) -> str:
    """What git printed; empty where it ended with an error."""
    try:
        return bare.text(*arguments)
    except GitError:
        return ""


@functools.lru_cache(8192)
def _quietly_cached(bare: Bare, *arguments: str) -> str:
    """The same for questions about ids alone: the answer never changes."""
    return _quietly(bare, *arguments)


def _kind(bare: Bare, sha: str) -> str:
    """An object that is there stays; one that is not may come."""
    found = _KINDS.get((bare.path, sha)) or _quietly(bare, "cat-file", "-t", sha)
    if found:
        _KINDS[bare.path, sha] = found
    return found


_KINDS: dict[tuple[Path, str], str] = {}


@functools.lru_cache(4096)
def _commit(bare: Bare, sha: str) -> Commit:
    parts = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"
    text = bare.text("show", "-s", f"--format={parts}", "--end-of-options", f"{sha}^{{commit}}")
    found, tree, parents, an, ae, ad, cn, ce, cd, message = text.split("\0", 9)
    return Commit(
        found, tree, tuple(parents.split()), (an, ae, ad), (cn, ce, cd), message.rstrip("\n")
    )


_STATUS = {"A": "added", "M": "modified", "D": "removed", "R": "renamed", "T": "changed"}


@functools.lru_cache(512)
def _changed(bare: Bare, old: str, new: str) -> list[dict[str, Any]]:
    raw = bare.git("diff", "--raw", "-z", "-M", "--no-abbrev", old, new).decode(errors="replace")
    fields = iter(raw.split("\0"))
    found = []
    for head in fields:
        if not head.startswith(":"):
            continue
        _, _, _, blob, status = head[1:].split()
        before = next(fields)
        path = next(fields) if status[0] in "RC" else before
        patch = bare.text("diff", "-M", old, new, "--", before, path)
        hunks = patch[patch.find("\n@@") + 1 :] if "\n@@" in patch else ""
        lines = [line for line in hunks.splitlines() if not line.startswith("@@")]
        one: dict[str, Any] = {
            "sha": blob if blob != ZERO else None,
            "filename": path,
            "status": _STATUS[status[0]],
            "additions": sum(line.startswith("+") for line in lines),
            "deletions": sum(line.startswith("-") for line in lines),
        }
        one["changes"] = one["additions"] + one["deletions"]
        if hunks:
            one["patch"] = hunks
        if status[0] == "R":
            one["previous_filename"] = before
        found.append(one)
    return found
