"""Passing a program's output on as it comes, at the pace of whoever reads it."""

import errno
import os
import select

from pipeline.base.errors import UnfitError

_PIECE = 4096  # what a pipe that says it is writable takes without waiting (PIPE_BUF)


class Echo:
    """A descriptor of ours that gets a stream's bytes; holds one chunk at most.

    ``push`` never waits: what the reader does not take yet stays here, ``is_waiting`` says so, and
    ``fileno`` is readable by ``poll`` for the moment it may go on. ``is_broken`` says that nobody
    reads any more.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)  # a number of our own, for one entry in a poll
        self._pending = memoryview(b"")
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLOUT)
        self.is_broken = False

    def close(self) -> None:
        """Let go of the descriptor; what still waits is lost. Safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._descriptor

    @property
    def is_waiting(self) -> bool:
        """Whether something is left that the reader has not taken."""
        return bool(self._pending)

    def take(self, chunk: bytes) -> None:
        """Take the next chunk; only while nothing waits."""
        self._pending = memoryview(chunk)
        self.push()

    def push(self) -> None:
        """Write as much as is taken at once; raises UnfitError where it cannot be written."""
        try:
            while self._pending and self._poll.poll(0):
                written = os.write(self._descriptor, self._pending[:_PIECE])
                self._pending = self._pending[written:]
        except BlockingIOError:
            return
        except OSError as problem:
            self._give_up(problem)

    def write_all(self, chunk: bytes) -> None:
        """Write a chunk however long that takes."""
        self.take(chunk)
        while self._pending:
            self._poll.poll()
            self.push()

    def _give_up(self, problem: OSError) -> None:
        self._pending = memoryview(b"")
        self.is_broken = True
        if problem.errno not in (errno.EPIPE, errno.EIO):  # EIO: the terminal is gone
            raise UnfitError(
                f"The program's output cannot be passed on: {problem.strerror}.",
                remedy="Look at where standard output and standard error lead.",
            ) from problem
