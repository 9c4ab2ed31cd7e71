"""Writing and reading loose objects without starting git.

Starting ``git hash-object`` costs about 2 ms of processor time; writing the file costs 0.1 ms. The
format is stable and small (gitrepository-layout, "objects/[0-9a-f][0-9a-f]"; the same bytes since
2005): zlib of ``<kind> <length in decimal>\\0<data>``, named by the hash of those bytes before
compression, with SHA-256 in place of SHA-1 where ``extensions.objectFormat`` says so.

Durability is deferred: `write` puts the file in place atomically, `flush` forces all files written
since the last flush and their directories to disk. Only after `flush` may anything that outlives a
power cut name the object.

Permissions follow those of the objects directory, which is what ``core.sharedRepository`` comes to
for directories made by git; the setting itself is not read, so a group-writable umask beyond it is
not given to files (git does not need that: objects are read-only).
"""

# Done for every object, where a Path costs more than what is done with it:
# ruff: noqa: PTH101, PTH102, PTH105, PTH108, PTH113, PTH116, PTH123, PTH208
import contextlib
import hashlib
import io
import itertools
import os
import re
import stat
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.base.errors import UnfitError
from pipeline.base.git.errors import MalformedObjectError, MissingObjectError

_HASHERS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
_FAN = re.compile(r"[0-9a-f]{2}")
KINDS = ("blob", "tree", "commit", "tag")
_COMPRESSION = 1
_READ_LIMIT = 1 << 30
_HEADER = 128  # bytes; kind and length take less than 32


def object_id(object_format: str, kind: str, data: bytes) -> str:
    """The id that git gives to ``data`` as an object of ``kind``."""
    hasher = _HASHERS[object_format](
        b"%s %d\0" % (kind.encode("ascii"), len(data)), usedforsecurity=False
    )
    hasher.update(data)
    return hasher.hexdigest()


