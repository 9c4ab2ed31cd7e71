"""Files that are whole or not there: atomic writing, digests, and what full disks say."""

import contextlib
import errno
import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pipeline.base.errors import UnfitError
from pipeline.base.ids import new_id

TEMP_PREFIX = ".tmp-"
"""What the name of every unfinished file of ours starts with; a sweep may remove such files."""

_REMEDIES: Mapping[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "Free some space, then run it again."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space, then run it again."),
    errno.EFBIG: ("the file may not grow that large", "Raise the limit (see `ulimit -f`)."),
    errno.EROFS: ("the file system is read-only", "Mount it writable, or work in a copy."),
    errno.EACCES: ("permission denied", "Check who owns it and its mode."),
    errno.EPERM: ("permission denied", "Check who owns it and its mode."),
    errno.EIO: ("the disk reports an error", "Check the disk and the system's log."),
    errno.ENOTDIR: ("a part of the path is not a directory", "Move the file that is in the way."),
    errno.EEXIST: ("something else is in the way", "Move the file that is in the way."),
    errno.EISDIR: ("a directory is in the way", "Move the directory that is in the way."),
}

SURROUNDINGS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
"""What a file system refuses without anybody being wrong."""


def as_unfit(error: OSError, path: Path, doing: str = "write") -> UnfitError:
    """Say an ``OSError`` for people: what could not be done, on which path, what to do next."""
    why, remedy = _REMEDIES.get(
        error.errno or 0, (error.strerror or str(error), "Check the path and its file system.")
    )
    return UnfitError(f"Cannot {doing} {path}: {why}.", remedy=remedy)


def write_atomic(path: Path, data: bytes, *, durable: bool = True, mode: int = 0o644) -> None:
    """Replace a file by new content: a reader sees the old bytes or the new, never a part.

    ``durable`` also survives a loss of power. The directory must exist. Raises ``UnfitError``
    where the file system refuses; nothing is left behind then.
    """
    temp = path.with_name(f"{TEMP_PREFIX}{new_id()}")
    try:
        _write_new(temp, data, durable=durable, mode=mode)
        temp.replace(path)
        if durable:
            sync_directory(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temp.unlink(missing_ok=True)
        raise as_unfit(error, path) from error


def _write_new(path: Path, data: bytes, *, durable: bool, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags, mode), "wb", buffering=0) as stream:  # noqa: PTH123 - opens a descriptor, not a path
        view = memoryview(data)
        while view:
            view = view[stream.write(view) or 0 :]
        if durable:
            os.fsync(stream.fileno())


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable; nothing to do on Windows."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> Path:
    """Create a directory and its parents where missing; raises ``UnfitError``."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise as_unfit(error, path, "create") from error
    return path


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def user_cache_dir(environ: Mapping[str, str]) -> Path:
    """Return the user's cache directory by the customs of the platform; it may not exist."""
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    xdg = environ.get("XDG_CACHE_HOME", "")
    return Path(xdg) if xdg.startswith("/") else home / ".cache"
