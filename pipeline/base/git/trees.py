"""Trees without a checkout: read, flatten, compare, look up and edit them in memory.

Entries of a tree object are sorted by name, where a directory's name counts as if it ended in
``/`` (git's ``base_name_compare``). `diff` and `edit` go down only where something differs.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pipeline.base.git.errors import (
    MalformedObjectError,
    PathCollisionError,
    TreeEditError,
    TreeTooLargeError,
)
from pipeline.base.git.objects import Objects, require_oid

FILE = 0o100644
EXECUTABLE = 0o100755
SYMLINK = 0o120000
GITLINK = 0o160000
DIRECTORY = 0o040000
_CACHED_ENTRIES = 250_000
_KEPT_DIFFS = 64
_KEPT_CHANGES = 1000
MOST_ENTRIES = 3_000_000  # several times what the largest repositories hold
_DEEPEST = 300  # edit recurses once per directory


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """What a name stands for: git's mode (``0o100644`` …) and an object id."""

    mode: int
    oid: str

    @property
    def is_directory(self) -> bool:
        """Whether it is a tree."""
        return self.mode == DIRECTORY

    @property
    def kind_bits(self) -> int:
        """The part of the mode that tells files, links, gitlinks and directories apart."""
        return self.mode & 0o170000

    @property
    def is_regular(self) -> bool:
        """Whether it is a file with bytes of its own, executable or not."""
        return self.kind_bits == 0o100000


@dataclass(frozen=True, slots=True)
class TreeChange:
    """A path that differs between two trees; None where there is no file."""

    path: bytes
    before: TreeEntry | None
    after: TreeEntry | None


Entries = Mapping[bytes, TreeEntry]
_NOTHING: Entries = {}


def parse_tree(oid: str, data: bytes, oid_bytes: int) -> dict[bytes, TreeEntry]:
    """The entries of a raw tree in its order; raises MalformedObjectError."""
    entries: dict[bytes, TreeEntry] = {}
    at, end = 0, len(data)
    try:
        while at < end:
            space = data.index(b" ", at)
            nul = data.index(b"\0", space)
            name = data[space + 1 : nul]
            after = nul + 1 + oid_bytes
            if after > end or not name or b"/" in name or name in entries:
                raise MalformedObjectError(oid, f"it has a bad entry {name!r}")
            mode = int(data[at:space], 8)
            entries[name] = TreeEntry(mode, data[nul + 1 : after].hex())
            at = after
    except ValueError:
        raise MalformedObjectError(oid, "it is cut short or has a bad mode") from None
    return entries


def _sort_key(item: tuple[bytes, TreeEntry]) -> bytes:
    name, entry = item
    return name + b"/" if entry.mode == DIRECTORY else name


def serialise_tree(entries: Entries) -> bytes:
    """The raw tree of these entries, in git's order."""
    return b"".join(
        b"%o %s\0%s" % (entry.mode, name, bytes.fromhex(entry.oid))
        for name, entry in sorted(entries.items(), key=_sort_key)
    )