class LooseObjects:
    """The loose objects of one object directory; safe for use by many threads and processes."""

    def __init__(self, path: Path, object_format: str, *, is_durable: bool = True) -> None:
        self.path = path
        self.object_format = object_format
        self._root = os.fspath(path)
        self._is_durable = is_durable
        self._lock = threading.Lock()
        self._flush_lock = threading.Lock()
        self._pending: set[str] = set()
        self._settled: set[str] = set()
        self._mark = os.urandom(8).hex()  # not even a process that had our id had this one
        self._numbers = itertools.count()  # next() of it is one step, for threads

    def path_of(self, oid: str) -> Path:
        """Where the object is, if it is loose."""
        return Path(self._file(oid))

    def _file(self, oid: str) -> str:
        return f"{self._root}/{oid[:2]}/{oid[2:]}"

    def has(self, oid: str) -> bool:
        """Whether the object is loose here."""
        return os.path.isfile(self._file(oid))

    def write(self, kind: str, data: bytes) -> str:
        """Store an object and return its id; what is already there is kept if it is whole."""
        if kind not in KINDS:
            raise ValueError(f"not a kind of object: {kind!r}")
        oid = object_id(self.object_format, kind, data)
        with self._lock:
            is_known = oid in self._pending or oid in self._settled
        if is_known and self._freshen(oid):
            return oid
        content = b"%s %d\0" % (kind.encode("ascii"), len(data)) + data
        if not self._is_whole(oid, content):
            self._place(oid, zlib.compress(content, _COMPRESSION))
        self._remember(oid)
        return oid

    def adopt(self, oid: str, compressed: bytes) -> None:
        """Store an object that another object directory holds, after checking it against its id."""
        content = _inflate(oid, compressed)
        if hashlib.new(self.object_format, content, usedforsecurity=False).hexdigest() != oid:
            raise MalformedObjectError(oid, "its content has another id")
        if not self._is_whole(oid, content):
            self._place(oid, compressed)
        self._remember(oid)

    def read_raw(self, oid: str) -> bytes:
        """The compressed bytes of a loose object; raises MissingObjectError."""
        try:
            with open(self._file(oid), "rb", buffering=0) as file:
                return file.read()
        except FileNotFoundError:
            raise MissingObjectError(oid, where=str(self.path)) from None

    def read(self, oid: str) -> tuple[str, bytes]:
        """Kind and data of a loose object; raises MissingObjectError or MalformedObjectError."""
        header, _, data = _inflate(oid, self.read_raw(oid)).partition(b"\0")
        kind, _, size = header.partition(b" ")
        if size != str(len(data)).encode("ascii"):
            raise MalformedObjectError(oid, "its length is not what its header says")
        return kind.decode("ascii", "replace"), data

    def info(self, oid: str) -> tuple[str, int]:
        """Kind and size in bytes, from the first bytes alone; raises as ``read``."""
        try:
            with open(self._file(oid), "rb", buffering=0) as file:
                beginning = file.read(_HEADER)
        except FileNotFoundError:
            raise MissingObjectError(oid, where=str(self.path)) from None
        try:
            header, nul, _ = zlib.decompressobj().decompress(beginning, _HEADER).partition(b"\0")
        except zlib.error as problem:
            raise MalformedObjectError(oid, f"it does not decompress ({problem})") from None
        kind, _, size = header.partition(b" ")
        if not nul or not size.isdigit():
            raise MalformedObjectError(oid, "its header is cut short")
        return kind.decode("ascii", "replace"), int(size)

    def ids(self) -> Iterator[str]:
        """Every loose object's id, in no particular order."""
        for fan in os.listdir(self._root):
            if _FAN.fullmatch(fan):
                for name in os.listdir(f"{self._root}/{fan}"):
                    if not name.startswith("tmp_"):
                        yield fan + name

    def flush(self) -> int:
        """Force what was written since the last flush to disk; returns how many objects.

        An object is on disk for good when any flush that began after its write has returned.
        """
        with self._flush_lock:
            with self._lock:
                oids = tuple(self._pending)
            if self._is_durable and oids:
                self._sync(oids)
            with self._lock:
                self._pending.difference_update(oids)
                self._settled.update(oids)
        return len(oids)

    def _sync(self, oids: Iterable[str]) -> None:
        fans = {oid[:2] for oid in oids}
        for oid in oids:
            # A repack by somebody else may have moved the object into a pack, which git syncs.
            with contextlib.suppress(FileNotFoundError):
                _sync_path(self._file(oid))
        for fan in fans:
            with contextlib.suppress(FileNotFoundError):
                _sync_path(f"{self._root}/{fan}")
        _sync_path(self._root)

    def _remember(self, oid: str) -> None:
        with self._lock:
            if oid not in self._settled:
                self._pending.add(oid)

    def _freshen(self, oid: str) -> bool:
        """Make the object young, so that ``git gc`` elsewhere does not prune it; False if gone."""
        try:
            os.utime(self._file(oid))
        except FileNotFoundError:
            return False
        except PermissionError:
            pass  # somebody else's file: it is there, only its age stays
        return True

    def _is_whole(self, oid: str, content: bytes) -> bool:
        """Whether the file is there and holds ``content``; a power cut can leave an empty one."""
        if not self._freshen(oid):
            return False
        try:
            return _inflate(oid, self.read_raw(oid)) == content
        except (MalformedObjectError, MissingObjectError):
            return False

    def _place(self, oid: str, compressed: bytes) -> None:
        try:
            self._replace(oid, compressed)
        except OSError as problem:
            raise UnfitError(
                f"The object {oid} cannot be written to {self.path}: {problem.strerror}.",
                remedy="Look at its permissions and at the space left on the disk.",
            ) from problem

    def _replace(self, oid: str, compressed: bytes) -> None:
        mode = stat.S_IMODE(os.stat(self._root).st_mode)
        fan = f"{self._root}/{oid[:2]}"
        # git prunes forgotten files of this name from its object directories
        name = f"tmp_obj_{self._mark}_{next(self._numbers)}"
        temporary = f"{fan}/{name}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            handle = os.open(temporary, flags, 0o600)
        except FileNotFoundError:
            _make_fan(fan, mode)
            handle = os.open(temporary, flags, 0o600)
        try:
            with open(handle, "wb", buffering=0) as file:
                _write_all(file, compressed)
                os.fchmod(handle, mode & 0o444)
            os.replace(temporary, self._file(oid))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _write_all(file: io.FileIO, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _make_fan(path: str, mode: int) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    if stat.S_IMODE(os.stat(path).st_mode) != mode:
        os.chmod(path, mode)


def _sync_path(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _inflate(oid: str, compressed: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(compressed, _READ_LIMIT)
    except zlib.error as problem:
        raise MalformedObjectError(oid, f"it does not decompress ({problem})") from None
    if not inflater.eof or inflater.unused_data:
        raise MalformedObjectError(oid, "it is cut short, too long, or larger than we read")
    return content
