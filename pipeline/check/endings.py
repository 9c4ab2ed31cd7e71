"""What a program's end says about its check, before anybody reads what it printed.

Red is what the change can be blamed for; a fault is what it cannot, and is tried again later:

=====================================  =========  =====================================
how it ended                           result     why
=====================================  =========  =====================================
exit code 125                          unknown    "cannot tell", as in git-bisect; never a pass
a success exit code                    passed     provided its promised report can be read
exit code 126 or 127                   fault      the shell could not start something
exit code 129, 130, 137 or 143         fault      a shell's word for HUP, INT, KILL, TERM
any other exit code                    failed
time or idle limit, too much output    failed     a hanging test is the change's fault as often
                                                  as not; never reused, once may be chance
SEGV, ABRT, BUS, FPE, ILL, TRAP, SYS   failed     the program did that to itself
any other signal                       fault      somebody else ended it (out of memory, say)
missing, cancelled                     fault
=====================================  =========  =====================================
"""

import signal
from dataclasses import dataclass

from pipeline.base.process import Ending, Outcome
from pipeline.model.check import Check
from pipeline.model.verdict import Result

CANNOT_TELL = 125
_NOT_STARTED = frozenset({126, 127})
_ENDED_BY_OTHERS = frozenset({129, 130, 137, 143})
_OWN_CRASHES = frozenset({"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS"})


@dataclass(frozen=True, slots=True)
class Ruling:
    """A result with its reason (a sentence).

    ``code`` names the one finding that stands for a red end without an exit code; where it is
    empty, findings are in the output. ``is_lasting``: the same again would end the same.
    """

    result: Result
    reason: str = ""
    code: str = ""
    is_lasting: bool = False


def rule(check: Check, outcome: Outcome) -> Ruling:
    """Return what the end of a check's program says."""
    name = check.name
    match outcome.ending:
        case Ending.EXITED:
            return _by_exit_code(check, outcome.exit_code)
        case Ending.TIMEOUT:
            reason = f"{name} ran longer than {check.timeout_s:g} seconds and was ended."
            return Ruling(Result.FAILED, reason, "timeout")
        case Ending.IDLE:
            reason = (
                f"{name} printed nothing for {check.idle_timeout_s or 0:g} seconds and was ended."
            )
            return Ruling(Result.FAILED, reason, "timeout")
        case Ending.FLOODED:
            return Ruling(Result.FAILED, f"{name} printed too much and was ended.", "flooded")
        case Ending.SIGNALLED:
            return _by_signal(name, outcome.signal)
        case Ending.CANCELLED:
            return Ruling(Result.FAULT, f"{name} was cancelled.")
        case Ending.MISSING:
            what = f": {outcome.detail.rstrip('.')}" if outcome.detail else ""
            return Ruling(Result.FAULT, f"{name} could not be started{what}.")


def _by_exit_code(check: Check, code: int | None) -> Ruling:
    if code is None:
        return Ruling(Result.FAULT, f"{check.name} ended without an exit code.")
    reason = f"{check.name} exited with {code}."
    if code == CANNOT_TELL:
        return Ruling(Result.UNKNOWN, f"{check.name} exited with {code}: it cannot tell.")
    if code in check.success_exit_codes:
        return Ruling(Result.PASSED, is_lasting=True)
    if code in _NOT_STARTED:
        return Ruling(Result.FAULT, f"{check.name} exited with {code}: a program in it is missing.")
    if code in _ENDED_BY_OTHERS:
        return Ruling(Result.FAULT, f"{check.name} exited with {code}: something ended it.")
    return Ruling(Result.FAILED, reason, is_lasting=True)


def _by_signal(name: str, number: int | None) -> Ruling:
    try:
        word = signal.Signals(number or 0).name
    except ValueError:
        word = f"signal {number}"
    if word in _OWN_CRASHES:
        return Ruling(Result.FAILED, f"{name} crashed with {word}.", "crash")
    return Ruling(Result.FAULT, f"{name} was ended by {word}, which it did not send itself.")
