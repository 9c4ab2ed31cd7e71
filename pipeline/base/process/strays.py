"""Processes that outlived whoever watched over them, found by the tag in their environment."""

import contextlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.base.process.command import TAG_VARIABLE

if TYPE_CHECKING:
    import psutil

_SAME_START_S = 0.05
_END_S = 10.0


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process, not just its number: the number with the start time (Unix seconds)."""

    pid: int
    start_time: float


def find_tagged(tag_prefix: str) -> list[ProcessIdentity]:
    """Return our user's processes whose ``PIPELINE_PROCESS_TAG`` begins with a prefix.

    This process itself is never among them. A process that cleaned its environment is not found.
    """
    import psutil  # 20 ms that most commands never need

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid == os.getpid() or not _is_ours(process):
                continue
            tag = process.environ().get(TAG_VARIABLE)
            if tag is not None and tag.startswith(tag_prefix):
                found.append(ProcessIdentity(process.pid, process.create_time()))
    return found


def end_process_tree(identity: ProcessIdentity) -> bool:
    """Kill a process and everything below it; return whether all of it is gone.

    A process that has taken over the number since is left alone, and counts as gone.
    """
    import psutil  # 20 ms that most commands never need

    try:
        process = psutil.Process(identity.pid)
        if abs(process.create_time() - identity.start_time) > _SAME_START_S:
            return True
    except psutil.NoSuchProcess:
        return True
    return kill_tree([process])


def end_tagged(tag: str) -> bool:
    """Kill every process tree with a tag that begins so; an empty tag stands for none."""
    if not tag:
        return True
    gone = [end_process_tree(identity) for identity in find_tagged(tag)]
    return all(gone)


def kill_tree(roots: "list[psutil.Process]") -> bool:
    """Kill processes and all below them, until nobody is left; return whether that came true."""
    import psutil  # 20 ms that most commands never need

    known = set(roots)
    until = time.monotonic() + _END_S
    while True:
        for process in list(known):
            with contextlib.suppress(psutil.Error):
                known.update(process.children(recursive=True))
        for process in known:
            with contextlib.suppress(psutil.Error):
                process.kill()
        known = {process for process in known if is_alive(process)}
        if not known or time.monotonic() > until:
            return not known
        time.sleep(0.01)


def is_alive(process: "psutil.Process") -> bool:
    """Return whether a process still runs; one that only waits to be waited for does not."""
    import psutil  # 20 ms that most commands never need

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_ours(process: "psutil.Process") -> bool:
    if not hasattr(os, "getuid"):
        return True
    return bool(process.uids().real == os.getuid())
