"""From what a check printed to its findings, and what those say about its exit code."""

import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.base.redaction import redact
from pipeline.check.endings import Ruling
from pipeline.check.findings import Reader, UnreadableOutputError, find_reader
from pipeline.check.findings.reading import plain_text
from pipeline.model.check import Check, OutputFormat
from pipeline.model.finding import Finding, Severity
from pipeline.model.verdict import Result

MAX_REPORT = 32 * 1024 * 1024  # bytes
_TAIL = 64 * 1024  # bytes
_WITHOUT_FORM = frozenset({OutputFormat.NONE.value, OutputFormat.LINES.value})


@dataclass(frozen=True, slots=True)
class Logs:
    """Where a check's output lies."""

    stdout: Path
    stderr: Path


class Report:
    """The file that a check writes its findings to; made before the check starts.

    A file that was there before and is the same afterwards is not the check's report.
    """

    def __init__(self, top: Path, name: str | None) -> None:
        self._top = top
        self._path = None if name is None else top / name
        self._before = self._stamp()

    def read(self) -> bytes | None:
        """Return the report, ``None`` where none is asked for; raises UnreadableOutputError."""
        if self._path is None:
            return None
        stamp = self._stamp()
        if stamp is None or stamp == self._before:
            raise UnreadableOutputError(f"the report {self._path.name} was not written")
        folder = Path(os.path.realpath(self._path.parent))
        if not folder.is_relative_to(os.path.realpath(self._top)):
            raise UnreadableOutputError(f"the report {self._path.name} lies outside the checkout")
        try:
            return _read_regular(folder / self._path.name)
        except OSError as error:
            raise UnreadableOutputError(f"the report cannot be read: {error}") from error

    def _stamp(self) -> tuple[int, ...] | None:
        try:
            found = os.lstat(self._path) if self._path is not None else None
        except OSError:
            return None
        if found is None:
            return None
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class Output:
    """What a check leaves behind to be read; made before it starts.

    ``secrets`` are values that are taken out of its report; its logs are clean when they are read.
    Raises InputError for an output format that nobody reads.
    """

    def __init__(self, check: Check, logs: Logs, top: Path, secrets: tuple[str, ...] = ()) -> None:
        self._check = check
        self._logs = logs
        self._root = os.fsencode(top)
        self._reader = None if check.output == OutputFormat.NONE else find_reader(check.output)
        self._report = Report(top, check.output_file)
        self._secrets = secrets

    def conclude(self, ruling: Ruling, exit_code: int | None) -> tuple[Ruling, tuple[Finding, ...]]:
        """Return the ruling after the output was read, and the findings (not signed yet).

        A report that was promised and cannot be read makes a fault of a pass: a tool that looked
        at nothing also exits with 0. Exit code 0 with a report that lists errors is red, since
        some analysers exit with 0 whatever they find; a check that is meant as advice declares
        its other exit codes a success. Every red check has at least one finding.
        """
        check = self._check
        if ruling.code:
            return ruling, (Finding(check.name, ruling.code, ruling.reason),)
        if ruling.result not in (Result.PASSED, Result.FAILED):
            return replace(ruling, reason=self._explained(ruling.reason)), ()
        has_form = check.output not in _WITHOUT_FORM
        if self._reader is None or (ruling.result is Result.PASSED and not has_form):
            return ruling, self._at_least_one(ruling, exit_code, ())
        try:
            findings = self._read(self._reader)
        except UnreadableOutputError as error:
            return self._unreadable(ruling, exit_code, error)
        errors = sum(finding.severity is Severity.ERROR for finding in findings)
        if ruling.result is Result.PASSED and exit_code == 0 and errors:
            reason = f"{check.name} exited with 0, but its report lists {errors} errors."
            return replace(ruling, result=Result.FAILED, reason=reason), findings
        return ruling, self._at_least_one(ruling, exit_code, findings)

    def _read(self, reader: Reader) -> tuple[Finding, ...]:
        stdout, stderr = _content(self._logs.stdout), _content(self._logs.stderr)
        report = self._report.read()
        if report is not None:
            report = redact(report, self._secrets)
        return reader(stdout, stderr, report, tool=self._check.name, root=self._root)

    def _unreadable(
        self, ruling: Ruling, exit_code: int | None, error: UnreadableOutputError
    ) -> tuple[Ruling, tuple[Finding, ...]]:
        if ruling.result is Result.PASSED:
            reason = f"{self._check.name} exited with {exit_code}, but {error}."
            return Ruling(Result.FAULT, reason), ()
        reason = f"{ruling.reason.rstrip('.')}, and {error}."
        return replace(ruling, reason=reason), self._at_least_one(ruling, exit_code, ())

    def _at_least_one(
        self, ruling: Ruling, exit_code: int | None, findings: tuple[Finding, ...]
    ) -> tuple[Finding, ...]:
        if findings or ruling.result is not Result.FAILED:
            return findings
        message = self._last_line() or ruling.reason
        return (Finding(self._check.name, f"exit-{exit_code}", message),)

    def _explained(self, reason: str) -> str:
        last = self._last_line()
        return f"{reason} Its last words: {last}" if last else reason

    def _last_line(self) -> str:
        """Return the last line that says something, of the errors first."""
        for log in (self._logs.stderr, self._logs.stdout):
            lines = _content(log, tail=_TAIL).decode("utf-8", "replace").splitlines()
            for line in reversed(lines):
                text = plain_text(line)
                if text:
                    return text
        return ""


def _content(path: Path, *, tail: int = MAX_REPORT) -> bytes:
    """Return a log (capped where it was written), or its last bytes; nothing where none is."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - tail))
            return file.read(tail)
    except FileNotFoundError:
        return b""


def _read_regular(path: Path) -> bytes:
    """Read a plain file: no link is followed, no pipe or device waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise UnreadableOutputError(f"the report {path.name} is not a plain file")
        if found.st_size > MAX_REPORT:
            raise UnreadableOutputError(f"the report {path.name} has {found.st_size} bytes")
        return file.read(MAX_REPORT)
