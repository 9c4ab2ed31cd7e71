"""The way to run a program where there is no subreaper: threads for pipes, psutil for the tree.

A process that detaches and cleans its environment between two looks can escape here.
"""

import contextlib
import queue
import subprocess
import threading
import time
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

from pipeline.base.errors import UnfitError
from pipeline.base.process.cancel import CancelToken
from pipeline.base.process.command import (
    TAG_VARIABLE,
    Beat,
    Command,
    Ending,
    Outcome,
    Stray,
)
from pipeline.base.process.logs import Sink
from pipeline.base.process.report import why_not_started
from pipeline.base.process.strays import find_tagged, is_alive, kill_tree
from pipeline.base.process.watch import Watch

if TYPE_CHECKING:
    import psutil

_LOOK_S = 0.05  # how often the tree is looked at
_SETTLE_S = 0.05
_DRAIN_S = 2.0
_READ = 64 * 1024
_Chunks = queue.Queue[tuple[Sink, bytes]]


def run_portable(
    command: Command,
    *,
    cancel: CancelToken | None = None,
    on_beat: Callable[[Beat], None] | None = None,
    beat_s: float = 5.0,
) -> Outcome:
    """Run a command without a supervisor; see ``run``."""
    watch = Watch(command, cancel=cancel, on_beat=on_beat, beat_s=beat_s)
    with (
        Sink(command.stdout_log, command.log_limit, command.echo_stdout) as out,
        Sink(command.stderr_log, command.log_limit, command.echo_stderr) as err,
    ):
        try:
            process = _start(command)
        except OSError as problem:
            return _missing(command, problem, watch)
        return _Follower(command, process, (out, err)).follow(watch)


