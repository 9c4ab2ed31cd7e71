"""Errors that people see, each with its exit code."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code means; the numbers are part of the command line's contract."""

    OK = 0
    NOT_PASSED = 1
    BAD_INPUT = 2
    UNFIT = 3
    BUG = 4
    INTERRUPTED = 130


class PipelineError(Exception):
    """A problem that a person can act on: what failed, on what, and what to do next.

    ``what`` is a sentence that names the thing; ``remedy`` is the next step, empty where there
    is none.
    """

    exit_code = ExitCode.BUG

    def __init__(self, what: str, *, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        is_open = self.remedy and self.what[-1:] not in ".!?:"
        return f"{self.what}{'.' if is_open else ''} {self.remedy}".rstrip()


class InputError(PipelineError):
    """A bundle, a configuration, an argument or a patch is wrong."""

    exit_code = ExitCode.BAD_INPUT


class UnfitError(PipelineError):
    """The surroundings are not fit: git too old, a tool missing, a lock held, a disk full."""

    exit_code = ExitCode.UNFIT


class InterruptedRunError(PipelineError):
    """The run was told to stop and can be carried on."""

    exit_code = ExitCode.INTERRUPTED


class CancelledRunError(InterruptedRunError):
    """The run was interrupted because a person asked for it by `pipeline cancel`."""


class BugError(PipelineError):
    """An invariant of ours does not hold; nothing was changed after it was noticed."""

    exit_code = ExitCode.BUG
