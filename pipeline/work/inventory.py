"""Which slots there are on disk, whose they are, and removing those that nobody uses."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.work.removal import SlotError, remove_slot


@dataclass(frozen=True, slots=True)
class SlotInfo:
    """A slot directory: ``owner`` is who has it or had it last, ``taken_at`` Unix seconds.

    A broken slot resisted and is never used again. ``is_held`` means that a process has it.
    """

    number: int
    directory: Path
    owner: str
    pid: int
    taken_at: float
    is_held: bool
    is_broken: bool


def list_slots(root: Path) -> tuple[SlotInfo, ...]:
    """Every slot under a root, by number."""
    found = []
    for directory in root.glob("slot-*") if root.is_dir() else ():
        number = directory.name.removeprefix("slot-")
        if number.isdecimal() and directory.is_dir() and not directory.is_symlink():
            found.append(_look_at(int(number), directory))
    return tuple(sorted(found, key=lambda slot: slot.number))


def remove_unused(
    root: Path, *, older_than_s: float = 0.0, dry_run: bool = False
) -> tuple[SlotInfo, ...]:
    """Remove slots that no process has and that were last taken longer ago; returns them.

    Slots hold nothing that is not in the repository or refused. One that resists stays, marked.
    """
    removed = []
    for slot in list_slots(root):
        if slot.is_held or time.time() - slot.taken_at < older_than_s:
            continue
        if dry_run:
            removed.append(slot)
            continue
        with _locked(slot.directory) as is_ours, contextlib.suppress(SlotError, OSError):
            if is_ours:
                remove_slot(slot.directory)
                removed.append(slot)
    return tuple(removed)


def _look_at(number: int, directory: Path) -> SlotInfo:
    owner, taken_at = {}, 0.0
    with contextlib.suppress(OSError, ValueError):
        taken_at = (directory / "lock").lstat().st_mtime
        owner = json.loads((directory / "lock").read_bytes()[:4096])
    with _locked(directory) as is_ours:
        return SlotInfo(
            number=number,
            directory=directory,
            owner=str(owner.get("owner", "")) if isinstance(owner, dict) else "",
            pid=int(owner.get("pid") or 0) if isinstance(owner, dict) else 0,
            taken_at=taken_at,
            is_held=not is_ours,
            is_broken=(directory / "broken").exists(),
        )


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[bool]:
    """Hold a slot's lock if nobody else does; a slot without one is nobody's."""
    try:
        handle = os.open(directory / "lock", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        yield True
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)
