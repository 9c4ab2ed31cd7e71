"""A directory brought to exactly a tree's files, at a cost that follows from what differs."""

import hashlib
import io
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.base.git import EXECUTABLE, GITLINK, SYMLINK, Repository, TreeChange, TreeEntry
from pipeline.work.removal import SlotError, Trash, make_directory, names_in
from pipeline.work.snapshot import Snapshot, directories_of, make_snapshot, take_stamp
from pipeline.work.walk import OPEN_DIRECTORY, Signature, Walked, signature, walk

_SPARE_ENTRIES = 200_000
_PIECE = 1 << 20  # bytes
_MODES = {0o100644: stat.S_IFREG | 0o644, EXECUTABLE: stat.S_IFREG | 0o755}


class Checkout:
    """The ``tree`` directory of one slot and what is known of it.

    ``snapshot`` is None when nothing is known: every file is then compared by its content.
    """

    def __init__(self, slot: Path, repo: Repository) -> None:
        self.slot = slot
        self.snapshot: Snapshot | None = None
        self._repo = repo
        self._identity = _identity(slot.lstat())

    def bring_to(self, tree: str) -> Snapshot:
        """Restore what differs from what is known, then apply the difference to ``tree``.

        Afterwards the directory holds the tree's files, byte for byte and with modes 644 or 755,
        and nothing else. Raises SlotError when that cannot be reached.
        """
        known, self.snapshot = self.snapshot, None
        slot = os.open(self.slot, OPEN_DIRECTORY)
        try:
            if _identity(os.fstat(slot)) != self._identity:
                raise SlotError(f"{self.slot} is not the directory it was.")
            trash = Trash(slot)
            try:
                make_directory(slot, b"tree", 0o755)
                root = os.open(b"tree", OPEN_DIRECTORY, dir_fd=slot)
                try:
                    self.snapshot = self._bring(root, trash, known, tree)
                finally:
                    os.close(root)
            finally:
                trash.close()
        finally:
            os.close(slot)
        return self.snapshot

    def _bring(self, root: int, trash: Trash, known: Snapshot | None, tree: str) -> Snapshot:
        changes = self._repo.trees.diff(known.tree, tree) if known else ()
        wanted = self._wanted(known, tree, changes)
        needed = _needed(known, wanted, changes)
        spare = len(wanted) + len(needed) + _SPARE_ENTRIES
        found = walk(root, known=needed, repair=True, max_entries=spare)
        if not found.is_complete:
            _empty(root, trash)
            found = Walked()
        if found.mount_points or found.unreadable:
            raise SlotError("A directory of a slot cannot be entered.", remedy="Remove the slot.")
        kept, unproven = _told_by_signature(found, known, wanted, changes)
        self._prove(root, found, wanted, kept, unproven)
        if len(kept) != len(found.files) or found.directories.keys() - needed:
            _remove(root, trash, found, kept, needed)
        if any(mode != 0o755 for mode in found.directories.values()):
            _set_modes(root, found, needed)
        _write(root, self._repo, wanted, kept, needed - found.directories.keys())
        stamp = take_stamp(self.slot / "clock")
        return make_snapshot(tree, wanted, kept, needed, stamp)

    def _wanted(
        self, known: Snapshot | None, tree: str, changes: Iterable[TreeChange]
    ) -> Mapping[bytes, TreeEntry]:
        if known is None:
            return self._repo.trees.flatten(tree)
        if not changes:
            return known.entries
        wanted = dict(known.entries)
        for change in changes:
            if change.after is None:
                del wanted[change.path]
            else:
                wanted[change.path] = change.after
        return wanted

    def _prove(
        self,
        root: int,
        found: Walked,
        wanted: Mapping[bytes, TreeEntry],
        kept: dict[bytes, Signature],
        unproven: Iterable[bytes],
    ) -> None:
        """Add to ``kept`` what is as wanted by its content."""
        descent = Descent(root)
        try:
            for path in sorted(unproven):
                if self._is_as_wanted(descent, path, found.files[path], wanted[path]):
                    kept[path] = found.files[path]
        finally:
            descent.close()

    def _is_as_wanted(
        self, descent: "Descent", path: bytes, seen: Signature, entry: TreeEntry
    ) -> bool:
        """Compare a file or link by its content; anything unusual is simply not as wanted."""
        is_link = entry.mode == SYMLINK and stat.S_ISLNK(seen[0])
        if not is_link and (seen[0] != _MODES.get(entry.mode) or seen[1] != 1):
            return False
        try:
            oid = (
                blob_id(self._repo.object_format, descent.read_link(path))
                if is_link
                else descent.blob_id(path, seen, self._repo.object_format)
            )
        except OSError:
            return False
        return oid == entry.oid


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_dev, found.st_ino, found.st_uid


