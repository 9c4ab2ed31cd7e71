"""What is asked of a program and what is known after it ended."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

TAG_VARIABLE = "PIPELINE_PROCESS_TAG"
TAIL_BYTES = 64 * 1024
_MIB = 1024 * 1024


class Ending(StrEnum):
    """Why a program is no longer running.

    ``EXITED``: by itself, with an exit code. ``SIGNALLED``: by a signal that the engine did not
    send. ``FLOODED``: ended for writing more than ``output_limit`` bytes.
    """

    EXITED = "exited"
    MISSING = "missing"
    TIMEOUT = "timeout"
    IDLE = "idle"
    SIGNALLED = "signalled"
    CANCELLED = "cancelled"
    FLOODED = "flooded"


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run: argument list, directory, exact environment and limits.

    ``idle_timeout_s`` counts from the last byte on either stream. Logs keep the first and the
    last half of ``log_limit`` bytes each, with a line between that says what was cut.
    ``output_limit`` is for both streams together; ``None`` means no limit. ``grace_s`` lies
    between TERM and KILL. ``tag`` goes into the environment as ``PIPELINE_PROCESS_TAG``.
    ``echo_stdout`` and ``echo_stderr`` are descriptors of ours that get the output as it comes: a
    slow reader there makes the program wait, one that is gone gives it a broken pipe.
    """

    argv: tuple[str | bytes, ...]
    cwd: Path
    env: Mapping[str, str]
    timeout_s: float = 600.0
    idle_timeout_s: float | None = None
    stdin: bytes = b""
    stdout_log: Path | None = None
    stderr_log: Path | None = None
    log_limit: int = 8 * _MIB
    output_limit: int | None = 64 * _MIB
    grace_s: float = 5.0
    tag: str = ""
    echo_stdout: int | None = None
    echo_stderr: int | None = None


@dataclass(frozen=True, slots=True)
class Stray:
    """A process that was alive after its program had ended; it has been ended too."""

    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life of a running program."""

    elapsed_s: float
    output_bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended and what it left.

    ``exit_code`` is set when the program exited (also after the engine asked it to end),
    ``signal`` when a signal ended it. ``cpu_s`` covers every process of the tree that was
    waited for. ``max_rss_kib`` is the largest single process; values under about 12 MiB are
    those of the process that started it. The tails are the last 64 KiB of each stream.
    """

    ending: Ending
    exit_code: int | None
    signal: int | None
    duration_s: float
    cpu_s: float
    max_rss_kib: int
    stdout_tail: bytes
    stderr_tail: bytes
    output_bytes: int
    left_behind: tuple[Stray, ...] = ()
    detail: str = ""


def shell_argv(command: str) -> tuple[str, ...]:
    """Return the argument list that runs a shell string: ``sh``, or ``pwsh`` on Windows."""
    if sys.platform == "win32":
        return ("pwsh", "-NoProfile", "-NonInteractive", "-Command", command)
    return ("sh", "-c", command)
