"""A slot's throw-away ``.git``: it borrows the repository's objects and shares nothing else."""

import hashlib
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.git import TreeEntry
from pipeline.work.snapshot import Snapshot
from pipeline.work.walk import OPEN_DIRECTORY, Signature

_U32 = 0xFFFFFFFF
_NAME_MASK = 0xFFF
_PACKED = "# pack-refs with: peeled fully-peeled sorted \n"
_EXTENSIONS = "[extensions]\n\tobjectFormat = {format}\n"
_CONFIG = """\
[core]
\trepositoryFormatVersion = {version}
\tbare = false
\tfileMode = true
\tlogAllRefUpdates = true
\tpreloadIndex = true
[user]
\tname = {name}
\temail = {email}
[gc]
\tauto = 0
[maintenance]
\tauto = false
[commit]
\tgpgSign = false
"""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a slot's ``HEAD`` is: a branch (short name) at a commit; empty for unborn ``work``."""

    branch: str = "work"
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Author:
    """Who a tool's own commits are by; they have no effect."""

    name: str
    email: str


def write_git(
    directory: Path,
    *,
    head: Head,
    author: Author,
    objects: Path,
    object_format: str,
    index: bytes,
    excluded: tuple[str, ...] = (),
) -> None:
    """Lay out ``.git`` in a checkout that has none.

    ``objects`` is the repository's object directory, ``excluded`` patterns for ``info/exclude``.
    """
    git = directory / ".git"
    branch = f"refs/heads/{head.branch}"
    (git / "objects" / "info").mkdir(parents=True)
    (git / "refs").mkdir()
    (git / "objects" / "info" / "alternates").write_bytes(_one_line(os.fsencode(objects)) + b"\n")
    (git / "config").write_text(config_text(author, object_format), encoding="utf-8")
    (git / "HEAD").write_text(f"ref: {branch}\n", encoding="utf-8")
    (git / "index").write_bytes(index)
    if head.commit:  # packed: a directory costs more than a file, and git makes them on demand
        (git / "packed-refs").write_text(f"{_PACKED}{head.commit} {branch}\n", encoding="utf-8")
    if excluded:
        (git / "info").mkdir()
        (git / "info" / "exclude").write_text("".join(f"{line}\n" for line in excluded))


def config_text(author: Author, object_format: str) -> str:
    """The whole configuration of a throw-away git."""
    is_plain = object_format == "sha1"
    text = _CONFIG.format(
        version=0 if is_plain else 1, name=_quoted(author.name), email=_quoted(author.email)
    )
    return text if is_plain else text + _EXTENSIONS.format(format=object_format)


def _quoted(value: str) -> str:
    flat = value.replace("\n", " ").replace("\0", "")
    return '"' + flat.replace("\\", "\\\\").replace('"', '\\"') + '"'


class IndexWriter:
    """Writes git's index (version 2, gitformat-index) with the stat data of a snapshot.

    With that ``git status`` is clean and reads no file. Rows are kept from one time to the next.
    """

    def __init__(self, object_format: str) -> None:
        self._format = object_format
        self._rows: dict[bytes, tuple[Signature | None, TreeEntry, bytes]] = {}

    def index(self, checkout: Path, snapshot: Snapshot) -> bytes:
        """The index of a checkout that is as its snapshot says."""
        handle = os.open(checkout, OPEN_DIRECTORY)
        try:
            owner = os.fstat(handle)
        finally:
            os.close(handle)
        rows = self._rows_of(snapshot.entries, snapshot.signatures, owner)
        body = struct.pack(">4sII", b"DIRC", 2, len(rows)) + b"".join(rows)
        return body + hashlib.new(self._format, body, usedforsecurity=False).digest()

    def _rows_of(
        self,
        entries: Mapping[bytes, TreeEntry],
        signatures: Mapping[bytes, Signature],
        owner: os.stat_result,
    ) -> list[bytes]:
        fresh: dict[bytes, tuple[Signature | None, TreeEntry, bytes]] = {}
        rows = []
        for path in sorted(entries):
            entry, seen = entries[path], signatures.get(path)
            row = self._rows.get(path)
            if row is None or row[1] is not entry or row[0] != seen:
                row = (seen, entry, _row(path, entry, seen, owner))
            fresh[path] = row
            rows.append(row[2])
        self._rows = fresh
        return rows


def _row(path: bytes, entry: TreeEntry, seen: Signature | None, owner: os.stat_result) -> bytes:
    _, _, inode, device, size, mtime, ctime = seen or (0,) * 7
    oid = bytes.fromhex(entry.oid)
    head = struct.pack(
        ">10I",
        ctime // 1_000_000_000 & _U32,
        ctime % 1_000_000_000,
        mtime // 1_000_000_000 & _U32,
        mtime % 1_000_000_000,
        device & _U32,
        inode & _U32,
        entry.mode,
        owner.st_uid & _U32,
        owner.st_gid & _U32,
        size & _U32,
    )
    row = head + oid + struct.pack(">H", min(len(path), _NAME_MASK)) + path
    return row + b"\0" * (8 - len(row) % 8)


def _one_line(path: bytes) -> bytes:
    """A path as git reads it from a list of lines: quoted where it holds a line end itself."""
    if b"\n" not in path:
        return path
    escaped = path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'
