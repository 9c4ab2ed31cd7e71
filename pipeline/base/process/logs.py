"""Where a program's output goes: a capped log on disk, a tail in memory, a count."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.base.errors import UnfitError
from pipeline.base.process.command import TAIL_BYTES
from pipeline.base.process.echo import Echo


class CappedLog:
    """A file that keeps the first and the last half of ``limit`` bytes, in constant memory.

    The second half of the file is written as a ring and put in order by ``close``.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._head = max(limit, 0) // 2
        self._ring = max(limit, 0) - self._head
        self._size = 0
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        try:
            self._fd = os.open(path, flags, 0o666)
        except OSError as problem:
            raise self._unfit(problem) from problem

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        try:
            self._write(memoryview(chunk))
        except OSError as problem:
            raise self._unfit(problem) from problem

    def close(self) -> None:
        """Put the ring in order, write the line that says what was cut, close the file."""
        if self._fd < 0:
            return
        descriptor, self._fd = self._fd, -1
        try:
            if self._size > self._head + self._ring:
                self._put_in_order(descriptor)
        except OSError as problem:
            raise self._unfit(problem) from problem
        finally:
            os.close(descriptor)

    def _write(self, view: memoryview) -> None:
        while view:
            if self._size >= self._head and len(view) > self._ring:
                skipped = len(view) - self._ring
                self._size += skipped
                view = view[skipped:]
                continue
            offset, room = self._place()
            written = self._write_at(self._fd, view[:room], offset)
            self._size += written
            view = view[written:]

    def _place(self) -> tuple[int, int]:
        """Return the file offset of the next byte and how many fit there in one piece."""
        if self._size < self._head:
            return self._size, self._head - self._size
        turn = (self._size - self._head) % self._ring
        return self._head + turn, self._ring - turn

    def _put_in_order(self, descriptor: int) -> None:
        cut = self._size - self._head - self._ring
        os.lseek(descriptor, self._head, os.SEEK_SET)
        ring = os.read(descriptor, self._ring)
        turn = (self._size - self._head) % self._ring if self._ring else 0
        line = b"\n[... %d bytes were cut here ...]\n" % cut
        ordered = memoryview(line + ring[turn:] + ring[:turn])
        offset = self._head
        while ordered:
            written = self._write_at(descriptor, ordered, offset)
            ordered, offset = ordered[written:], offset + written

    @staticmethod
    def _write_at(descriptor: int, data: memoryview, offset: int) -> int:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.write(descriptor, data)

    def _unfit(self, problem: OSError) -> UnfitError:
        return UnfitError(
            f"The log {self._path} cannot be written: {problem.strerror}.",
            remedy="Make room or permit writing there, then run again.",
        )


class Sink:
    """One stream of a program: its log (if any), its last 64 KiB and its length so far.

    ``echo`` is where the stream is passed on to, by whoever reads it; closed with the sink.
    """

    def __init__(self, path: Path | None, limit: int, echo: int | None = None) -> None:
        self._log = None if path is None else CappedLog(path, limit)
        self.echo = None if echo is None else Echo(echo)
        self._tail = bytearray()
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        self.size += len(chunk)
        if self._log is not None:
            self._log.write(chunk)
        if len(chunk) >= TAIL_BYTES:
            self._tail[:] = chunk[-TAIL_BYTES:]
        else:
            self._tail += chunk
            if len(self._tail) > TAIL_BYTES:
                del self._tail[:-TAIL_BYTES]

    def close(self) -> None:
        """Finish the log; the tail stays readable."""
        if self.echo is not None:
            self.echo.close()
        if self._log is not None:
            self._log.close()

    @property
    def tail(self) -> bytes:
        """The last 64 KiB of the stream."""
        return bytes(self._tail)
