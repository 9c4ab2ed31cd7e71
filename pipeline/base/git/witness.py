"""What plain git says about commits, trees, patches and merges, none of our own code asked.

Everything here is a git command on the repository's objects. What such a command makes (the tree
after a patch, a merged tree) goes to a temporary directory: the repository is only read.
"""

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.base.git.engine import alternates_value
from pipeline.base.git.errors import GitError
from pipeline.base.git.patches import APPLY_TIMEOUT_S, DIFF_FLAGS
from pipeline.base.git.repository import Repository
from pipeline.base.git.trees import TreeChange, TreeEntry
from pipeline.base.process import Completed

_PACK_TIMEOUT_S = 600.0
_SHOWN_AS_TEXT = ("-p", "--binary", "--unified=3")  # each asks for the patch itself
_COUNT_FLAGS = ("--numstat", *(flag for flag in DIFF_FLAGS if flag not in _SHOWN_AS_TEXT))
_NOBODY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "witness"), ("EMAIL", "witness@localhost"), ("DATE", "@0 +0000"))
}


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """What a commit says of its tree and its parents."""

    oid: str
    tree: str
    parents: tuple[str, ...]


class Witness:
    """Asks git; use it in a ``with`` block. Any method raises GitError for objects not there."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self._home = tempfile.TemporaryDirectory(prefix="git-pipeline-witness-")
        self._path = Path(self._home.name)
        (self._path / "objects").mkdir()
        self._env = _NOBODY | {
            "GIT_OBJECT_DIRECTORY": str(self._path / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": alternates_value((repo.common_dir / "objects",)),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._home.cleanup()

    def commits(self, oids: Iterable[str]) -> dict[str, CommitFacts]:
        """The commits among ids; what is missing or no commit is left out. One process."""
        wanted = list(dict.fromkeys(oid for oid in oids if oid))
        if not wanted:
            return {}
        out = self._git("cat-file", "--batch", stdin="\n".join(wanted).encode() + b"\n").out
        found, position = {}, 0
        for oid in wanted:
            end = out.index(b"\n", position)
            words = out[position:end].split(b" ")
            position = end + 1
            if words[-1] == b"missing":
                continue
            size = int(words[2])
            if words[1] == b"commit":
                found[oid] = _facts(oid, out[position : position + size])
            position += size + 1
        return found

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether history leads from ``newer`` back to ``older``; a commit is its own ancestor."""
        done = self._repo.shared_git("merge-base", "--is-ancestor", older, newer, ok=(0, 1, 128))
        return done.code == 0

    def first_parents(self, base: str, tip: str, limit: int) -> tuple[CommitFacts, ...]:
        """The newest ``limit`` commits after ``base`` up to ``tip`` by first parents, in order."""
        done = self._repo.shared_git(
            "rev-list", "--first-parent", "--reverse", f"--max-count={limit}", tip, f"^{base}"
        )
        oids = done.out.decode("ascii").split()
        facts = self.commits(oids)
        return tuple(facts[oid] for oid in oids if oid in facts)

    def changes(self, before: str, after: str) -> tuple[TreeChange, ...]:
        """How two trees differ, by ``git diff-tree``; sorted by path."""
        out = self._git("diff-tree", "-r", "-z", "--no-renames", "--raw", before, after, "--").out
        fields = out.split(b"\0")[:-1]
        pairs = zip(fields[::2], fields[1::2], strict=True)
        return tuple(sorted((_change(head, path) for head, path in pairs), key=lambda c: c.path))

    def diff(self, before: str, after: str) -> bytes:
        """The patch between two trees."""
        return self._git("diff-tree", *DIFF_FLAGS, before, after, "--").out

    def line_counts(self, before: str, after: str) -> tuple[int, int]:
        """How many lines are added and removed between two trees, by ``--numstat``."""
        out = self._git("diff-tree", *_COUNT_FLAGS, before, after, "--").out
        added = removed = 0
        for line in out.splitlines():
            plus, minus, *_ = line.split(b"\t")
            if plus != b"-":
                added, removed = added + int(plus), removed + int(minus)
        return added, removed

    def tree_after(self, tree: str, patch: bytes) -> str:
        """The tree that ``git apply`` makes of a tree; raises GitError where it refuses."""
        index = self._path / "index"
        index.unlink(missing_ok=True)
        env = {"GIT_INDEX_FILE": str(index)}
        self._git("read-tree", tree, env=env)
        flags = ("apply", "--cached", "-p1", "--whitespace=nowarn", "-")
        self._git(*flags, env=env, stdin=patch, timeout_s=APPLY_TIMEOUT_S)
        return self._git("write-tree", env=env).out.decode("ascii").strip()

    def merged_tree(self, base: str, ours: str, theirs: str) -> str | None:
        """The tree of git's own merge of three trees, ``None`` where it finds a conflict."""
        root = self._commit(base)
        sides = self._commit(ours, root), self._commit(theirs, root)
        args = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", *sides)
        done = self._git(*args, ok=(0, 1))
        return done.out.split(b"\0")[0].decode("ascii") if done.code == 0 else None

    def unsound_objects(self, base: str, tips: Sequence[str]) -> tuple[int, tuple[str, ...]]:
        """How many objects the tips have beyond ``base``, and those that are not what they name.

        Git packs them, reads the pack back, and computes every id from the content. Raises
        GitError where one is missing or cannot be read at all.
        """
        if not tips:
            return 0, ()
        revisions = "".join(f"{tip}\n" for tip in tips).encode() + f"^{base}\n".encode()
        listed = self._repo.shared_git("rev-list", "--objects", "--stdin", stdin=revisions)
        named = {line[: len(base)].decode("ascii") for line in listed.out.splitlines()}
        flags = ("pack-objects", "--stdout", "--revs", "-q", "--window=0", "--no-reuse-object")
        packed = self._repo.shared_git(*flags, stdin=revisions)
        pack = self._path / "sound.pack"
        pack.write_bytes(packed.out)
        self._git("index-pack", str(pack), timeout_s=_PACK_TIMEOUT_S)
        shown = self._git("show-index", stdin=pack.with_suffix(".idx").read_bytes())
        computed = {line.split(b" ")[1].decode("ascii") for line in shown.out.splitlines()}
        return len(named), tuple(sorted(named - computed))

    def _commit(self, tree: str, *parents: str) -> str:
        flags = [word for parent in parents for word in ("-p", parent)]
        done = self._git("commit-tree", tree, *flags, stdin=b"witness\n")
        return done.out.decode("ascii").strip()

    def _git(
        self,
        *args: str | bytes,
        stdin: bytes = b"",
        env: dict[str, str] | None = None,
        ok: Sequence[int] = (0,),
        timeout_s: float = 120.0,
    ) -> Completed:
        around = self._env | (env or {})
        return self._repo.git(*args, stdin=stdin, env=around, ok=ok, timeout_s=timeout_s)


def _facts(oid: str, content: bytes) -> CommitFacts:
    head = content.partition(b"\n\n")[0].decode("utf-8", "replace").splitlines()
    named = [line.split(" ", 1) for line in head if line.startswith(("tree ", "parent "))]
    trees = [value for key, value in named if key == "tree"]
    if len(trees) != 1:
        raise GitError("cat-file", 0, b"the commit " + os.fsencode(oid) + b" names no one tree")
    return CommitFacts(oid, trees[0], tuple(value for key, value in named if key == "parent"))


def _change(head: bytes, path: bytes) -> TreeChange:
    old_mode, new_mode, old, new, _ = head[1:].decode("ascii").split(" ")
    return TreeChange(path, _entry(old_mode, old), _entry(new_mode, new))


def _entry(mode: str, oid: str) -> TreeEntry | None:
    return TreeEntry(int(mode, 8), oid) if int(mode, 8) else None
