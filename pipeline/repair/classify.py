"""What kind of failure it was, and so who can do something about it.

==================  =======================================================================
``auto_fixable``    every finding of the red gate is one that a fixer repairs without judgement
``needs_agent``     a red gate otherwise; a refused change whose maker can be told why
``needs_human``     an error or a refusal that came back in spite of that; a change that no tool
                    may make (protected files, secrets, the repository's own control files)
``infrastructure``  an agent or a gate that could not do its work, whatever the change
``flaky``           a gate that was red and, run again on the same tree, green
==================  =======================================================================
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from pipeline.model.agent import TRANSIENT, UNFIT, AgentFailure
from pipeline.model.finding import Finding, Severity
from pipeline.model.patch import Reason
from pipeline.model.verdict import Result

FLAKY_CODE = "flaky"
"""The code of the finding that tells of a flaky check."""

_INFRASTRUCTURE_CODES = frozenset(
    {"infrastructure", *(failure.value for failure in TRANSIENT | UNFIT)}
)
_HUMAN_CODES = frozenset(
    {
        "input",
        Reason.PROTECTED.value,
        Reason.UNSAFE_PATH.value,
        Reason.SECRET.value,
        Reason.SPECIAL_FILE.value,
        Reason.CONTROL_PLANE.value,
    }
)
_UNFORMATTED = re.compile(r"would reformat|\d+ files? would be reformatted", re.IGNORECASE)


class Classification(StrEnum):
    """Who can do something about a failure."""

    AUTO_FIXABLE = "auto_fixable"
    NEEDS_AGENT = "needs_agent"
    NEEDS_HUMAN = "needs_human"
    INFRASTRUCTURE = "infrastructure"
    FLAKY = "flaky"


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of an attempt that did not end well.

    ``code`` is why a change was refused, ``agent`` how its agent failed, ``result`` what a gate
    said. ``is_repeated``: the same came back after something was done about it.
    """

    code: str = ""
    agent: AgentFailure | None = None
    result: Result | None = None
    findings: tuple[Finding, ...] = ()
    is_repeated: bool = False


def classify(failure: Failure, *, unfixable: Collection[str] = ()) -> Classification:
    """The class of a failure; ``unfixable`` are codes that the fixers leave alone.

    What the engine decided (``code``) outweighs what an agent says of itself.
    """
    if failure.code in _HUMAN_CODES:
        return Classification.NEEDS_HUMAN
    if _is_infrastructure(failure):
        return Classification.INFRASTRUCTURE
    if failure.result is Result.PASSED:
        return Classification.FLAKY
    if failure.is_repeated:
        return Classification.NEEDS_HUMAN
    if failure.result is Result.FAILED and _is_fixable(failure.findings, unfixable):
        return Classification.AUTO_FIXABLE
    return Classification.NEEDS_AGENT


def is_flaky(findings: Collection[Finding]) -> bool:
    """Whether findings of a green gate say that it was red at first."""
    return any(finding.code == FLAKY_CODE for finding in findings)


def _is_infrastructure(failure: Failure) -> bool:
    if failure.result in (Result.FAULT, Result.UNKNOWN):
        return True
    if failure.code:
        return failure.code in _INFRASTRUCTURE_CODES
    return failure.agent is not None and failure.agent in TRANSIENT | UNFIT


def _is_fixable(findings: Collection[Finding], unfixable: Collection[str]) -> bool:
    counted = [finding for finding in findings if finding.severity is not Severity.INFO]
    return bool(counted) and all(
        (finding.is_fixable and finding.code not in unfixable)
        or _UNFORMATTED.match(finding.message)
        for finding in counted
    )
