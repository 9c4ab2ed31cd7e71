"""The run lock: whoever holds it is the one writer of the repository's state."""

from pipeline.base.locks import OwnedLock, Owner, read_owner
from pipeline.store.layout import Layout


class RunLock:
    """The repository's run lock, as a context manager.

    ``taken_over`` is the dead owner whose lock this was, or ``None``.
    """

    def __init__(self, layout: Layout, *, command: str = "") -> None:
        self.layout = layout
        self._lock = OwnedLock(layout.lock_file, command=command)

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock.is_held

    @property
    def taken_over(self) -> Owner | None:
        """The dead owner that had not let go, after ``acquire``."""
        return self._lock.taken_over

    def acquire(self) -> None:
        """Take the lock; raises ``UnfitError`` that names the live owner."""
        self._lock.acquire()

    def release(self) -> None:
        """Let go; nothing happens where it is not held."""
        self._lock.release()

    def __enter__(self) -> "RunLock":
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def live_owner(layout: Layout) -> Owner | None:
    """Return who works on this repository now, or ``None``; changes nothing.

    An owner on another machine counts as live: it cannot be seen from here.
    """
    owner = read_owner(layout.lock_file.with_name(layout.lock_file.name + ".owner"))
    if owner is None or (owner.is_here and not owner.is_alive):
        return None
    return owner
