"""Where the logs of a failed CI run come from: files, within limits that hold for any of them."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline.base.errors import InputError

KEPT_BYTES = 16 * 1024 * 1024
"""How much of a log is read: its end, where tools say what failed."""
READ_BYTES = 256 * 1024 * 1024
"""How much of a log may come at all; what is beyond is never looked at."""
_CHUNK = 1024 * 1024
_MOST_MEMBERS = 1000
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class JobLog:
    """The end of one log; ``is_cut`` where there was more of it."""

    name: str
    data: bytes
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class FailedRun:
    """What failed: at which commit, and the logs of it.

    ``branch`` is the one that was pushed, ``actor`` the login of who started it with ``is_by_bot``
    for a program's; empty where only files are known.
    """

    commit: str
    logs: tuple[JobLog, ...]
    workflow_run: int = 0
    branch: str = ""
    actor: str = ""
    is_by_bot: bool = False
    is_fork: bool = False


def read_logs(paths: Sequence[Path]) -> tuple[JobLog, ...]:
    """The logs in files, also in the archives that GitHub offers; raises ``InputError``."""
    return tuple(log for path in paths for log in _read_file(path))


def keep_end(stream: Iterator[bytes]) -> tuple[bytes, bool]:
    """The end of what comes, from the beginning of a line; and whether that is not all of it.

    Reads no more than ``READ_BYTES``.
    """
    kept, total, is_cut = bytearray(), 0, False
    for chunk in stream:
        total += len(chunk)
        kept += chunk
        if len(kept) > 2 * KEPT_BYTES:
            del kept[: len(kept) - KEPT_BYTES]
            is_cut = True
        if total >= READ_BYTES:
            is_cut = True
            break
    if len(kept) > KEPT_BYTES:
        del kept[: len(kept) - KEPT_BYTES]
        is_cut = True
    if is_cut:
        del kept[: kept.find(b"\n") + 1]
    return bytes(kept), is_cut


def _read_file(path: Path) -> Iterator[JobLog]:
    try:
        if not path.is_file():
            raise InputError(f"{path} is not a file.", remedy="Give the log of a failed job.")
        with path.open("rb") as stream:
            if stream.read(len(_ZIP)) == _ZIP:
                yield from _members(path, stream)
            else:
                stream.seek(0)
                data, is_cut = keep_end(_chunks(stream))
                yield JobLog(path.name, data, is_cut)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def _members(path: Path, stream: IO[bytes]) -> Iterator[JobLog]:
    """The logs in an archive: nothing is unpacked to disk, and no name in it is a path here."""
    left = READ_BYTES
    try:
        with zipfile.ZipFile(stream) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            if len(members) > _MOST_MEMBERS:
                raise ValueError(f"it holds more than {_MOST_MEMBERS} files")
            for member in members:
                with archive.open(member) as text:
                    data, is_cut = keep_end(_chunks(text, left))
                left -= len(data)
                yield JobLog(member.filename[-200:], data, is_cut)
                if left <= 0:
                    raise ValueError(f"it holds more than {READ_BYTES >> 20} MiB")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError) as error:
        raise InputError(f"{path} is no archive of logs: {error}.") from error


def _chunks(stream: IO[bytes] | io.BufferedIOBase, limit: int = READ_BYTES) -> Iterator[bytes]:
    while limit > 0 and (chunk := stream.read(min(_CHUNK, limit))):
        limit -= len(chunk)
        yield chunk
