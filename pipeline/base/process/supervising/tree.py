"""A program with all that it started, as its subreaper sees it."""

import _signal  # type: ignore[import-not-found]  # typeshed has no stub for it
import _socket
import ctypes
import os
import resource  # noqa: F401  # os.wait4 imports it on its first call: once here, not in each fork
import select
import time

from .table import descendants, read_file, signal_tree

SETTLE_S = 0.05  # what a process gets to end by itself after its program has ended
KILL_FOR_S = 20.0  # after that a process is held to be unkillable (blocked in the kernel)
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Make this process the parent of every orphan below it."""
    if _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl(PR_SET_CHILD_SUBREAPER): {os.strerror(number)}")


class Tree:
    """A program, its descendants, and the engine's word on them.

    ``control`` is the socket to the engine: ``T`` asks for the end of the tree, its end of
    stream says that the engine is gone.
    """

    def __init__(self, control: _socket.socket) -> None:
        self.main = 0
        self.status: int | None = None
        self.cpu_s = 0.0
        self.max_rss_kib = 0
        self._control = control
        self._engine_gone = False
        self._end_asked = False
        self._wake, writer = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(writer, False)
        _signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, lambda *_: None)
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)
        self._poll.register(control.fileno(), select.POLLIN)

    def follow(self, grace_s: float) -> list[tuple[int, bytes]]:
        """See the program and all it started to their end; return the strays: pid and name."""
        while not self.reap() and self.status is None:
            if self._engine_gone or self._end_asked:
                break
            self._wait()
        if self._end_asked and not self._engine_gone:
            signal_tree(_signal.SIGTERM, os.getpid())
            signal_tree(_signal.SIGCONT, os.getpid())
            self._settle(grace_s)
        elif self.status is not None:
            self._settle(SETTLE_S)
        strays = self._strays()
        self._kill()
        return strays

    def reap(self) -> bool:
        """Wait for whoever has ended; return whether nobody is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            self.cpu_s += usage.ru_utime + usage.ru_stime
            self.max_rss_kib = max(self.max_rss_kib, usage.ru_maxrss)
            if pid == self.main:
                self.status = status

    def _wait(self, seconds: float | None = None) -> None:
        """Wait until a child ends, the engine says something, or the time is over."""
        milliseconds = None if seconds is None else max(0, int(seconds * 1000) + 1)
        for descriptor, _ in self._poll.poll(milliseconds):
            if descriptor == self._wake:
                os.read(self._wake, 4096)
            else:
                self._listen()

    def _listen(self) -> None:
        try:
            word = self._control.recv(1)
        except OSError:
            word = b""
        if word:
            self._end_asked = True
        else:
            self._engine_gone = True
            self._poll.unregister(self._control.fileno())

    def _settle(self, seconds: float) -> None:
        """Let everybody end by themselves for a while."""
        until = time.monotonic() + seconds
        while not self.reap() and not self._engine_gone:
            left = until - time.monotonic()
            if left <= 0:
                return
            self._wait(left)

    def _strays(self) -> list[tuple[int, bytes]]:
        """Return pid and name of every process that is not under the (maybe living) program.

        Everything is stopped first: what goes on forking could be neither listed nor killed.
        """
        if self.reap():
            return []
        signal_tree(_signal.SIGSTOP, os.getpid())
        found = []
        for pid, _ in descendants(os.getpid(), without={self.main}):
            name = read_file(f"/proc/{pid}/comm")
            if name is not None:
                found.append((pid, name.strip(b"\n")))
        return found

    def _kill(self) -> None:
        """Kill until the kernel says that there is no child left."""
        until = time.monotonic() + KILL_FOR_S
        while not self.reap() and time.monotonic() < until:
            signal_tree(_signal.SIGKILL, os.getpid())
            self._wait(0.005)