class Trees:
    """Trees of one object database, parsed ones kept in memory; safe for use by many threads.

    ``lender`` are the trees of the database that this one borrows from, if it does.
    """

    def __init__(
        self,
        objects: Objects,
        lender: "Trees | None" = None,
        *,
        most_entries: int = 0,
    ) -> None:
        self._objects = objects
        self._most_entries = most_entries or MOST_ENTRIES
        self._lender = lender
        self._oid_bytes = len(objects.zero) // 2
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, Entries] = OrderedDict()
        self._cached_entries = 0
        self._diffs: OrderedDict[tuple[str, str], tuple[TreeChange, ...]] = OrderedDict()

    def entries(self, tree: str) -> Entries:
        """The entries of one tree object, directories included, not to be changed."""
        if tree == self._objects.empty_tree:
            return _NOTHING
        with self._lock:
            found = self._cache.get(tree)
            if found is not None:
                self._cache.move_to_end(tree)
                return found
        if self._lender is not None and not self._objects.loose.has(tree):
            return self._lender.entries(tree)
        parsed = parse_tree(tree, self._objects.read_kind(tree, "tree"), self._oid_bytes)
        self._remember(tree, parsed)
        return parsed

    def flatten(self, tree: str) -> dict[bytes, TreeEntry]:
        """Every file, link and gitlink below a tree by its full path, sorted by path.

        Raises TreeTooLargeError, as `diff`.
        """
        found: dict[bytes, TreeEntry] = {}
        seen = 0
        pending = [(b"", tree)]
        while pending:
            prefix, oid = pending.pop()
            entries = self.entries(oid)
            seen += len(entries)
            self._require_few(tree, seen)
            for name, entry in entries.items():
                if entry.mode == DIRECTORY:
                    pending.append((prefix + name + b"/", entry.oid))
                else:
                    found[prefix + name] = entry
        return dict(sorted(found.items()))

    def diff(self, before: str, after: str) -> tuple[TreeChange, ...]:
        """What differs between two trees, sorted by path; renames are not looked for."""
        pair = (before, after)
        known = self._diffs.get(pair)
        if known is None:
            known = self._diff(before, after)
            if len(known) <= _KEPT_CHANGES:
                with self._lock:
                    self._diffs[pair] = known
                    while len(self._diffs) > _KEPT_DIFFS:
                        self._diffs.popitem(last=False)
        return known

    def _diff(self, before: str, after: str) -> tuple[TreeChange, ...]:
        changes: list[TreeChange] = []
        seen = 0
        pending: list[tuple[bytes, str | None, str | None]] = [(b"", before, after)]
        while pending:
            prefix, old_tree, new_tree = pending.pop()
            if old_tree == new_tree:
                continue
            old = self.entries(old_tree) if old_tree else _NOTHING
            new = self.entries(new_tree) if new_tree else _NOTHING
            seen += len(old) + len(new)
            self._require_few(after, seen)
            for name in _differing(old, new):
                one, two = old.get(name), new.get(name)
                path = prefix + name
                pending.append((path + b"/", _subtree(one), _subtree(two)))
                one, two = _leaf(one), _leaf(two)
                if one != two:
                    changes.append(TreeChange(path, one, two))
        return tuple(sorted(changes, key=lambda change: change.path))

    def _require_few(self, tree: str, seen: int) -> None:
        if seen > self._most_entries:
            raise TreeTooLargeError(tree, self._most_entries)

    def lookup(self, tree: str, path: bytes) -> TreeEntry | None:
        """What is at a path (a directory's entry has mode ``DIRECTORY``); None if nothing is."""
        entry: TreeEntry | None = TreeEntry(DIRECTORY, tree)
        for name in path.split(b"/"):
            if entry is None or entry.mode != DIRECTORY:
                return None
            entry = self.entries(entry.oid).get(name)
        return entry

    def names(self, tree: str, folder: bytes) -> frozenset[bytes]:
        """The names in a directory of a tree (``b""`` is the top); none if there is no such."""
        entry = self.lookup(tree, folder) if folder else TreeEntry(DIRECTORY, tree)
        if entry is None or entry.mode != DIRECTORY:
            return frozenset()
        return frozenset(self.entries(entry.oid))

    def write(self, entries: Entries) -> str:
        """Store one tree object of these entries and return its id."""
        oid = self._objects.write("tree", serialise_tree(entries))
        self._remember(oid, dict(sorted(entries.items(), key=_sort_key)))
        return oid

    def edit(self, tree: str, changes: Iterable[tuple[bytes, TreeEntry | None]]) -> str:
        """The tree with files put in place, or removed where the entry is None.

        All changes hold at once, in any order: a file may become a directory. Directories that
        end up empty go away. Raises PathCollisionError where a path would be a file and a
        directory at once, TreeEditError for a path that git could not hold, that is named twice,
        or that is to be removed and is not a file there.
        """
        root = _Node()
        for path, entry in changes:
            _plant(root, path, self._checked(path, entry))
        edited = self._edit(tree, root, b"")
        return edited if edited is not None else self.write({})

    def _checked(self, path: bytes, entry: TreeEntry | None) -> TreeEntry | None:
        if entry is not None:
            require_oid(entry.oid, self._objects.object_format)
            if entry.kind_bits not in (0o100000, SYMLINK, GITLINK):
                raise TreeEditError(path, f"{entry.mode:o} is not a file's mode")
        return entry

    def _edit(self, tree: str | None, node: "_Node", prefix: bytes) -> str | None:
        """The edited tree below ``prefix``, or None when nothing is left of it."""
        entries = dict(self.entries(tree)) if tree else {}
        for name in node.removed:
            entry = entries.get(name)
            if entry is None or entry.mode == DIRECTORY:
                raise TreeEditError(prefix + name, "it is to be removed and is no file")
            del entries[name]
        for name, below in node.below.items():
            entry = entries.get(name)
            if entry is not None and entry.mode != DIRECTORY:
                raise PathCollisionError(prefix + name)
            edited = self._edit(entry.oid if entry else None, below, prefix + name + b"/")
            if edited is None:
                entries.pop(name, None)
            else:
                entries[name] = TreeEntry(DIRECTORY, edited)
        for name, put in node.put.items():
            entry = entries.get(name)
            if entry is not None and entry.mode == DIRECTORY:
                raise PathCollisionError(prefix + name)
            entries[name] = put
        return self.write(entries) if entries else None

    def _remember(self, tree: str, entries: Entries) -> None:
        with self._lock:
            if tree in self._cache:
                return
            self._cache[tree] = entries
            self._cached_entries += len(entries)
            while self._cached_entries > _CACHED_ENTRIES:
                self._cached_entries -= len(self._cache.popitem(last=False)[1])


