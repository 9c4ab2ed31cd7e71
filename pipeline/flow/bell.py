"""Waiting without looking again and again: for a bell, a cancellation, or a point in time."""

import contextlib
import os
import selectors
import time
from typing import Protocol

from pipeline.base.process import CancelToken


class Bell:
    """Rung by any thread, heard by the one that waits; a ring is kept until it is heard."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def ring(self) -> None:
        """Wake whoever waits, now or next."""
        with contextlib.suppress(BlockingIOError):  # it has been rung often enough
            os.write(self._write, b"!")

    def fileno(self) -> int:
        """A descriptor that is readable when the bell was rung."""
        return self._read

    def hear(self) -> bool:
        """Whether it was rung since it was heard last."""
        try:
            return bool(os.read(self._read, 4096))
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Let go of the descriptors; nobody may ring any more."""
        os.close(self._read)
        os.close(self._write)


class Clock(Protocol):
    """What time it is, and how to wait."""

    def now(self) -> float:
        """A monotonic time in seconds."""

    def wait(self, bell: Bell, cancel: CancelToken, timeout_s: float | None) -> None:
        """Wait until the bell rings, the token is cancelled or the time is over."""


class RealClock:
    """The clock of this machine."""

    def now(self) -> float:
        """A monotonic time in seconds."""
        return time.monotonic()

    def wait(self, bell: Bell, cancel: CancelToken, timeout_s: float | None) -> None:
        """Sleep; woken by the operating system."""
        with selectors.DefaultSelector() as selector:
            selector.register(bell, selectors.EVENT_READ)
            selector.register(cancel, selectors.EVENT_READ)
            selector.select(timeout_s)
        bell.hear()
