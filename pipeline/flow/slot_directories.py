"""The slots as directories on disk: who has them, how large they are, how to be rid of one.

A slot is in use exactly as long as some process holds the lock on its ``lock`` file. Looking does
not take that lock for longer than a moment, and a pool that meets it then takes another slot.
"""

import contextlib
import fcntl
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.work.removal import remove_slot

_NAME = re.compile(r"slot-(\d{1,5})")
BUSY, IDLE, STALE, BROKEN = "busy", "idle", "stale", "broken"


@dataclass(frozen=True, slots=True)
class SlotInfo:
    """One slot directory.

    ``status`` is ``busy`` while a process has it, ``idle`` when its last owner ended in order,
    ``stale`` when that owner died, ``broken`` when it was given up. ``owner`` and ``pid`` are the
    last owner's. ``used_at`` is in seconds since 1970, ``size`` in bytes on disk.
    """

    number: int
    path: Path
    status: str
    owner: str
    pid: int
    used_at: float
    size: int


def slots(root: Path) -> tuple[SlotInfo, ...]:
    """The slots below a directory, by number; what is not a slot of ours is left out."""
    try:
        names = [entry.name for entry in os.scandir(root)]
    except OSError:
        return ()
    found = [_look(root / name) for name in names if _NAME.fullmatch(name)]
    return tuple(sorted((slot for slot in found if slot), key=lambda slot: slot.number))


def remove_if_free(slot: SlotInfo) -> bool:
    """Remove a slot with everything in it, unless a process has it (again).

    What lies in a slot is a tool's, made from the repository's objects; what a tool made of it is
    captured into them, or refused. Raises ``UnfitError`` where something cannot be removed.
    """
    with _locked(slot.path, fcntl.LOCK_EX) as is_free:
        if not is_free or not _is_ours(slot.path):
            return False
        # Whoever comes upon half a slot must not take it for one that was given back in order.
        (slot.path / "snapshot").unlink(missing_ok=True)
        remove_slot(slot.path)
    return True


def _look(path: Path) -> SlotInfo | None:
    name = _NAME.fullmatch(path.name)
    if name is None or not _is_ours(path):
        return None
    with _locked(path, fcntl.LOCK_SH) as is_free:
        status = _status(path, is_free=is_free)
    owner, pid = _owner(path)
    return SlotInfo(int(name[1]), path, status, owner, pid, _used_at(path), _size(path))


def _is_ours(path: Path) -> bool:
    """Whether it is a real directory of this user that a pool has locked at least once."""
    try:
        directory, lock = path.lstat(), (path / "lock").lstat()
    except OSError:
        return False
    is_real = stat.S_ISDIR(directory.st_mode) and stat.S_ISREG(lock.st_mode)
    return is_real and directory.st_uid == lock.st_uid == os.getuid()


@contextmanager
def _locked(path: Path, how: int) -> Iterator[bool]:
    """Try to lock a slot for as long as the block takes; gives whether nobody has it."""
    try:
        handle = os.open(path / "lock", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(handle)


def _status(path: Path, *, is_free: bool) -> str:
    if not is_free:
        return BUSY
    if (path / "broken").exists():
        return BROKEN
    return IDLE if (path / "snapshot").exists() else STALE


def _owner(path: Path) -> tuple[str, int]:
    try:
        told = json.loads((path / "lock").read_bytes() or b"{}")
        return str(told.get("owner", "")), int(told.get("pid", 0))
    except (OSError, ValueError, TypeError, AttributeError):
        return "", 0


def _used_at(path: Path) -> float:
    """When it was last taken or given back."""
    times = [0.0]
    for name in ("lock", "snapshot"):
        with contextlib.suppress(OSError):
            times.append((path / name).lstat().st_mtime)
    return max(times)


def _size(path: Path) -> int:
    """Bytes on disk, as far as they can be seen; a hard link counts each time."""
    total, pending = 0, [os.fspath(path)]
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                total += entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
    return total