class _Node:
    """Changes of one directory: names to put, names to remove, and changes below."""

    __slots__ = ("below", "put", "removed")

    def __init__(self) -> None:
        self.put: dict[bytes, TreeEntry] = {}
        self.removed: set[bytes] = set()
        self.below: dict[bytes, _Node] = {}


def _plant(root: _Node, path: bytes, entry: TreeEntry | None) -> None:
    *parents, name = path.split(b"/")
    if len(parents) > _DEEPEST:
        raise TreeEditError(path, "it is nested too deeply")
    node = root
    for part in (*parents, name):
        if part in (b"", b".", b"..") or part.lower() == b".git" or b"\0" in part:
            raise TreeEditError(path, "git cannot hold this name")
    for part in parents:
        node = node.below.setdefault(part, _Node())
    if name in node.put or name in node.removed:
        raise TreeEditError(path, "it is named twice")
    if entry is None:
        node.removed.add(name)
    else:
        node.put[name] = entry


def _differing(old: Entries, new: Entries) -> Iterator[bytes]:
    """The names that are not the same in both; most are, and comparing fields is quickest."""
    find = new.get
    for name, one in old.items():
        two = find(name)
        if two is not one and (two is None or two.oid != one.oid or two.mode != one.mode):
            yield name
    yield from new.keys() - old.keys()


def _subtree(entry: TreeEntry | None) -> str | None:
    return entry.oid if entry is not None and entry.mode == DIRECTORY else None


def _leaf(entry: TreeEntry | None) -> TreeEntry | None:
    return entry if entry is not None and entry.mode != DIRECTORY else None


def ancestors(path: bytes) -> Iterator[bytes]:
    """The directories above a path, nearest to the root first."""
    at = path.find(b"/")
    while at >= 0:
        yield path[:at]
        at = path.find(b"/", at + 1)
