"""The one lock of a repository for what must not happen while a worktree is made or removed.

A fetch looks at every worktree, too: while one is being added it fails (bad object
``worktrees/x/HEAD``), so that fetching takes this lock as well.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.base.errors import UnfitError

_LOCK = "git-pipeline-worktrees.lock"
_LOCK_WAIT_S = 60.0


@contextlib.contextmanager
def worktree_lock(common_dir: Path, *, wait_s: float = _LOCK_WAIT_S) -> Iterator[None]:
    """Hold the lock; raises UnfitError where another process has it for longer than ``wait_s``."""
    if sys.platform == "win32":  # no worktree is made there, so there is nothing to keep apart
        yield
        return
    import fcntl  # not there on Windows

    handle = os.open(common_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > until:
                    raise UnfitError(
                        f"{common_dir / _LOCK} is held by another process.",
                        remedy="Wait for it to end, or end it, and run again.",
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(handle)
