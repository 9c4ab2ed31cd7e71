"""What of tools' output goes into a journal: the beginning and the end of each log."""

import os
import stat
from collections.abc import Container, Iterator
from pathlib import Path

from pipeline.store.journal.format import LOGS, is_log_name

_LEFT_OUT = b"\n[... %d bytes are left out here ...]\n"
_ROOM = 64  # what the words above take at most
_MOST = 20_000


def capped(log: Path, limit: int) -> bytes | None:
    """The content of a log, at most ``limit`` bytes; ``None`` for what is no plain file.

    What is longer loses its middle. What was shortened once is short enough not to be again.
    """
    try:
        with log.open("rb") as stream:
            facts = os.fstat(stream.fileno())
            if not stat.S_ISREG(facts.st_mode):
                return None
            if facts.st_size <= limit:
                return stream.read(limit)
            half = max(0, limit - _ROOM) // 2
            head = stream.read(half)
            stream.seek(-half, os.SEEK_END)
            tail = stream.read(half)
    except OSError:
        return None
    return head + _LEFT_OUT % (facts.st_size - 2 * half) + tail


def logs_below(folder: Path, known: Container[bytes], limit: int) -> Iterator[tuple[bytes, bytes]]:
    """The logs below a run's ``tool_outputs`` that are not known yet: paths and contents.

    Links are not followed; empty files and names that are not ours are left out.
    """
    if limit <= 0 or folder.is_symlink():
        return
    count = 0
    for at, _, names in os.walk(folder):
        for name in names:
            path = Path(at) / name
            inner = os.fsencode(path.relative_to(folder).as_posix())
            target = LOGS + b"/" + inner
            if target in known or path.is_symlink() or not is_log_name(inner):
                continue
            data = capped(path, limit)
            if data and count < _MOST:
                count += 1
                yield target, data
