"""What earlier runs tell of tools: who succeeded, weighted by age, frozen for a run."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipeline.base.ids import new_id
from pipeline.model.config import Config
from pipeline.model.plan import Plan
from pipeline.model.record import AttemptState, RunRecord, Step, StepAttempt, WorkstreamRecord
from pipeline.model.routing import Experience, TaskKind
from pipeline.model.states import RunState
from pipeline.model.workstream import Workstream
from pipeline.store.experience import experience
from pipeline.store.ledger import Ledger

TOOLS = ("aider", "claude")
GOOD, BAD = AttemptState.SUCCEEDED, AttemptState.FAILED
Do = Callable[..., None]


def day(number: int, second: int = 0) -> str:
    return f"2025-03-{number:02}T12:00:{second:02}.000000Z"


def make_run(ledger: Ledger, created: int, *, kind: str = "run") -> str:
    run_id = new_id()
    ledger.create_run(
        RunRecord(run_id, "key", RunState.PENDING, "c" * 40, created_at=day(created), kind=kind),
        Plan("c" * 40, (Workstream("a"), Workstream("b")), Config(), key="key"),
        [WorkstreamRecord(run_id, ws, seq) for seq, ws in enumerate("ab", start=1)],
    )
    return run_id


@pytest.fixture
def do(ledger: Ledger) -> Do:
    """Store one finished attempt of a run."""

    def one(
        run_id: str,
        tool: str = "aider",
        state: AttemptState = GOOD,
        *,
        at: int = 1,
        step: Step = Step.EDIT,
        ws: str = "a",
        **details: Any,
    ) -> None:
        begun = StepAttempt(new_id(), run_id, ws, 1, step, 1, tool=tool, started_at=day(at))
        ledger.start_attempt(begun)
        ended = replace(begun, state=state, finished_at=day(at, 1), duration_s=4.0, details=details)
        ledger.finish_attempt(ended)

    return one


def read(ledger: Ledger, run_id: str, half_life_days: float = 1e6) -> dict[Any, Experience]:
    found = experience(ledger, run_id, TOOLS, half_life_days)
    return {(e.tool, e.kind): e for e in found}


def test_a_change_succeeded_when_no_gate_was_red_before_the_next_one(ledger: Ledger, do: Do):
    old = make_run(ledger, 1)
    do(old)
    do(old, "static", BAD, step=Step.STATIC, result="failed")
    do(old, "claude", step=Step.FIX)
    do(old, "static", step=Step.STATIC, result="passed")
    do(old, ws="b")
    do(old, "runtime", BAD, step=Step.RUNTIME, ws="b", result="fault")
    found = read(ledger, make_run(ledger, 9))
    edits, fixes = found["aider", TaskKind.EDIT], found["claude", TaskKind.FIX]
    assert (round(edits.successes, 3), round(edits.failures, 3), edits.attempts) == (1, 1, 2)
    assert (round(fixes.successes, 3), fixes.failures, fixes.duration_s) == (1, 0, 4.0)
    assert len(found) == 2


def test_failures_of_the_surroundings_say_nothing_of_skill(ledger: Ledger, do: Do):
    old = make_run(ledger, 1)
    for failure in ("rate_limit", "no_credentials"):
        do(old, state=BAD, agent={"failure": failure}, code=failure)
    do(old, state=BAD, code="infrastructure")
    do(old, state=BAD, agent={"failure": "no_edits"}, code="no_edits")
    found = read(ledger, make_run(ledger, 9))["aider", TaskKind.EDIT]
    assert (found.successes, round(found.failures, 3), found.attempts) == (0, 1, 1)


def test_old_experience_fades_by_its_half_life(ledger: Ledger, do: Do):
    old = make_run(ledger, 1)
    do(old, at=1)
    do(old, state=BAD, at=5)
    found = read(ledger, make_run(ledger, 5 + 4), half_life_days=4)["aider", TaskKind.EDIT]
    assert found.successes == pytest.approx(0.25, rel=1e-4)
    assert found.failures == pytest.approx(0.5, rel=1e-4)
    assert read(ledger, make_run(ledger, 20), half_life_days=0.5) == {}


def test_costs_are_the_mean_of_those_that_are_known(ledger: Ledger, do: Do):
    old = make_run(ledger, 1)
    for cost in (100, None, 300):
        do(old, agent={"usage": {"cost_nusd": cost}})
    found = read(ledger, make_run(ledger, 9))["aider", TaskKind.EDIT]
    assert found.cost_nusd == 200
    assert found.attempts == 3


def test_an_edit_that_landing_sent_back_is_about_a_conflict(ledger: Ledger, do: Do):
    old = make_run(ledger, 1)
    do(old, returns=1)
    do(old, "claude", task_kind="review")
    assert set(read(ledger, make_run(ledger, 9))) == {
        ("aider", TaskKind.CONFLICT),
        ("claude", TaskKind.REVIEW),
    }


def test_what_happens_within_the_run_or_after_its_beginning_changes_nothing(ledger: Ledger, do: Do):
    old = make_run(ledger, 1)
    do(old)
    run = make_run(ledger, 9)
    before = experience(ledger, run, TOOLS, 14)
    do(run, state=BAD, at=10)
    do(old, state=BAD, at=10)
    later = make_run(ledger, 10)
    do(later, state=BAD, at=8)
    assert experience(ledger, run, TOOLS, 14) == before != ()


def test_other_kinds_of_runs_and_other_tools_are_left_out(ledger: Ledger, do: Do):
    do(make_run(ledger, 1, kind="exec"))
    do(make_run(ledger, 1), "ruff")
    assert read(ledger, make_run(ledger, 9)) == {}
