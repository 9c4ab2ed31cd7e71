"""The process table: who is below whom, and sending signals to them."""

# ruff: noqa: PTH208  # pathlib takes longer to import than most of this program
import os
from _collections_abc import Callable  # collections.abc would bring all of collections

Process = tuple[int, int]  # process id and process group
_ROUNDS = 100  # for a process that opens one session after the other


def read_file(path: str) -> bytes | None:
    """Return the content of a file in /proc, or nothing when its process is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.read(descriptor, 1 << 20)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def stat_fields(pid: int) -> list[bytes] | None:
    """Return state, parent, group … of a process, or nothing when it is gone."""
    content = read_file(f"/proc/{pid}/stat")
    return content.rpartition(b")")[2].split() if content else None


def children(pid: int) -> list[int]:
    """Return the direct children of a process, those of all its threads."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        content = read_file(f"/proc/{pid}/task/{thread}/children")
        if content:
            found.extend(map(int, content.split()))
    return found


def parents() -> dict[int, list[int]]:
    """Return the children of every process, from a scan of the whole table."""
    table: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        fields = stat_fields(int(name)) if name.isdigit() else None
        if fields:
            table.setdefault(int(fields[1]), []).append(int(name))
    return table


HAS_CHILDREN_FILES = read_file(f"/proc/self/task/{os.getpid()}/children") is not None


def descendants(root: int, without: set[int] | tuple[()] = ()) -> list[Process]:
    """Return every living process below one; nothing of the subtrees ``without``."""
    table = None if HAS_CHILDREN_FILES else parents()
    found = []
    seen = {root, *without}
    queue = [root]
    while queue:
        parent = queue.pop()
        for pid in children(parent) if table is None else table.get(parent, ()):
            fields = None if pid in seen else stat_fields(pid)
            if fields is None:
                continue
            seen.add(pid)
            queue.append(pid)
            if fields[0] not in (b"Z", b"X"):
                found.append((pid, int(fields[2])))
    return found


def signal_tree(number: int, root: int, without: set[int] | tuple[()] = ()) -> list[Process]:
    """Send a signal once to every group below a process; return who is there.

    A group cannot outrun a signal by forking, and a tool's groups lie within sessions that the
    tool itself opened, so they hold nobody else. Those of the direct children come first: the
    tree may grow faster than it can be looked through.
    """
    reached = {0, os.getpgrp()}
    found = [(pid, group) for pid, group in near(root) if pid not in without]
    for _ in range(_ROUNDS):
        groups = {group for _, group in found} - reached
        if not groups:
            break
        for group in groups:
            quietly(os.killpg, group, number)
        reached |= groups
        found = descendants(root, without)
    return found


def near(root: int) -> list[Process]:
    """Return the direct children of a process."""
    pids = children(root) if HAS_CHILDREN_FILES else parents().get(root, [])
    known = ((pid, stat_fields(pid)) for pid in pids)
    return [(pid, int(fields[2])) for pid, fields in known if fields]


def quietly(call: Callable[..., object], *values: object) -> None:
    """Call, and pass over the error that somebody is gone."""
    try:  # noqa: SIM105  # contextlib takes longer to import than all of this
        call(*values)
    except OSError:
        pass
