"""No check run says of anything but a green gate that it passed."""

from dataclasses import replace

import pytest
from github_views import Told, gate_attempt, make_view

from pipeline.model.finding import Finding
from pipeline.model.publication import Conclusion, StatusState
from pipeline.model.record import AttemptState, Step
from pipeline.model.states import RunState, WorkstreamState
from pipeline.model.verdict import Result
from pipeline.report.github.checks import CONCLUSIONS, checks
from pipeline.report.github.gates import LANDING_STATES, GateState, state_of
from pipeline.report.github.parts import gates_table
from pipeline.report.github.statuses import STATES, statuses

W = WorkstreamState
PASSING = {"success", "neutral", "skipped"}


def test_only_green_passes() -> None:
    assert set(CONCLUSIONS) == set(GateState)
    assert {state for state, said in CONCLUSIONS.items() if said.value in PASSING} == {
        GateState.PASSED
    }
    assert set(LANDING_STATES) == set(W)
    assert {state for state, said in LANDING_STATES.items() if said is GateState.PASSED} == {W.DONE}


def test_a_status_passes_where_the_check_run_does() -> None:
    assert set(STATES) == set(Conclusion)
    assert [one for one, state in STATES.items() if state is StatusState.SUCCESS] == [
        Conclusion.SUCCESS
    ]


@pytest.mark.parametrize("state", AttemptState)
@pytest.mark.parametrize("result", [*Result, "", "skipped", "neutral"])
def test_an_attempt_passes_only_where_all_of_it_says_so(state: AttemptState, result: str) -> None:
    said = state_of(gate_attempt("a", Step.STATIC, result, state=state), is_live=False)
    is_green = state is AttemptState.SUCCEEDED and result == "passed"
    assert (said is GateState.PASSED) == is_green


def test_an_infrastructure_fault_is_a_failure_that_says_so() -> None:
    view = make_view({"a": Told(W.QUARANTINED, result=Result.FAULT)}, state=RunState.FAILED)
    runtime = next(one for one in checks(view) if "runtime" in one.name)
    assert runtime.conclusion is Conclusion.FAILURE
    assert runtime.title.startswith("Infrastructure: ")


def test_a_gate_that_only_ran_out_of_time_says_so() -> None:
    slow = Finding("pytest", "timeout", "ran longer than 5 seconds")
    view = make_view({"a": Told(W.QUARANTINED, (slow,)), "b": Told(W.QUARANTINED, (slow, RED))})
    found = {one.name: one.conclusion for one in checks(view)}
    assert found["pipeline / runtime / a"] is Conclusion.TIMED_OUT
    assert found["pipeline / runtime / b"] is Conclusion.FAILURE


def test_a_gate_without_checks_does_not_say_that_it_found_nothing() -> None:
    view = make_view({"a": Told(W.DONE)})
    (ws,) = view.workstreams
    bare = tuple(replace(one, checks={}) for one in ws.gates)
    view = replace(view, workstreams=(replace(ws, gates=bare),))
    titles = {one.name: one.title for one in checks(view)}
    assert titles["pipeline / static / a"] == "The static gate has no checks"
    assert titles["pipeline / landing / a"] == "It landed on the run's branch"
    assert any(
        "| **static** | ✅ green | none |" in row for row in gates_table(view.workstreams[0])
    )


RED = Finding("pytest", "E", "boom", b"a.py", 3)


def test_what_was_not_asked_is_not_reported() -> None:
    view = make_view({"a": Told(W.CHECKED)}, state=RunState.RUNNING)
    assert [one.name for one in checks(view)] == [
        "pipeline / static / a",
        "pipeline / runtime / a",
    ]
    assert not checks(make_view({"a": Told(W.EDITING)}, state=RunState.RUNNING))


@pytest.mark.parametrize("state", RunState)
def test_a_run_passes_where_all_of_it_landed(state: RunState) -> None:
    found = [one for one in checks(make_view({"a": Told()}, state=state)) if "/ run /" in one.name]
    assert all(
        (one.conclusion is Conclusion.SUCCESS) == (state is RunState.COMPLETED) for one in found
    )


def test_statuses_speak_of_the_same_heads() -> None:
    view = make_view({"a": Told(), "b": Told(W.AWAITING_REVIEW)}, state=RunState.PARTIAL)
    assert [(one.name, one.head_sha) for one in checks(view)] == [
        (one.context, one.head_sha) for one in statuses(view)
    ]
