"""A supervisor's report of how a program ended, turned into an outcome."""

import errno
import os
import time
from dataclasses import dataclass

from pipeline.base.errors import UnfitError
from pipeline.base.process.command import Command, Ending, Outcome, Stray
from pipeline.base.process.logs import Sink

_ENDED_WORDS = 5


@dataclass(frozen=True, slots=True)
class Report:
    """The words of a supervisor's message; none when it was killed before it could speak."""

    words: tuple[bytes, ...]


def parse(content: bytes) -> Report:
    """Return the report that a supervisor's message holds."""
    return Report(tuple(content.split(b"\0")) if content else ())


def outcome_of(
    command: Command,
    report: Report,
    ending: Ending | None,
    started: float,
    sinks: tuple[Sink, Sink],
) -> Outcome:
    """Return the outcome of a program; ``ending`` is why the engine ended it, if it did.

    Raises UnfitError when the system refused to start any process.
    """
    kind = report.words[0] if report.words else b"lost"
    if kind == b"refused":
        raise UnfitError(
            f"No process can be started: {os.strerror(int(report.words[1]))}.",
            remedy="Look at the limits on processes and memory.",
        )
    code, signal, cpu_s, rss, detail = None, None, 0.0, 0, ""
    strays: tuple[Stray, ...] = ()
    if kind == b"missing":
        ending, detail = Ending.MISSING, _why_missing(command, *report.words[1:])
    elif kind == b"lost":
        ending = ending or Ending.SIGNALLED
        signal, detail = 9, "The process that watched over the program was killed."
    else:
        code, signal = _status(int(report.words[1]))
        cpu_s, rss = float(report.words[2]), int(report.words[3])
        strays = _strays(report.words[_ENDED_WORDS:])
        ending = ending or (Ending.EXITED if signal is None else Ending.SIGNALLED)
        if unkillable := int(report.words[4]):
            detail = f"{unkillable} of its processes could not be killed."
    return Outcome(
        ending=ending,
        exit_code=code,
        signal=signal,
        duration_s=time.monotonic() - started,
        cpu_s=cpu_s,
        max_rss_kib=rss,
        stdout_tail=sinks[0].tail,
        stderr_tail=sinks[1].tail,
        output_bytes=sinks[0].size + sinks[1].size,
        left_behind=strays,
        detail=detail,
    )


def _status(status: int) -> tuple[int | None, int | None]:
    """Return exit code and signal of a wait status; neither when there is none (-1)."""
    if status < 0:
        return None, None
    if os.WIFSIGNALED(status):
        return None, os.WTERMSIG(status)
    return os.WEXITSTATUS(status), None


def _strays(words: tuple[bytes, ...]) -> tuple[Stray, ...]:
    pairs = zip(words[::2], words[1::2], strict=True)
    return tuple(Stray(int(pid), name.decode(errors="replace")) for pid, name in pairs)


def _why_missing(command: Command, place: bytes, number: bytes) -> str:
    if place == b"cwd":
        return f"The directory {command.cwd} cannot be entered: {os.strerror(int(number))}."
    return why_not_started(command.argv[0], int(number))


def why_not_started(program: str | bytes, number: int) -> str:
    """Return a sentence on why a program could not be started, from its error number."""
    name = os.fsdecode(program)
    if number == errno.ENOENT:
        return f"The program {name} was not found."
    if number == errno.EACCES:
        return f"The program {name} was found but may not be executed."
    if number == errno.ELIBBAD:
        return f"The program {name} is there, but the interpreter that it names is not."
    if number == errno.ENOEXEC:
        return f"The program {name} is neither an executable nor a script with a #! line."
    return f"The program {name} could not be started: {os.strerror(number)}."
