"""Short trusted children, mostly git: run, feed, read, count their CPU time."""

import contextlib
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import UnfitError
from pipeline.base.process.children import exit_descriptor, kill, reap
from pipeline.base.process.report import why_not_started

_READ = 256 * 1024


@dataclass(frozen=True, slots=True)
class Completed:
    """What a child answered; a negative ``code`` is the signal that ended it."""

    code: int
    out: bytes
    err: bytes


def capture(
    argv: Sequence[str | bytes],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: bytes = b"",
    timeout_s: float = 60.0,
) -> Completed:
    """Run a short trusted child in a session of its own and return all that it wrote.

    The program is looked for in the ``PATH`` of ``env``. Raises UnfitError, which names the
    program, when it cannot be started or does not end in time.
    """
    until = time.monotonic() + timeout_s
    process = start(argv, cwd=cwd, env=env, feed=bool(stdin))
    exchange = _Exchange(process, stdin)
    try:
        in_time = exchange.run(until) and reap(process, max(0.0, until - time.monotonic()))
    finally:
        kill(process)
        exchange.close()
    if not in_time:
        raise UnfitError(
            f"{os.fsdecode(argv[0])} did not end within {timeout_s:g} s "
            f"({' '.join(os.fsdecode(word) for word in argv[:4])} … in {cwd}).",
            remedy="Look whether the disk or the machine hangs, then run again.",
        )
    return Completed(process.returncode, *exchange.answers())


def start(
    argv: Sequence[str | bytes], *, cwd: Path, env: Mapping[str, str], feed: bool
) -> "subprocess.Popen[bytes]":
    """Start a child with pipes; raises UnfitError when that cannot be done."""
    try:
        return subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # a Ctrl-C in the terminal must not hit git halfway
        )
    except OSError as problem:
        if not cwd.is_dir():
            raise UnfitError(
                f"{os.fsdecode(argv[0])} cannot be run in {cwd}: there is no such directory."
            ) from problem
        raise UnfitError(
            why_not_started(argv[0], problem.errno or 0),
            remedy="Install it, or put it on the PATH.",
        ) from problem


class _Exchange:
    """Feeding and reading one child until it has ended."""

    def __init__(self, process: "subprocess.Popen[bytes]", stdin: bytes) -> None:
        self._process = process
        self._left = memoryview(stdin)
        self._poll = select.poll()
        self._parts: dict[int, list[bytes]] = {}
        self._open: set[int] = set()
        assert process.stdout is not None  # noqa: S101  # always a pipe, see start()
        assert process.stderr is not None  # noqa: S101  # always a pipe, see start()
        for stream in (process.stdout, process.stderr):
            self._parts[stream.fileno()] = []
            self._watch(stream.fileno(), select.POLLIN)
        self._exit = exit_descriptor(process.pid)
        if self._exit is not None:
            self._watch(self._exit, select.POLLIN)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            self._watch(process.stdin.fileno(), select.POLLOUT)

    def run(self, until: float) -> bool:
        """Serve the streams to their ends or the child's; return whether that was in time.

        A grandchild that still holds the pipes after the child has ended is not waited for.
        """
        while self._open & self._parts.keys():
            left = until - time.monotonic()
            ready = {fd for fd, _ in self._poll.poll(max(0.0, left) * 1000)}
            if not ready and left <= 0:
                return False
            for descriptor in ready:
                self._serve(descriptor)
            if self._exit in ready and not ready & self._parts.keys():
                return True
        return True

    def answers(self) -> tuple[bytes, bytes]:
        """Return what came on standard output and standard error."""
        out, err = (b"".join(parts) for parts in self._parts.values())
        return out, err

    def close(self) -> None:
        """Close all that is still open."""
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        if self._exit is not None:
            os.close(self._exit)

    def _serve(self, descriptor: int) -> None:
        if descriptor in self._parts:
            chunk = os.read(descriptor, _READ)
            if chunk:
                self._parts[descriptor].append(chunk)
            else:
                self._forget(descriptor)
        elif descriptor != self._exit:
            self._feed(descriptor)

    def _feed(self, descriptor: int) -> None:
        try:
            self._left = self._left[os.write(descriptor, self._left[:_READ]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # it has read all it wanted
            self._left = self._left[:0]
        if not self._left and self._process.stdin is not None:
            self._forget(descriptor)
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def _watch(self, descriptor: int, events: int) -> None:
        self._poll.register(descriptor, events)
        self._open.add(descriptor)

    def _forget(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        self._open.discard(descriptor)
