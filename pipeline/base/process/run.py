"""Run a program to its end, and end everything that it started."""

import sys
from collections.abc import Callable

from pipeline.base.process.cancel import CancelToken
from pipeline.base.process.command import Beat, Command, Outcome


def run(
    command: Command,
    *,
    cancel: CancelToken | None = None,
    on_beat: Callable[[Beat], None] | None = None,
    beat_s: float = 5.0,
) -> Outcome:
    """Run a command and return how it ended; no process that it started is alive afterwards.

    That holds for detached processes too, and when the engine is killed meanwhile. ``on_beat``
    is called about every ``beat_s`` seconds in the calling thread; what it raises is dropped.
    A program that cannot be started is an outcome (``MISSING``). Raises InputError for a command
    that no system could run, UnfitError when a log cannot be written or no process be started.
    """
    if sys.platform == "linux":
        from pipeline.base.process.supervised import run_supervised as chosen
    else:
        from pipeline.base.process.portable import run_portable as chosen
    return chosen(command, cancel=cancel, on_beat=on_beat, beat_s=beat_s)
