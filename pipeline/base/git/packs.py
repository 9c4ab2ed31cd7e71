"""Many objects put on disk at once: as one pack, which costs two syncs instead of one for each.

The formats are stable (gitformat-pack: version 2 of packs and of their indexes). A pack is seen by
git when its index is there, so the index is put in place last.
"""

import hashlib
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from pipeline.base.errors import BugError
from pipeline.base.files import TEMP_PREFIX, as_unfit, sync_directory
from pipeline.base.git.loose import LooseObjects, object_id
from pipeline.base.ids import new_id

_KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
_COMPRESSION = 1
_FEW = 40
_LARGEST = 1 << 31  # where an index would need wider offsets


class ObjectBatch:
    """Objects that are written together by ``flush``, durable when it returns; for one thread.

    A few become loose objects, many a pack.
    """

    def __init__(self, objects_dir: Path, object_format: str) -> None:
        self._directory = objects_dir / "pack"
        self._format = object_format
        self._loose = LooseObjects(objects_dir, object_format)
        self._waiting: dict[str, tuple[str, bytes]] = {}

    def write(self, kind: str, data: bytes) -> str:
        """Take an object; nothing of it is on disk before ``flush``. Returns its id."""
        oid = object_id(self._format, kind, data)
        self._waiting[oid] = (kind, data)
        return oid

    def flush(self) -> None:
        """Put on disk for good what was taken; raises ``UnfitError``, and forgets it then."""
        waiting, self._waiting = self._waiting, {}
        size = sum(len(data) for _, data in waiting.values())
        if len(waiting) > _FEW and size < _LARGEST:
            write_pack(self._directory, self._format, waiting)
            return
        for kind, data in waiting.values():
            self._loose.write(kind, data)
        self._loose.flush()


def write_pack(
    directory: Path, object_format: str, objects: Mapping[str, tuple[str, bytes]]
) -> Path:
    """Write objects (kind and data by id) as a pack with its index, durably; returns the pack.

    Raises ``UnfitError`` where the disk refuses; nothing is left behind then.
    """
    pack, entries = _pack(object_format, objects)
    name = f"pack-{pack[-hashlib.new(object_format).digest_size :].hex()}"
    index = _index(object_format, pack, entries)
    target = directory / f"{name}.pack"
    try:
        directory.mkdir(exist_ok=True)
        for path, data in ((target, pack), (target.with_suffix(".idx"), index)):
            _place(path, data)
        sync_directory(directory)
    except OSError as error:
        raise as_unfit(error, target) from error
    return target


def _pack(
    object_format: str, objects: Mapping[str, tuple[str, bytes]]
) -> tuple[bytes, dict[str, tuple[int, int]]]:
    """The pack's bytes, and where each object begins in it, with the checksum of its bytes."""
    parts = [b"PACK" + struct.pack(">II", 2, len(objects))]
    entries: dict[str, tuple[int, int]] = {}
    at = len(parts[0])
    for oid, (kind, data) in objects.items():
        part = _header(kind, len(data)) + zlib.compress(data, _COMPRESSION)
        entries[oid] = (at, zlib.crc32(part))
        parts.append(part)
        at += len(part)
    if at >= _LARGEST:
        raise BugError("A pack of 2 GiB was asked for.")
    body = b"".join(parts)
    return body + hashlib.new(object_format, body, usedforsecurity=False).digest(), entries


def _header(kind: str, size: int) -> bytes:
    """Kind and size: three bits and four, then seven bits in each further byte."""
    first, size = _KINDS[kind] << 4 | size & 15, size >> 4
    header = bytearray()
    while size:
        header.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    header.append(first)
    return bytes(header)


def _index(object_format: str, pack: bytes, entries: Mapping[str, tuple[int, int]]) -> bytes:
    order = sorted(entries)
    counts = [0] * 256
    for oid in order:
        counts[int(oid[:2], 16)] += 1
    total = 0
    fanout = []
    for count in counts:
        total += count
        fanout.append(total)
    body = b"".join(
        [
            b"\xfftOc" + struct.pack(">I", 2),
            struct.pack(">256I", *fanout),
            b"".join(map(bytes.fromhex, order)),
            b"".join(struct.pack(">I", entries[oid][1]) for oid in order),
            b"".join(struct.pack(">I", entries[oid][0]) for oid in order),
            pack[-hashlib.new(object_format).digest_size :],
        ]
    )
    return body + hashlib.new(object_format, body, usedforsecurity=False).digest()


def _place(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{TEMP_PREFIX}{new_id()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        with open(descriptor, "wb") as stream:  # noqa: PTH123 - opens a descriptor, not a path
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
