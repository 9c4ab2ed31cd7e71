"""A long-lived child that is spoken to by pipes, such as ``git cat-file --batch-command``."""

import os
import select
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.base.errors import UnfitError
from pipeline.base.process.capture import start
from pipeline.base.process.children import kill, reap

_READ = 256 * 1024
_TAIL = 16 * 1024
_CLOSE_S = 10.0


class ConversationEnded(UnfitError):  # noqa: N818  # its binding name; it says what happened
    """The other side ended, or did not answer in time, in the middle of a conversation."""

    def __init__(self, what: str, *, stderr_tail: bytes) -> None:
        said = stderr_tail.decode(errors="replace").strip()
        super().__init__(f"{what} It said: {said}" if said else what)
        self.stderr_tail = stderr_tail


class Conversation:
    """A child with pipes; every write and read has a deadline of ``timeout_s`` seconds.

    Not for use by two threads at once. After ConversationEnded the child is gone and reaped.
    """

    def __init__(
        self,
        argv: Sequence[str | bytes],
        *,
        cwd: Path,
        env: Mapping[str, str],
        timeout_s: float = 60.0,
    ) -> None:
        """Start the child; raises UnfitError when that cannot be done."""
        self._name = os.fsdecode(b" ".join(os.fsencode(word) for word in argv[:4]))
        self._timeout_s = timeout_s
        self._process = start(argv, cwd=cwd, env=env, feed=True)
        assert self._process.stdin is not None  # noqa: S101  # always a pipe, see start()
        assert self._process.stdout is not None  # noqa: S101  # always a pipe, see start()
        assert self._process.stderr is not None  # noqa: S101  # always a pipe, see start()
        self._stdin = self._process.stdin.fileno()
        self._stdout = self._process.stdout.fileno()
        self._stderr = self._process.stderr.fileno()
        os.set_blocking(self._stdin, False)
        self._buffer = bytearray()
        self._start = 0  # where the unread part of the buffer begins
        self._said = b""
        self._poll = select.poll()
        self._poll.register(self._stdout, select.POLLIN)
        self._poll.register(self._stderr, select.POLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether the child has been neither closed nor seen to end."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def write(self, data: bytes) -> None:
        """Send bytes; answers that come meanwhile are kept, so that neither side blocks."""
        self._must_be_open()
        until = time.monotonic() + self._timeout_s
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._stdin, view) :]
            except BlockingIOError:
                self._poll.register(self._stdin, select.POLLOUT)
                try:
                    self._pump(until)
                finally:
                    self._poll.unregister(self._stdin)
            except BrokenPipeError:
                self._end("ended before it had read everything.")

    def readline(self) -> bytes:
        """Return the next line with its newline; raises ConversationEnded when none comes."""
        return self.read_until(b"\n")

    def read_until(self, mark: bytes) -> bytes:
        """Return all up to and with the next ``mark``; raises ConversationEnded without one."""
        searched = self._start
        until = time.monotonic() + self._timeout_s
        while (found := self._buffer.find(mark, searched)) < 0:
            # the mark may have begun in what is there
            searched = max(self._start, len(self._buffer) - len(mark) + 1)
            self._fill(until)
        return self._take(found + len(mark) - self._start)

    def read_exactly(self, size: int) -> bytes:
        """Return the next ``size`` bytes; raises ConversationEnded when they do not come."""
        until = time.monotonic() + self._timeout_s
        while len(self._buffer) - self._start < size:
            self._fill(until)
        return self._take(size)

    def close(self) -> int:
        """Close the child's input, wait for it, count its CPU time; return its exit code.

        A child that does not end within ten seconds is killed.
        """
        process = self._process
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        if not reap(process, _CLOSE_S):
            kill(process)
        return int(process.returncode)

    def _take(self, size: int) -> bytes:
        data = bytes(memoryview(self._buffer)[self._start : self._start + size])
        self._start += size
        if self._start == len(self._buffer):
            self._buffer = bytearray()
            self._start = 0
        return data

    def _fill(self, until: float) -> None:
        """Wait for more bytes on standard output."""
        self._must_be_open()
        before = len(self._buffer)
        while len(self._buffer) == before:
            self._pump(until)

    def _pump(self, until: float) -> None:
        """Take what the child has written, or wait until something can be done."""
        ready = [fd for fd, _ in self._poll.poll(max(0.0, until - time.monotonic()) * 1000)]
        if not ready:
            kill(self._process)
            self._end(f"did not answer within {self._timeout_s:g} s.")
        if self._stderr in ready:
            chunk = os.read(self._stderr, _READ)
            self._said = (self._said + chunk)[-_TAIL:]
            if not chunk:
                self._poll.unregister(self._stderr)
        if self._stdout in ready:
            chunk = os.read(self._stdout, _READ)
            if not chunk:
                self._end("ended in the middle of a conversation.")
            self._buffer += chunk

    def _must_be_open(self) -> None:
        if not self.is_open:
            raise ConversationEnded(f"{self._name} has ended.", stderr_tail=self._said)

    def _end(self, what: str) -> None:
        """Reap the child and say what happened, with the last of its standard error."""
        if not reap(self._process, 1.0):
            kill(self._process)
        poll = select.poll()
        poll.register(self._stderr, select.POLLIN)
        while poll.poll(0) and (chunk := os.read(self._stderr, _READ)):
            self._said = (self._said + chunk)[-_TAIL:]
        self.close()
        raise ConversationEnded(f"{self._name} {what}", stderr_tail=self._said)
