"""A program under a supervisor (Linux): its whole process tree ends with it or with the engine."""

import contextlib
import fcntl
import os
import select
import socket
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from pipeline.base.errors import UnfitError
from pipeline.base.process.cancel import CancelToken
from pipeline.base.process.command import Beat, Command, Ending, Outcome
from pipeline.base.process.echo import Echo
from pipeline.base.process.forkserver import FORK_SERVER, ForkServer, encode
from pipeline.base.process.logs import Sink
from pipeline.base.process.report import Report, outcome_of, parse
from pipeline.base.process.strays import end_tagged
from pipeline.base.process.watch import Watch

_READ = 64 * 1024
_READ_FLOOD = 256 * 1024
_PIPE_FLOOD = 1024 * 1024
_F_SETPIPE_SZ = 1031
_ANSWER_S = 30.0  # what a supervisor gets beyond the grace before it is given up
_DRAIN_S = 5.0
_SMALL = 64 * 1024  # fits into a socket's buffer in any case


def run_supervised(
    command: Command,
    *,
    cancel: CancelToken | None = None,
    on_beat: Callable[[Beat], None] | None = None,
    beat_s: float = 5.0,
    server: ForkServer = FORK_SERVER,
) -> Outcome:
    """Run a command under a supervisor of the fork server; see ``run``."""
    request = encode(command)
    watch = Watch(command, cancel=cancel, on_beat=on_beat, beat_s=beat_s)
    with (
        Sink(command.stdout_log, command.log_limit, command.echo_stdout) as out,
        Sink(command.stderr_log, command.log_limit, command.echo_stderr) as err,
    ):
        for _ in range(2):
            try:
                with _Session(command, server, out, err) as session:
                    session.begin(request)
                    report = session.follow(watch, cancel)
            except _NeverStarted:
                continue
            return outcome_of(command, report, session.ending, watch.started, (out, err))
    raise UnfitError(
        f"The process that starts tools ended before it could start {command.argv[0]!r}.",
        remedy="Look for what kills processes here: a memory limit, or another user.",
    )


class _NeverStarted(Exception):  # noqa: N818  # a turn of events, not a fault
    """The request was thrown away unread, so that it is safe to make it again."""