class _Follower:
    """One running program: its streams, its tree as far as it was seen, its end."""

    def __init__(
        self, command: Command, process: "subprocess.Popen[bytes]", sinks: tuple[Sink, Sink]
    ) -> None:
        self._command = command
        self._process = process
        self._sinks = sinks
        self._seen: set[psutil.Process] = set()
        self._cpu_s = 0.0
        self._rss_kib = 0
        self._chunks: _Chunks = queue.Queue(maxsize=64)
        streams = (process.stdout, process.stderr)
        self._readers = [
            _thread(_read, stream, sink, self._chunks)
            for stream, sink in zip(streams, sinks, strict=True)
        ]
        if command.stdin:
            _thread(_feed, process.stdin, command.stdin)

    def follow(self, watch: Watch) -> Outcome:
        """Serve the program until it has ended or must be ended; end what it left."""
        ending: Ending | None = None
        strays: tuple[Stray, ...] = ()
        try:
            while self._process.poll() is None and ending is None:
                self._look()
                self._take(min(_LOOK_S, watch.pause_s()))
                ending = watch.check(self._size())
            if ending is None:
                strays = self._left_behind()
            else:
                self._terminate()
        finally:
            self._kill()
        self._drain()
        return self._outcome(watch, ending, strays)

    def _look(self) -> None:
        """Remember every process below the program, so that a detached one is known later."""
        import psutil  # 20 ms that most commands never need

        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self._process.pid)
            self._seen.update(root.children(recursive=True))
            times = root.cpu_times()
            self._cpu_s = times.user + times.system + _of_children(times)
            self._rss_kib = max(self._rss_kib, root.memory_info().rss // 1024)

    def _take(self, wait_s: float) -> None:
        """Hand the waiting chunks to their sinks."""
        with contextlib.suppress(queue.Empty):
            sink, chunk = self._chunks.get(timeout=max(wait_s, 0.001))
            sink.write(chunk)
            while True:
                sink, chunk = self._chunks.get_nowait()
                sink.write(chunk)

    def _size(self) -> int:
        return sum(sink.size for sink in self._sinks)

    def _alive(self) -> "set[psutil.Process]":
        import psutil  # 20 ms that most commands never need

        if self._command.tag:
            for identity in find_tagged(self._command.tag):
                with contextlib.suppress(psutil.Error):
                    self._seen.add(psutil.Process(identity.pid))
        return {process for process in self._seen if is_alive(process)}

    def _left_behind(self) -> tuple[Stray, ...]:
        import psutil  # 20 ms that most commands never need

        until = time.monotonic() + _SETTLE_S
        while self._alive() and time.monotonic() < until:
            self._take(0.01)
        found = []
        for process in self._alive():
            with contextlib.suppress(psutil.Error):
                found.append(Stray(process.pid, process.name()))
        return tuple(found)

    def _terminate(self) -> None:
        """Ask the tree to end and give it its grace."""
        import psutil  # 20 ms that most commands never need

        self._look()
        for process in self._alive():
            with contextlib.suppress(psutil.Error):
                process.terminate()
        self._process.terminate()
        until = time.monotonic() + self._command.grace_s
        while time.monotonic() < until and (self._process.poll() is None or self._alive()):
            self._take(_LOOK_S)

    def _kill(self) -> None:
        import psutil  # 20 ms that most commands never need

        roots = list(self._alive())
        if self._process.poll() is None:
            with contextlib.suppress(psutil.Error):
                roots.append(psutil.Process(self._process.pid))
        kill_tree(roots)
        self._process.wait()

    def _drain(self) -> None:
        """Take what is still under way; whoever else holds the pipes does not hold us."""
        until = time.monotonic() + _DRAIN_S
        while time.monotonic() < until:
            waiting = any(reader.is_alive() for reader in self._readers)
            if not waiting and self._chunks.empty():
                return
            self._take(0.01)

    def _outcome(self, watch: Watch, ending: Ending | None, strays: tuple[Stray, ...]) -> Outcome:
        code: int | None = self._process.returncode
        signal = None if code is None or code >= 0 else -code
        ending = ending or (Ending.EXITED if signal is None else Ending.SIGNALLED)
        return Outcome(
            ending=ending,
            exit_code=code if signal is None else None,
            signal=signal,
            duration_s=time.monotonic() - watch.started,
            cpu_s=self._cpu_s,
            max_rss_kib=self._rss_kib,
            stdout_tail=self._sinks[0].tail,
            stderr_tail=self._sinks[1].tail,
            output_bytes=self._size(),
            left_behind=strays,
        )


def _start(command: Command) -> "subprocess.Popen[bytes]":
    environment = dict(command.env)
    if command.tag:
        environment[TAG_VARIABLE] = command.tag
    return subprocess.Popen(
        list(command.argv),
        cwd=command.cwd,
        env=environment,
        stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
    )


def _missing(command: Command, problem: OSError, watch: Watch) -> Outcome:
    if command.cwd.is_dir():
        detail = why_not_started(command.argv[0], problem.errno or 0)
    else:
        detail = f"The directory {command.cwd} cannot be entered: {problem.strerror}."
    duration_s = time.monotonic() - watch.started
    return Outcome(Ending.MISSING, None, None, duration_s, 0.0, 0, b"", b"", 0, detail=detail)


def _thread(target: Callable[..., None], *values: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=values, daemon=True)
    thread.start()
    return thread


def _read(stream: IO[bytes], sink: Sink, chunks: _Chunks) -> None:
    with contextlib.suppress(OSError, ValueError, UnfitError), stream:
        while chunk := stream.read(_READ):
            chunks.put((sink, chunk))
            if sink.echo is not None:
                sink.echo.write_all(chunk)
                if sink.echo.is_broken:
                    return


def _feed(stream: IO[bytes], content: bytes) -> None:
    with contextlib.suppress(OSError, ValueError), stream:
        stream.write(content)


def _of_children(times: object) -> float:
    user: float = getattr(times, "children_user", 0.0)
    system: float = getattr(times, "children_system", 0.0)
    return user + system
