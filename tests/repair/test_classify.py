"""Who can do something about a failure: one case for each line of the table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.agent import TRANSIENT, UNFIT, AgentFailure
from pipeline.model.finding import Finding, Severity
from pipeline.model.patch import Reason
from pipeline.model.verdict import Result
from pipeline.repair.classify import Classification, Failure, classify, is_flaky

C = Classification
FIXABLE = Finding("ruff", "I001", "unsorted", is_fixable=True)
UNUSED = Finding("ruff", "F401", "unused import", is_fixable=True)
UNFORMATTED = Finding("ruff-format", "", "Would reformat: a.py")
SUMMED_UP = Finding("ruff-format", "exit-1", "1 file would be reformatted, 6 files left")
TEST = Finding("pytest", "AssertionError", "1 != 2")
NOTE = Finding("pytest", "note", "by the way", severity=Severity.INFO)


def red(*findings: Finding, **more: bool) -> Failure:
    return Failure(result=Result.FAILED, findings=findings, **more)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (red(FIXABLE, UNFORMATTED, NOTE), C.AUTO_FIXABLE),
        (red(FIXABLE, SUMMED_UP), C.AUTO_FIXABLE),
        (red(FIXABLE, TEST), C.NEEDS_AGENT),
        (red(UNUSED), C.NEEDS_AGENT),
        (red(), C.NEEDS_AGENT),
        (red(NOTE), C.NEEDS_AGENT),
        (red(FIXABLE, is_repeated=True), C.NEEDS_HUMAN),
        (Failure(result=Result.FAULT), C.INFRASTRUCTURE),
        (Failure(result=Result.UNKNOWN, is_repeated=True), C.INFRASTRUCTURE),
        (Failure(result=Result.PASSED), C.FLAKY),
        (Failure(Reason.SCOPE), C.NEEDS_AGENT),
        (Failure(Reason.SCOPE, is_repeated=True), C.NEEDS_HUMAN),
        (Failure(Reason.PROTECTED), C.NEEDS_HUMAN),
        (Failure(Reason.SECRET), C.NEEDS_HUMAN),
        (Failure(Reason.CONTROL_PLANE), C.NEEDS_HUMAN),
        (Failure("infrastructure"), C.INFRASTRUCTURE),
        (Failure("input"), C.NEEDS_HUMAN),
        (Failure("exit"), C.NEEDS_AGENT),
        (Failure(Reason.SCOPE, AgentFailure.RATE_LIMIT), C.NEEDS_AGENT),
        (Failure("no_edits", AgentFailure.NO_EDITS), C.NEEDS_AGENT),
    ],
)
def test_each_failure_has_its_class(failure: Failure, expected: Classification) -> None:
    assert classify(failure, unfixable=("F401",)) is expected


@pytest.mark.parametrize("failure", AgentFailure)
def test_only_what_is_around_an_agent_is_infrastructure(failure: AgentFailure) -> None:
    is_around = failure in TRANSIENT | UNFIT
    for said in (Failure(failure.value, failure), Failure(agent=failure)):
        assert (classify(said) is C.INFRASTRUCTURE) == is_around


@given(
    st.builds(
        Failure,
        st.sampled_from(["", "exit", "scope", "rate_limit", "whatever"]),
        st.none() | st.sampled_from(AgentFailure),
        st.none() | st.sampled_from(Result),
        st.lists(st.sampled_from([FIXABLE, TEST, NOTE])).map(tuple),
        st.booleans(),
    )
)
def test_everything_has_a_class_and_only_a_green_gate_is_flaky(failure: Failure) -> None:
    assert (classify(failure) is C.FLAKY) <= (failure.result is Result.PASSED)


def test_a_finding_tells_of_a_flaky_gate() -> None:
    assert is_flaky([TEST, Finding("t", "flaky", "red, then green", severity=Severity.INFO)])
    assert not is_flaky([TEST])
