"""The engine's side of the fork server: starting it, handing it work, telling it what to run."""

import atexit
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.process.children import wait_for_exit
from pipeline.base.process.command import TAG_VARIABLE, Command

_START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from supervising.server import main; main(int(sys.argv[2]))"
)
_END_S = 1.0


class ForkServer:
    """One small process that forks a supervisor per program, so that the engine never forks.

    It is started by the first use and again when it has died; it holds no descriptor of the
    engine but its end of one socket, and ends when the engine does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    @property
    def pid(self) -> int | None:
        """The process id of the running server, if there is one."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the server ahead of its first use; it comes up while the engine goes on."""
        with self._lock:
            self._connect()

    def hand_over(self, descriptors: Sequence[int]) -> None:
        """Give descriptors to a new supervisor: its socket, stdout, stderr and maybe stdin."""
        with self._lock:
            try:
                socket.send_fds(self._connect(), [b"+"], descriptors)
            except OSError:
                self._close()
                self._send_again(descriptors)

    def close(self) -> None:
        """End the server; supervisors that still run end with their own sockets."""
        with self._lock:
            self._close()

    def _send_again(self, descriptors: Sequence[int]) -> None:
        try:
            socket.send_fds(self._connect(), [b"+"], descriptors)
        except OSError as problem:
            self._close()
            raise UnfitError(
                f"The process that starts tools ends at once: {problem.strerror}.",
                remedy=f"Look whether {sys.executable} can be run here.",
            ) from problem

    def _connect(self) -> socket.socket:
        if self._channel is not None and self._owner == os.getpid():
            return self._channel
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = _launch(theirs.fileno())
            except OSError as problem:
                ours.close()
                raise UnfitError(
                    f"The Python that starts tools, {sys.executable}, cannot be run: "
                    f"{problem.strerror}.",
                ) from problem
        self._channel = ours
        if self._owner == 0:
            atexit.register(self.close)
        self._owner = os.getpid()
        return ours

    def _close(self) -> None:
        channel, process = self._channel, self._process
        self._channel = self._process = None
        if channel is not None:
            channel.close()
        if process is None or self._owner != os.getpid():
            return
        wait_for_exit(process.pid, _END_S)
        if process.poll() is None:
            process.kill()
            process.wait()


def _launch(descriptor: int) -> "subprocess.Popen[bytes]":
    environment = {
        name: value
        for name in ("LD_LIBRARY_PATH",)  # some builds of Python do not start without it
        if (value := os.environ.get(name)) is not None
    }
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _START, str(Path(__file__).parent), str(descriptor)],
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(descriptor,),
        start_new_session=True,
    )


def encode(command: Command) -> bytes:
    """Return the message that tells a supervisor what to run.

    Words between NULs: grace, directory, number of candidates, number of arguments, the
    candidates, the arguments, ``NAME=value``…; before them their length in eight bytes.
    Raises InputError for a word that no program can be given.
    """
    environment = dict(command.env)
    if command.tag:
        environment[TAG_VARIABLE] = command.tag
    arguments = [os.fsencode(word) for word in command.argv]
    if not arguments or not arguments[0]:
        raise InputError("A command has no program.", remedy="Give it an argument list.")
    names = candidates(arguments[0], environment.get("PATH", os.defpath))
    words = [
        b"%f" % command.grace_s,
        os.fsencode(command.cwd),
        b"%d" % len(names),
        b"%d" % len(arguments),
        *names,
        *arguments,
        *(os.fsencode(f"{name}={value}") for name, value in environment.items()),
    ]
    content = b"\0".join(words)
    if content.count(b"\0") != len(words) - 1 or any("=" in name for name in environment):
        raise InputError(
            f"The command {arguments[0]!r} has a NUL in its arguments, directory or environment, "
            "or a variable with '=' in its name.",
            remedy="Take it out; the operating system cannot pass it on.",
        )
    return len(content).to_bytes(8, "little") + content


def candidates(program: bytes, path: str) -> list[bytes]:
    """Return the files that a program's name stands for, in the order in which exec tries them."""
    if b"/" in program:
        return [program]
    return [(folder or b".") + b"/" + program for folder in os.fsencode(path).split(b":")]


FORK_SERVER = ForkServer()
