"""A cancel token: one thread asks, every waiting process of the token is woken at once."""

import os
import threading
import weakref


class CancelToken:
    """A request to stop that is made once and cannot be taken back; safe between threads."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._pipe: tuple[int, int] | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody has cancelled."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Ask everything that holds this token to stop; a second call changes nothing."""
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            if self._pipe is not None:
                os.write(self._pipe[1], b"!")

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the cancellation; return whether it has happened."""
        return self._event.wait(timeout_s)

    def fileno(self) -> int:
        """Return a descriptor that is readable from the cancellation on; it is never drained."""
        with self._lock:
            if self._pipe is None:
                self._pipe = os.pipe()
                weakref.finalize(self, _close, self._pipe)
                if self._event.is_set():
                    os.write(self._pipe[1], b"!")
            return self._pipe[0]


def _close(descriptors: tuple[int, int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