def _needed(
    known: Snapshot | None, wanted: Mapping[bytes, TreeEntry], changes: Iterable[TreeChange]
) -> frozenset[bytes]:
    """The directories of the wanted tree, worked out anew only where paths came or went."""
    if known is None:
        return directories_of(wanted)
    for change in changes:
        before, after = change.before, change.after
        if before is None or after is None or GITLINK in (before.mode, after.mode):
            return directories_of(wanted)
    return known.directories


def _told_by_signature(
    found: Walked,
    known: Snapshot | None,
    wanted: Mapping[bytes, TreeEntry],
    changes: Iterable[TreeChange],
) -> tuple[dict[bytes, Signature], set[bytes]]:
    """What is on disk as wanted by its signature, and what could be by its content."""
    if known is None:
        return {}, set(found.files.keys() & wanted.keys())
    kept = dict(found.files)
    differing = differing_paths(known.signatures, kept)
    outdated = {change.path for change in changes}
    unproven = set()
    for path in differing | outdated | known.doubtful:
        is_there = kept.pop(path, None) is not None
        if is_there and path in wanted and (path in differing or path not in outdated):
            unproven.add(path)
    return kept, unproven


def differing_paths(
    known: Mapping[bytes, Signature], found: Mapping[bytes, Signature]
) -> set[bytes]:
    """The paths that are there with another signature than the known one, or with none known."""
    if known == found:
        return set()
    lookup = known.get
    return {path for path, seen in found.items() if lookup(path) != seen}


def blob_id(object_format: str, data: bytes) -> str:
    """The id that git gives to a file of these bytes, taken as they are."""
    hasher = hashlib.new(object_format, b"blob %d\0" % len(data), usedforsecurity=False)
    hasher.update(data)
    return hasher.hexdigest()


class Descent:
    """Open directories along one path below a root; going on to a near path costs little.

    No component may be a link: each is opened by itself, below the one before.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._open: list[tuple[bytes, int]] = []

    def close(self) -> None:
        """Let go of every directory but the root."""
        self._up_to(0)

    def at(self, directory: bytes, *, make: bool = False) -> int:
        """A descriptor of ``directory`` (empty for the root), valid until the next call."""
        parts = directory.split(b"/") if directory else []
        depth = 0
        for (name, _), part in zip(self._open, parts, strict=False):
            if name != part:
                break
            depth += 1
        self._up_to(depth)
        for part in parts[depth:]:
            parent = self._open[-1][1] if self._open else self._root
            if make:
                make_directory(parent, part, 0o755)
            self._open.append((part, os.open(part, OPEN_DIRECTORY, dir_fd=parent)))
        return self._open[-1][1] if self._open else self._root

    def parent_of(self, path: bytes, *, make: bool = False) -> tuple[int, bytes]:
        """The directory that holds ``path``, open, and the name in it."""
        directory, _, name = path.rpartition(b"/")
        return self.at(directory, make=make), name

    def read(self, path: bytes, seen: Signature, limit: int | None = None) -> bytes | None:
        """The bytes of a regular file that is still the one that was ``seen``; None otherwise.

        Raises OSError when it cannot be opened. Nothing of a larger file than ``limit`` is read.
        """
        with self._open_file(path) as file:
            handle = file.fileno()
            is_same = signature(os.fstat(handle)) == seen
            if not is_same or (limit is not None and seen[4] > limit):
                return None
            data = file.read(seen[4] + 1)
            while len(data) < seen[4]:
                more = file.read(seen[4] - len(data))
                if not more:
                    return None
                data += more
            return data if signature(os.fstat(handle)) == seen else None

    def blob_id(self, path: bytes, seen: Signature, object_format: str) -> str | None:
        """The id of a file's content, read in pieces; None when it is not what was ``seen``."""
        hasher = hashlib.new(object_format, b"blob %d\0" % seen[4], usedforsecurity=False)
        with self._open_file(path) as file:
            if signature(os.fstat(file.fileno())) != seen:
                return None
            while piece := file.read(_PIECE):
                hasher.update(piece)
            return hasher.hexdigest() if signature(os.fstat(file.fileno())) == seen else None

    def _open_file(self, path: bytes) -> io.FileIO:
        parent, name = self.parent_of(path)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        return io.FileIO(os.open(name, flags, dir_fd=parent), "rb")

    def read_link(self, path: bytes) -> bytes:
        """Where a link points, as bytes; raises OSError when it is none."""
        parent, name = self.parent_of(path)
        return os.readlink(name, dir_fd=parent)

    def _up_to(self, depth: int) -> None:
        while len(self._open) > depth:
            os.close(self._open.pop()[1])


