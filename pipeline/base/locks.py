"""A file lock that says who holds it, and that a dead owner never keeps.

The kernel's lock (``flock``; ``msvcrt.locking`` on Windows) decides: it ends with its process,
however that ends. The record beside it tells people who the owner is, and guards the places where
kernel locks do not reach: file systems that ignore them, and machines that share one.
"""

import contextlib
import json
import os
import socket
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.base.clock import now
from pipeline.base.errors import BugError, UnfitError
from pipeline.base.files import as_unfit, make_directory, write_atomic

_SETTLE_S = 1.0
_LOCAL_FILE_SYSTEMS = frozenset(
    {"apfs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "hfs", "ntfs", "overlay", "tmpfs", "xfs"}
)


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, told from every other: ``started`` tells it from a later one with its ``pid``."""

    host: str
    boot_id: str
    pid: int
    started: str
    since: str
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since} ({self.command})"

    @property
    def is_here(self) -> bool:
        """Whether it belongs to this boot of this machine, so that its process can be looked up."""
        return self.boot_id == boot_id() and self.host == socket.gethostname()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs on this machine; only meaningful where ``is_here``."""
        return self.is_here and process_started(self.pid) == self.started


def this_process(command: str = "") -> Owner:
    """Return the identity of this process; ``command`` is what people know it by."""
    pid = os.getpid()
    return Owner(
        host=socket.gethostname(),
        boot_id=boot_id(),
        pid=pid,
        started=process_started(pid) or "",
        since=now(),
        command=command or " ".join(sys.argv),
    )


def boot_id() -> str:
    """Return what changes with every start of the machine."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    import psutil  # 20 ms, and only where there is no /proc

    return str(int(psutil.boot_time()))


def process_started(pid: int) -> str | None:
    """Return when a process started, as opaque text; ``None`` where none runs (or a zombie)."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_bytes()
        except OSError:
            return None
        fields = stat[stat.rindex(b")") + 2 :].split()
        return None if fields[0] in b"ZX" else fields[19].decode("ascii")
    import psutil  # 20 ms, and only where there is no /proc

    try:
        process = psutil.Process(pid)
        is_zombie = process.status() == psutil.STATUS_ZOMBIE
        return None if is_zombie else str(process.create_time())
    except psutil.Error:
        return None


class OwnedLock:
    """An exclusive lock on a file, with a record of its owner in ``<path>.owner``.

    ``taken_over`` is the dead owner that had not let go, after ``acquire``.
    """

    def __init__(self, path: Path, *, command: str = "") -> None:
        self.path = path
        self.owner_file = path.with_name(path.name + ".owner")
        self.taken_over: Owner | None = None
        self._command = command
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def owner(self) -> Owner | None:
        """Return who is written down as the owner, alive or not."""
        return read_owner(self.owner_file)

    def acquire(self) -> None:
        """Take the lock, or raise ``UnfitError`` that names its owner; never waits for a release.

        A live owner is never robbed: not on a file system without working locks (its record
        counts), nor where it may live on another machine.
        """
        if self.is_held:
            raise BugError(f"{self.path} is locked by this object already.")
        make_directory(self.path.parent)
        descriptor = self._open()
        try:
            self._take(descriptor)
            previous = self.owner()
            if previous is not None:
                self._refuse_if_it_may_live(previous)
            record = json.dumps(asdict(this_process(self._command))).encode()
            write_atomic(self.owner_file, record, durable=False)
        except BaseException:
            os.close(descriptor)
            raise
        self.taken_over = previous
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; nothing happens where it is not held."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            self.owner_file.unlink()
        os.close(self._descriptor)
        self._descriptor = None

    def __enter__(self) -> "OwnedLock":
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        except OSError as error:
            raise as_unfit(error, self.path, "lock") from error

    def _take(self, descriptor: int) -> None:
        until = time.monotonic() + _SETTLE_S
        while not _try_lock(descriptor, self.path):
            owner = self.owner()
            if owner is not None and (owner.is_alive or not owner.is_here):
                raise self._held_by(str(owner))
            if time.monotonic() > until:  # it has the lock but wrote no record, or a stale one
                raise self._held_by("a process that left no record")
            time.sleep(0.01)

    def _refuse_if_it_may_live(self, previous: Owner) -> None:
        if previous.is_here:
            if previous.is_alive and previous.pid != os.getpid():
                raise self._held_by(str(previous))
            return
        is_this_kernel = previous.boot_id == boot_id()  # another container: its lock is real
        is_this_host = previous.host == socket.gethostname()  # before a restart
        if is_this_kernel or is_this_host or _is_on_local_disk(self.path):
            return
        raise UnfitError(
            f"{self.path} belongs to {previous}, which cannot be seen from here.",
            remedy=f"If that machine or process is gone, delete {self.owner_file}.",
        )

    def _held_by(self, owner: str) -> UnfitError:
        return UnfitError(
            f"{self.path} is held by {owner}.", remedy="Wait until it ends, or end it first."
        )


def read_owner(path: Path) -> Owner | None:
    """Return the owner that a record names; ``None`` where there is no readable record."""
    try:
        fields: Any = json.loads(path.read_bytes())
        return Owner(**fields)
    except (OSError, ValueError, TypeError):
        return None


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int, path: Path) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int, path: Path) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise as_unfit(error, path, "lock") from error
        return True


def _is_on_local_disk(path: Path) -> bool:
    """Whether a path lies on a file system that only one machine can have mounted."""
    import psutil  # 20 ms, and only for a record from another machine

    real = path.parent.resolve()
    mounts = {Path(p.mountpoint): p.fstype for p in psutil.disk_partitions(all=True)}
    found = next((mounts[p] for p in (real, *real.parents) if p in mounts), "")
    return found.lower() in _LOCAL_FILE_SYSTEMS