class _Session:
    """The descriptors of one program, and the loop that serves them."""

    def __init__(self, command: Command, server: ForkServer, out: Sink, err: Sink) -> None:
        self.ending: Ending | None = None
        self._command = command
        self._server = server
        self._sinks = (out, err)
        self._control, self._theirs = socket.socketpair()
        self._given: list[int] = []
        self._open: dict[int, Sink] = {}
        self._waiting: dict[int, tuple[int, Echo]] = {}
        self._read_size = dict.fromkeys((out, err), _READ)
        self._give_up = float("inf")
        self._poll = select.poll()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and not issubclass(kind, _NeverStarted):
            self._kill_now()
        self._theirs.close()
        self._control.close()
        for descriptor in (*self._open, *self._given):
            os.close(descriptor)
        self._open.clear()
        self._given.clear()

    def begin(self, request: bytes) -> None:
        """Open the streams and have a supervisor start the program."""
        for sink in self._sinks:
            reader, writer = os.pipe()
            self._open[reader] = sink
            self._given.append(writer)
            self._poll.register(reader, select.POLLIN)
        if self._command.stdin:
            self._given.append(_in_memory(self._command.stdin))
        self._server.hand_over([self._theirs.fileno(), *self._given])
        self._theirs.close()
        while self._given:
            os.close(self._given.pop())
        if len(request) > _SMALL:
            self._control.settimeout(_ANSWER_S)
        with contextlib.suppress(OSError):  # nobody takes it: `follow` sees that too
            self._control.sendall(request)
        self._control.setblocking(True)
        self._poll.register(self._control.fileno(), select.POLLIN)

    def follow(self, watch: Watch, cancel: CancelToken | None) -> Report:
        """Serve the streams until the supervisor has reported; see that it ends in time."""
        if cancel is not None:
            self._poll.register(cancel.fileno(), select.POLLIN)
        while True:
            ready = [fd for fd, _ in self._poll.poll(self._pause_ms(watch))]
            self._serve(ready)
            if self._control.fileno() in ready:
                report = self._receive()
                self._drain(0.0 if report.words else _DRAIN_S, watch)
                return report
            if self.ending is None:
                self.ending = watch.check(self._size())
                if self.ending is not None:
                    self._end(cancel)
            elif time.monotonic() > self._give_up:
                self._server.close()
                end_tagged(self._command.tag)
                return Report(())

    def _pause_ms(self, watch: Watch) -> int | None:
        if self.ending is not None:
            return 1000
        return min(int(watch.pause_s() * 1000) + 1, 3_600_000)

    def _size(self) -> int:
        return sum(sink.size for sink in self._sinks)

    def _serve(self, ready: Sequence[int]) -> None:
        """Read what can be read, pass on what can be passed on."""
        for descriptor in ready:
            if descriptor in self._open:
                self._read(descriptor)
            elif descriptor in self._waiting:
                reader, echo = self._waiting[descriptor]
                echo.push()
                if not echo.is_waiting:
                    del self._waiting[descriptor]
                    self._poll.unregister(descriptor)
                    self._poll.register(reader, select.POLLIN)
                    self._close_if_broken(reader, echo)

    def _read(self, descriptor: int) -> None:
        sink = self._open[descriptor]
        size = self._read_size[sink]
        chunk = os.read(descriptor, size)
        if not chunk:
            self._close(descriptor)
            return
        sink.write(chunk)
        if len(chunk) == size == _READ:
            self._read_size[sink] = _READ_FLOOD
            with contextlib.suppress(OSError):  # a user's pipe memory is limited; slower is fine
                fcntl.fcntl(descriptor, _F_SETPIPE_SZ, _PIPE_FLOOD)
        if sink.echo is not None:
            self._pass_on(descriptor, sink.echo, chunk)

    def _pass_on(self, descriptor: int, echo: Echo, chunk: bytes) -> None:
        """Hand a chunk to its reader; until it is taken, the program is not read from."""
        echo.take(chunk)
        if echo.is_waiting:
            self._poll.unregister(descriptor)
            self._waiting[echo.fileno()] = (descriptor, echo)
            self._poll.register(echo.fileno(), select.POLLOUT)
        self._close_if_broken(descriptor, echo)

    def _close_if_broken(self, descriptor: int, echo: Echo) -> None:
        """Give the program a broken pipe where nobody reads any more, as a shell would."""
        if echo.is_broken:
            self._close(descriptor)

    def _close(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        del self._open[descriptor]
        os.close(descriptor)

    def _end(self, cancel: CancelToken | None) -> None:
        """Ask the supervisor to end the tree."""
        if cancel is not None:
            self._poll.unregister(cancel.fileno())
        self._give_up = time.monotonic() + self._command.grace_s + _ANSWER_S
        with contextlib.suppress(OSError):  # it is ending already: `follow` sees that
            self._control.send(b"T")

    def _receive(self) -> Report:
        """Return the supervisor's report, an empty one when it was killed.

        The kernel answers "connection reset" when the other end went away with unread bytes in
        it (``unix_release_sock``): the request was not taken, so nothing was started.
        """
        try:
            content = _receive_message(self._control)
        except ConnectionResetError:
            if self.ending is None:
                raise _NeverStarted from None
            content = b""
        if not content:
            end_tagged(self._command.tag)
        return parse(content)

    def _drain(self, wait_s: float, watch: Watch) -> None:
        """Take what is still in the pipes; whoever else holds them does not hold us.

        A slow reader of what is passed on gets its time up to the program's own deadline.
        """
        until = time.monotonic() + _DRAIN_S
        self._poll.unregister(self._control.fileno())
        while self._open:
            is_held_up = bool(self._waiting) and self.ending is None
            if is_held_up and watch.check(self._size()) is not None:
                return
            if not is_held_up and time.monotonic() > until:
                return
            pause_ms = self._pause_ms(watch) if is_held_up else int(wait_s * 1000)
            ready = [fd for fd, _ in self._poll.poll(pause_ms)]
            if not is_held_up and not (self._open.keys() | self._waiting.keys()) & set(ready):
                return
            self._serve(ready)
            if is_held_up:
                until = time.monotonic() + _DRAIN_S

    def _kill_now(self) -> None:
        """End the tree at once, because the engine cannot follow it any more."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
            self._control.settimeout(_DRAIN_S)
            _receive_message(self._control)


def _in_memory(content: bytes) -> int:
    descriptor = os.memfd_create("stdin")
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _receive_message(control: socket.socket) -> bytes:
    """Return the next message; nothing when the stream ends before it is whole."""
    content = b""
    while len(content) < 8 or len(content) < 8 + int.from_bytes(content[:8], "little"):
        part = control.recv(64 * 1024)
        if not part:
            return b""
        content += part
    return content[8:]
