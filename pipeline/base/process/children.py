"""Waiting for the engine's own children, and what they cost."""

import contextlib
import os
import select
import signal
import subprocess
import threading
import time

_lock = threading.Lock()
_cpu_s = 0.0


def engine_git_cpu_s() -> float:
    """Return the CPU seconds of the children that ``capture`` and ``Conversation`` have ended."""
    with _lock:
        return _cpu_s


def reap(process: "subprocess.Popen[bytes]", timeout_s: float) -> bool:
    """Wait for a child, count its CPU time; return whether it ended in time."""
    if not hasattr(os, "wait4"):
        return _reap_plainly(process, timeout_s)
    until = time.monotonic() + timeout_s
    while process.returncode is None:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            _count(usage.ru_utime + usage.ru_stime)
        elif not wait_for_exit(process.pid, until - time.monotonic()):
            return False
    return True


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a child that is in our way, with the rest of its session's first group; wait for it."""
    if process.returncode is not None:
        return
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):  # not waited for yet, so the number is still its own
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    reap(process, 60.0)


def exit_descriptor(pid: int) -> int | None:
    """Return a descriptor that is readable once the child has ended, if the system has them."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def wait_for_exit(pid: int, timeout_s: float) -> bool:
    """Wait until a child has ended, or shortly; return False when no time is left."""
    if timeout_s <= 0:
        return False
    descriptor = exit_descriptor(pid)
    if descriptor is None:
        time.sleep(0.001)
        return True
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll(timeout_s * 1000)
    finally:
        os.close(descriptor)
    return True


def _reap_plainly(process: "subprocess.Popen[bytes]", timeout_s: float) -> bool:
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def _count(seconds: float) -> None:
    global _cpu_s  # noqa: PLW0603  # one counter for the process, behind its lock
    with _lock:
        _cpu_s += seconds
