"""A gate's answer for one key."""

from dataclasses import dataclass
from enum import StrEnum

from pipeline.model.finding import Finding


class Result(StrEnum):
    """What a check or gate says.

    ``UNKNOWN`` is "cannot tell" (exit 125), ``FAULT`` a tool that could not run; neither is a
    pass, neither is a red gate.
    """

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check said about one tree; ``key`` is the digest of everything it depends on."""

    check: str
    result: Result
    key: str
    exit_code: int | None = None
    duration_s: float = 0.0
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    stdout_log: str = ""
    stderr_log: str = ""
    is_reused: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate said about one tree."""

    gate: str
    tree: str
    result: Result
    checks: tuple[CheckResult, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All checks' findings, in the order of the checks."""
        return tuple(finding for check in self.checks for finding in check.findings)

    @property
    def is_green(self) -> bool:
        """Whether every check passed."""
        return self.result is Result.PASSED
