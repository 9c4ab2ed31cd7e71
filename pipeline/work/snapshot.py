"""What a slot's checkout is known to hold, and by which signatures that can be told again."""

import hashlib
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.git import GITLINK, TreeEntry
from pipeline.work.walk import Signature

TICK_NS = 20_000_000  # twice the longest timer tick of Linux (CONFIG_HZ=100)
COARSE_TICK_NS = 2_000_000_000  # FAT; also covers file systems that keep whole seconds
_MAGIC = b"pipeline snapshot 1\n"
_RECORD = struct.Struct(">7QIHH")
_U64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A checkout of ``tree``, as it was when the clock of its file system said ``stamp_ns``.

    ``entries`` are the tree's paths; ``signatures`` those of the same paths on disk, gitlinks
    left out. ``directories`` are the directories that the tree needs. ``doubtful`` paths were
    changed so shortly before the stamp that a later change could have kept the signature.
    """

    tree: str
    entries: Mapping[bytes, TreeEntry]
    signatures: Mapping[bytes, Signature]
    directories: frozenset[bytes]
    stamp_ns: int
    doubtful: frozenset[bytes]

    @property
    def gitlinks(self) -> frozenset[bytes]:
        """The paths of submodules: empty directories on disk."""
        if len(self.entries) == len(self.signatures):
            return frozenset()
        return frozenset(self.entries.keys() - self.signatures.keys())


def take_stamp(clock: Path) -> int:
    """The present in the clock of the file system that ``clock`` lies on, in nanoseconds."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    handle = os.open(clock, flags, 0o600)
    try:
        os.utime(handle)
        return os.fstat(handle).st_mtime_ns
    finally:
        os.close(handle)


def make_snapshot(
    tree: str,
    entries: Mapping[bytes, TreeEntry],
    signatures: Mapping[bytes, Signature],
    directories: frozenset[bytes],
    stamp_ns: int,
) -> Snapshot:
    """A snapshot, with the doubtful paths worked out from the stamp."""
    is_coarse = stamp_ns % 1_000_000_000 == 0
    since = stamp_ns - (COARSE_TICK_NS if is_coarse else TICK_NS)
    doubtful = frozenset([path for path, found in signatures.items() if found[6] >= since])
    return Snapshot(tree, entries, signatures, directories, stamp_ns, doubtful)


def directories_of(paths: Mapping[bytes, TreeEntry]) -> frozenset[bytes]:
    """Every directory that files at these paths need; a gitlink is a directory itself."""
    found: set[bytes] = set()
    for path, entry in paths.items():
        if entry.mode == GITLINK:
            found.add(path)
        at = path.rfind(b"/")
        while at > 0 and path[:at] not in found:
            found.add(path[:at])
            at = path.rfind(b"/", 0, at)
    return frozenset(found)


def save_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot so that another process can go on from it; replaces atomically."""
    rows = [_MAGIC, snapshot.tree.encode("ascii"), b"\n", b"%d\n" % snapshot.stamp_ns]
    for name, entry in snapshot.entries.items():
        found = snapshot.signatures.get(name, (0,) * 7)
        oid = bytes.fromhex(entry.oid)
        numbers = (value & _U64 for value in found)
        rows += (_RECORD.pack(*numbers, entry.mode, len(oid), len(name)), oid, name)
    body = b"".join(rows)
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(hashlib.sha256(body).digest() + body)
    temporary.replace(path)


def load_snapshot(path: Path) -> Snapshot | None:
    """The snapshot that was saved there, or None when there is none that is whole."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            data = file.read()
    except OSError:
        return None
    body = data[32:]
    if hashlib.sha256(body).digest() != data[:32] or not body.startswith(_MAGIC):
        return None
    try:
        return _parse(body)
    except (ValueError, struct.error):
        return None


def _parse(body: bytes) -> Snapshot:
    entries: dict[bytes, TreeEntry] = {}
    signatures: dict[bytes, Signature] = {}
    _, tree, stamp, rest = body.split(b"\n", 3)
    at = 0
    while at < len(rest):
        *found, mode, oid_length, name_length = _RECORD.unpack_from(rest, at)
        at += _RECORD.size
        oid = rest[at : at + oid_length].hex()
        name = rest[at + oid_length : at + oid_length + name_length]
        at += oid_length + name_length
        entries[name] = TreeEntry(mode, oid)
        if mode != GITLINK:
            one, two, three, four, five, six, seven = found
            signatures[name] = (one, two, three, four, five, six, seven)
    return make_snapshot(
        tree.decode("ascii"), entries, signatures, directories_of(entries), int(stamp)
    )
