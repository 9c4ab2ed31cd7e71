"""The fork server: forks one supervisor per request and buries the dead."""

import _signal  # type: ignore[import-not-found]  # typeshed has no stub for it
import _socket
import gc
import os
import select
import time

from .program import report, supervise
from .table import quietly, signal_tree
from .tree import KILL_FOR_S, become_subreaper

REAP_EVERY_MS = 500  # how soon it is noticed that a supervisor has ended
_ROOM = _socket.CMSG_SPACE(4 * 4)  # four descriptors


def main(descriptor: int) -> None:
    """Serve on a socket until its other end is closed."""
    os.set_inheritable(descriptor, False)
    channel = _socket.socket(fileno=descriptor)
    become_subreaper()
    gc.disable()
    gc.freeze()
    try:
        serve(channel)
    finally:
        os._exit(0)


def serve(channel: _socket.socket) -> None:
    """Fork a supervisor for each request: one byte, and the descriptors for ``supervise``."""
    waiting = select.poll()
    waiting.register(channel.fileno(), select.POLLIN)
    supervisors: set[int] = set()
    while True:
        ready = waiting.poll(REAP_EVERY_MS if supervisors else None)
        bury(supervisors)
        descriptors = receive_descriptors(channel) if ready else []
        if descriptors is None:
            break
        if descriptors:
            pid = fork_supervisor(channel, descriptors)
            supervisors.update([pid] if pid else [])
    while supervisors:
        time.sleep(0.01)
        bury(supervisors)


def fork_supervisor(channel: _socket.socket, descriptors: list[int]) -> int:
    """Hand the descriptors to a new process, keep none; return its id, 0 if there is none."""
    try:
        pid = os.fork()
    except OSError as problem:
        report(_socket.socket(fileno=os.dup(descriptors[0])), b"refused", problem.errno)
        pid = 0
    else:
        if pid == 0:
            _live_as_supervisor(channel, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    return pid


def _live_as_supervisor(channel: _socket.socket, descriptors: list[int]) -> None:
    code = 1
    try:
        channel.close()
        supervise(descriptors)
        code = 0
    finally:
        os._exit(code)


def bury(supervisors: set[int]) -> None:
    """Wait for ended supervisors, wake stopped ones, kill what a killed one left behind."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if os.WIFSTOPPED(status):
            quietly(os.kill, pid, _signal.SIGCONT)
            continue
        supervisors.discard(pid)
        if status != 0:
            kill_orphans(supervisors)


def kill_orphans(supervisors: set[int]) -> None:
    """Kill whoever is below this process and below no supervisor, until nobody is left."""
    until = time.monotonic() + KILL_FOR_S
    while time.monotonic() < until:
        orphans = signal_tree(_signal.SIGKILL, os.getpid(), without=supervisors)
        if not orphans:
            return
        time.sleep(0.005)
        for pid, _ in orphans:
            quietly(os.waitpid, pid, os.WNOHANG)


def receive_descriptors(channel: _socket.socket) -> list[int] | None:
    """Return the descriptors of the next request; nothing at the end of the stream."""
    try:
        word, extras, _, _ = channel.recvmsg(1, _ROOM, _socket.MSG_CMSG_CLOEXEC)
    except OSError:
        return None
    if not word:
        return None
    descriptors: list[int] = []
    for level, kind, content in extras:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            descriptors.extend(memoryview(content).cast("i"))
    return descriptors
