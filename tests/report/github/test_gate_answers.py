"""Only what was asked of this very commit, in this very round, is told of it."""

from dataclasses import replace

from github_views import RUN, Told, gate_attempt, make_view

from pipeline.model.record import AttemptState, Step
from pipeline.model.scope import Protected
from pipeline.model.states import RunState, WorkstreamState
from pipeline.report.github.gates import GateState
from pipeline.report.github.view import WorkstreamView
from pipeline.store.spending import NOTHING_SPENT

W = WorkstreamState
GREEN = gate_attempt("a", Step.RUNTIME)


def gates(*attempts, state=W.CHECKED, run_state=RunState.RUNNING, **record) -> dict[str, GateState]:
    view = make_view({"a": Told(state, record=record)}, state=run_state)
    (ws,) = view.workstreams
    made = WorkstreamView.made(
        ws.record, ws.bundle, run=view.run, attempts=attempts, patch=None, reviews=(),
        spent=NOTHING_SPENT, protected=Protected(()),
    )  # fmt: skip  # in two rows
    return {one.gate: one.state for one in made.gates}


def test_an_answer_about_another_tree_is_none() -> None:
    assert gates(GREEN) == {"runtime": GateState.PASSED}
    assert gates(GREEN, tree="3" * 40) == {}
    assert gates(replace(GREEN, start_tree=""), tree="", commit="") == {}


def test_an_answer_of_an_earlier_round_is_none() -> None:
    assert gates(GREEN, generation=2) == {}
    assert gates(GREEN, replace(GREEN, generation=2), generation=2) == {"runtime": GateState.PASSED}


def test_an_answer_of_the_run_whose_work_was_taken_over_counts() -> None:
    assert GREEN.run_id == RUN
    older = replace(GREEN, run_id="01jdolder", generation=3)
    assert gates(older) == {"runtime": GateState.PASSED}


def test_the_newest_answer_counts() -> None:
    red = gate_attempt("a", Step.RUNTIME, "failed")
    assert gates(GREEN, red) == {"runtime": GateState.FAILED}
    assert gates(red, GREEN) == {"runtime": GateState.PASSED}


def test_a_gate_that_runs_says_nothing_and_one_whose_engine_died_is_a_fault() -> None:
    begun = replace(GREEN, state=AttemptState.STARTED, details={})
    assert gates(GREEN, begun) == {}
    died = gates(GREEN, begun, run_state=RunState.INTERRUPTED)
    assert died["runtime"] is GateState.FAULT


def test_what_was_interrupted_is_cancelled() -> None:
    told = replace(GREEN, state=AttemptState.CRASHED, reason="interrupted", details={})
    found = gates(told, run_state=RunState.CANCELLED)
    assert found == {"runtime": GateState.CANCELLED, "landing": GateState.CANCELLED}


def test_landing_that_failed_for_the_surroundings_is_a_fault() -> None:
    found = gates(GREEN, state=W.QUARANTINED, reason_code="infrastructure")
    assert found["landing"] is GateState.FAULT