def _empty(root: int, trash: Trash) -> None:
    for name in names_in(root):
        trash.remove(root, name)


def _remove(
    root: int,
    trash: Trash,
    found: Walked,
    kept: Mapping[bytes, Signature],
    needed: frozenset[bytes],
) -> None:
    """Remove what is not kept and not needed; of nested directories only the topmost."""
    descent = Descent(root)
    gone: set[bytes] = set()
    try:
        for path in sorted(found.directories.keys() - needed):
            if not _lies_in(path, gone):
                trash.remove(*descent.parent_of(path))
                gone.add(path)
        for path in sorted(found.files.keys() - kept.keys()):
            if not _lies_in(path, gone):
                trash.remove(*descent.parent_of(path))
    finally:
        descent.close()


def _lies_in(path: bytes, directories: set[bytes]) -> bool:
    if not directories:
        return False
    at = path.find(b"/")
    while at > 0:
        if path[:at] in directories:
            return True
        at = path.find(b"/", at + 1)
    return False


def _set_modes(root: int, found: Walked, needed: frozenset[bytes]) -> None:
    descent = Descent(root)
    try:
        for path in sorted(found.directories.keys() & needed):
            if found.directories[path] != 0o755:
                os.fchmod(descent.at(path), 0o755)
    finally:
        descent.close()


def _write(
    root: int,
    repo: Repository,
    wanted: Mapping[bytes, TreeEntry],
    kept: dict[bytes, Signature],
    missing_directories: frozenset[bytes],
) -> None:
    """Write what is wanted and not kept, and add its signatures to ``kept``; links come last."""
    if len(kept) == len(wanted) and not missing_directories:
        return
    missing = sorted(wanted.keys() - kept.keys())
    links = [path for path in missing if wanted[path].mode == SYMLINK]
    descent = Descent(root)
    try:
        for path in sorted(missing_directories):
            descent.at(path, make=True)
        for path in missing:
            if wanted[path].mode not in (SYMLINK, GITLINK):
                kept[path] = _write_file(descent, repo, path, wanted[path])
        for path in links:
            kept[path] = _write_link(descent, repo, path, wanted[path])
    finally:
        descent.close()


def _write_file(descent: Descent, repo: Repository, path: bytes, entry: TreeEntry) -> Signature:
    parent, name = descent.parent_of(path, make=True)
    mode = 0o755 if entry.mode == EXECUTABLE else 0o644
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(name, flags, mode, dir_fd=parent)
    with os.fdopen(handle, "wb", buffering=0) as file:
        # In pieces: a large file is never whole in memory.
        repo.objects.stream(entry.oid, lambda data: _write_all(file, data))
        os.fchmod(handle, mode)
        return signature(os.fstat(handle))


def _write_all(file: io.RawIOBase, data: bytes) -> None:
    written = 0
    while written < len(data):
        written += file.write(memoryview(data)[written:]) or 0


def _write_link(descent: Descent, repo: Repository, path: bytes, entry: TreeEntry) -> Signature:
    parent, name = descent.parent_of(path, make=True)
    os.symlink(repo.objects.read(entry.oid)[1], name, dir_fd=parent)
    return signature(os.stat(name, dir_fd=parent, follow_symlinks=False))
