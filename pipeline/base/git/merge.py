"""Three-way merges of trees, computed in the object database: no checkout, nothing to roll back.

Paths come first: a path changed on one side takes that side, a path changed alike on both is
settled. Only files changed differently on both sides are given to git, as trees that hold nothing
else, so a merge of unrelated changes starts no process at all. Git merges contents with the
algorithm of its ``ort`` strategy; renames are not looked for, and merge drivers cannot run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.base.git.engine import Engine
from pipeline.base.git.errors import GitError
from pipeline.base.git.history import Identity, commit_bytes
from pipeline.base.git.invoke import run_git
from pipeline.base.git.loose import LooseObjects
from pipeline.base.git.objects import Objects
from pipeline.base.git.trees import (
    FILE,
    TreeChange,
    TreeEntry,
    Trees,
    ancestors,
    parse_tree,
    serialise_tree,
)

_NOBODY = Identity("merge", "merge@localhost", 0)
_BINARY_WINDOW = 8000  # git looks for a NUL in the first 8000 bytes (buffer_is_binary)
_Both = tuple[TreeChange, TreeChange]


class ConflictKind(StrEnum):
    """Why a path could not be merged."""

    CONTENT = "content"
    MODIFY_DELETE = "modify/delete"
    ADD_ADD = "add/add"
    MODE = "mode"
    BINARY = "binary"
    DIRECTORY_FILE = "directory/file"
    NAME = "name"
    """Two names that are one where case does not count; not looked for by merging itself."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A path that both sides changed and that cannot hold both changes.

    ``text`` is the file with conflict markers (labels ``ours`` and ``theirs``) where lines
    conflict, else None. For ``directory/file`` the path is the file's.
    """

    path: bytes
    kind: ConflictKind
    base: TreeEntry | None
    ours: TreeEntry | None
    theirs: TreeEntry | None
    text: bytes | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """The merged tree, or None and the conflicts sorted by path."""

    tree: str | None
    conflicts: tuple[Conflict, ...]

    @property
    def is_clean(self) -> bool:
        """Whether there is a merged tree."""
        return self.tree is not None


class Merger:
    """Merges trees of one object database."""

    def __init__(self, engine: Engine, objects: Objects, trees: Trees) -> None:
        self._engine = engine
        self._objects = objects
        self._trees = trees
        self._own = LooseObjects(engine.own_objects, engine.object_format, is_durable=False)

    def merge(self, base: str, ours: str, theirs: str) -> Merge:
        """Fold what changed from ``base`` to ``theirs`` into ``ours`` (all tree ids)."""
        one = {change.path: change for change in self._trees.diff(base, ours)}
        two = {change.path: change for change in self._trees.diff(base, theirs)}
        both = [
            (one[path], two[path])
            for path in sorted(one.keys() & two.keys())
            if one[path].after != two[path].after
        ]
        settled = {path: two[path].after for path in two.keys() - one.keys()}
        conflicts, merged = self._merge_both(both)
        settled.update(merged)
        conflicts += self._collisions((base, ours, theirs), settled)
        if conflicts:
            unique = {conflict.path: conflict for conflict in reversed(conflicts)}
            return Merge(None, tuple(unique[path] for path in sorted(unique)))
        return Merge(self._trees.edit(ours, settled.items()) if settled else ours, ())

    def _merge_both(
        self, both: Sequence[_Both]
    ) -> tuple[list[Conflict], dict[bytes, TreeEntry | None]]:
        conflicts: list[Conflict] = []
        merged: dict[bytes, TreeEntry | None] = {}
        textual: list[_Both] = []
        for one, two in both:
            kind = _kind_without_content(one, two)
            oid, mode = _settled_oid(one, two), _merged_mode(one, two)
            if kind is not None:
                conflicts.append(_conflict(one, two, kind))
            elif oid is not None and mode is not None:
                merged[one.path] = TreeEntry(mode, oid)
            else:
                textual.append((one, two))
        if textual:
            self._merge_contents(textual, conflicts, merged)
        return conflicts, merged

    def _merge_contents(
        self,
        textual: Sequence[_Both],
        conflicts: list[Conflict],
        merged: dict[bytes, TreeEntry | None],
    ) -> None:
        contents = self._ask_git(textual)
        for (one, two), (content, is_clean) in zip(textual, contents, strict=True):
            mode = _merged_mode(one, two)
            if is_clean and mode is not None:
                merged[one.path] = TreeEntry(mode, self._objects.write("blob", content))
            elif is_clean:
                conflicts.append(_conflict(one, two, ConflictKind.MODE))
            elif self._is_binary(one, two):
                conflicts.append(_conflict(one, two, ConflictKind.BINARY))
            else:
                kind = ConflictKind.CONTENT if one.before else ConflictKind.ADD_ADD
                conflicts.append(_conflict(one, two, kind, content))

    def _ask_git(self, textual: Sequence[_Both]) -> list[tuple[bytes, bool]]:
        """The merged bytes of each file and whether they are free of conflicts.

        Each file gets a number for a name, so that no path can mean anything to git.
        """
        names = [b"%08d" % number for number in range(len(textual))]
        base = self._flat(names, [one.before for one, _ in textual])
        ours = self._flat(names, [one.after for one, _ in textual])
        theirs = self._flat(names, [two.after for _, two in textual])
        root = self._commit(base, ())
        sides = self._commit(ours, (root,)), self._commit(theirs, (root,))
        env = self._engine.environment(self._own.path, self._objects.loose.path)
        args = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", *sides)
        done = run_git(args, cwd=self._engine.git_dir, env=env, ok=(0, 1))
        tree, *conflicted = done.out.rstrip(b"\0").split(b"\0")
        if (done.code == 1) != bool(conflicted):
            raise GitError("merge-tree", done.code, done.err)
        unclean = set(conflicted)
        contents = self._contents(tree.decode("ascii"), names, sides)
        return [
            (content, name not in unclean) for name, content in zip(names, contents, strict=True)
        ]

    def _flat(self, names: Sequence[bytes], entries: Sequence[TreeEntry | None]) -> str:
        # Modes are merged by ourselves: for git every file is a plain one.
        files = {
            name: TreeEntry(FILE, entry.oid)
            for name, entry in zip(names, entries, strict=True)
            if entry is not None and entry.is_regular
        }
        return self._own.write("tree", serialise_tree(files))

    def _commit(self, tree: str, parents: tuple[str, ...]) -> str:
        data = commit_bytes(
            tree=tree, parents=parents, message="merge", author=_NOBODY, committer=_NOBODY
        )
        return self._own.write("commit", data)

    def _contents(
        self, tree: str, names: Sequence[bytes], sides: tuple[str, str]
    ) -> Iterator[bytes]:
        """The files of git's answer, with ``ours`` and ``theirs`` in place of our commit ids."""
        entries = parse_tree(tree, self._read_own("tree", tree), len(tree) // 2)
        for name in names:
            content = self._read_own("blob", entries[name].oid)
            for marker, side, label in ((b"<", sides[0], b"ours"), (b">", sides[1], b"theirs")):
                start = marker * 7 + b" "
                content = content.replace(start + side.encode("ascii"), start + label)
            yield content

    def _read_own(self, kind: str, oid: str) -> bytes:
        """An object of git's answer, which may be one that the repository has already."""
        if self._own.has(oid):
            return self._own.read(oid)[1]
        return self._objects.read_kind(oid, kind)

    def _is_binary(self, one: TreeChange, two: TreeChange) -> bool:
        sides = (one.before, one.after, two.after)
        oids = {entry.oid for entry in sides if entry is not None and entry.is_regular}
        return any(b"\0" in self._objects.read(oid)[1][:_BINARY_WINDOW] for oid in oids)

    def _collisions(
        self,
        trees: tuple[str, str, str],
        settled: Mapping[bytes, TreeEntry | None],
    ) -> list[Conflict]:
        """Files of one side that are directories on the other once ``settled`` is done to ours."""
        _, ours, _ = trees
        files: set[bytes] = set()
        for path, entry in settled.items():
            if entry is None:
                continue
            for above in ancestors(path):
                there = self._trees.lookup(ours, above)
                if there is not None and not there.is_directory and above not in settled:
                    files.add(above)
            there = self._trees.lookup(ours, path)
            if there is not None and there.is_directory:
                left = self._trees.flatten(there.oid)
                if any(settled.get(path + b"/" + name, there) is not None for name in left):
                    files.add(path)
        return [self._collision(trees, path) for path in files]

    def _collision(self, trees: tuple[str, str, str], path: bytes) -> Conflict:
        base, ours, theirs = (self._leaf(tree, path) for tree in trees)
        return Conflict(path, ConflictKind.DIRECTORY_FILE, base, ours, theirs)

    def _leaf(self, tree: str, path: bytes) -> TreeEntry | None:
        entry = self._trees.lookup(tree, path)
        return None if entry is None or entry.is_directory else entry


def _kind_without_content(one: TreeChange, two: TreeChange) -> ConflictKind | None:
    """The conflict that shows without looking into files; None if there is none so far."""
    ours, theirs = one.after, two.after
    if ours is None or theirs is None:
        return ConflictKind.MODIFY_DELETE
    if ours.kind_bits != theirs.kind_bits:
        return ConflictKind.MODE
    if _settled_oid(one, two) is not None:
        return None if _merged_mode(one, two) is not None else ConflictKind.MODE
    if not ours.is_regular:
        return ConflictKind.CONTENT if one.before else ConflictKind.ADD_ADD
    return None


def _settled_oid(one: TreeChange, two: TreeChange) -> str | None:
    """The content where one side's is the base's or both are alike, else None."""
    ours, theirs = _oid(one.after), _oid(two.after)
    if ours in (theirs, _oid(one.before)):
        return theirs
    return ours if theirs == _oid(one.before) else None


def _merged_mode(one: TreeChange, two: TreeChange) -> int | None:
    """The mode of both sides' change, None where they differ and neither is the base's."""
    base, ours, theirs = (
        entry.mode if entry else 0 for entry in (one.before, one.after, two.after)
    )
    if ours in (theirs, base):
        return theirs
    return ours if theirs == base else None


def _oid(entry: TreeEntry | None) -> str | None:
    return entry.oid if entry else None


def _conflict(
    one: TreeChange, two: TreeChange, kind: ConflictKind, text: bytes | None = None
) -> Conflict:
    return Conflict(one.path, kind, one.before, one.after, two.after, text)
