"""One program: read what to run, start it, follow it, report how it ended."""

# ruff: noqa: PTH110, PTH116  # pathlib takes longer to import than most of this program
import _signal  # type: ignore[import-not-found]  # typeshed has no stub for it
import _socket
import errno
import os

from .table import descendants, quietly
from .tree import Tree, become_subreaper

_ALL_SIGNALS = _signal.valid_signals() - {_signal.SIGKILL, _signal.SIGSTOP}
_IGNORED = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT)


class Missing(Exception):  # noqa: N818  # what is missing is an outcome, not a fault
    """A program could not be started: the place (``cwd`` or ``program``) and the error number."""

    def __init__(self, place: bytes, number: int | None) -> None:
        super().__init__(place, number)
        self.place = place
        self.number = number or 0


def supervise(descriptors: list[int]) -> None:
    """Run one program as its subreaper, report how it ended.

    The descriptors are the socket to the engine, the program's standard output and error, and
    its standard input where that is not ``/dev/null``.
    """
    become_subreaper()
    for number in _IGNORED:
        _signal.signal(number, _signal.SIG_IGN)
    control = _socket.socket(fileno=descriptors[0])
    words = _receive_words(control)
    if words is None:
        return
    tree = Tree(control)
    try:
        tree.main = _start(words, descriptors[1:])
    except Missing as problem:
        report(control, b"missing", problem.place, problem.number)
        return
    for descriptor in descriptors[1:]:
        os.close(descriptor)
    strays = tree.follow(float(words[0]))
    alive = 0 if tree.reap() else len(descendants(os.getpid()))
    named = [word for stray in strays for word in stray]
    status = -1 if tree.status is None else tree.status
    report(control, b"ended", status, repr(tree.cpu_s), tree.max_rss_kib, alive, *named)


def report(control: _socket.socket, *words: object) -> None:
    """Send one message to the engine; it does not matter if nobody listens any more."""
    content = b"\0".join(word if isinstance(word, bytes) else str(word).encode() for word in words)
    quietly(control.sendall, len(content).to_bytes(8, "little") + content)


def _start(words: list[bytes], streams: list[int]) -> int:
    """Start the program in a session of its own, with nothing but its three streams.

    For the words see ``pipeline.base.process.forkserver.encode``.
    """
    argv_at = 4 + int(words[2])
    env_at = argv_at + int(words[3])
    environment = {}
    for word in words[env_at:]:
        name, _, value = word.partition(b"=")
        environment[name] = value
    actions = [(os.POSIX_SPAWN_DUP2, fd, at) for fd, at in zip(streams, (1, 2, 0), strict=False)]
    try:
        os.chdir(words[1])  # this process exists for one program; posix_spawn has no other way
    except OSError as problem:
        raise Missing(b"cwd", problem.errno) from None
    try:
        return _spawn(words[4:argv_at], words[argv_at:env_at], environment, actions)
    finally:
        os.chdir("/")


def _spawn(
    candidates: list[bytes],
    argv: list[bytes],
    environment: dict[bytes, bytes],
    actions: list[tuple[int, int, int]],
) -> int:
    """Start the first candidate that can be executed, chosen as execvp does."""
    number: int | None = errno.ENOENT
    for candidate in candidates:
        try:
            os.stat(candidate)  # a failed spawn costs 40 times as much
            return os.posix_spawn(
                candidate,
                argv,
                environment,
                file_actions=actions,
                setsid=True,
                setsigmask=(),
                setsigdef=_ALL_SIGNALS,
            )
        except OSError as problem:
            if problem.errno in (errno.ENOENT, errno.ENOTDIR):
                if os.path.exists(candidate):
                    number = errno.ELIBBAD  # it is there, what its first line names is not
            elif problem.errno == errno.EACCES:
                number = errno.EACCES
            else:
                raise Missing(b"program", problem.errno) from None
    raise Missing(b"program", number)


def _receive_words(control: _socket.socket) -> list[bytes] | None:
    """Return the words of the request; nothing when it is cut short."""
    size = _receive_exactly(control, 8)
    content = size and _receive_exactly(control, int.from_bytes(size, "little"))
    return content.split(b"\0") if content else None


def _receive_exactly(control: _socket.socket, size: int) -> bytes | None:
    parts = []
    while size:
        part = control.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
