"""What agents used is read from their attempts, exactly, and nothing else is."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.base.clock import now
from pipeline.base.ids import new_id
from pipeline.model.agent import AgentOutcome, Usage
from pipeline.model.check import ToolProfile, ToolType
from pipeline.model.codec import encode
from pipeline.model.config import Config
from pipeline.model.plan import Plan
from pipeline.model.record import AttemptState, RunRecord, Step, WorkstreamRecord
from pipeline.model.states import RunState
from pipeline.model.workstream import Workstream
from pipeline.store.records import Records
from pipeline.store.spending import NOT_SENT, By, Spent, spending, total, totals

TOOLS = {
    "agent": ToolProfile("agent", type=ToolType.AI),
    "ruff": ToolProfile("ruff", type=ToolType.FIXER),
}


@pytest.fixture
def run_id(ledger):
    return new_run(ledger)


def new_run(ledger):
    name = new_id().lower()
    plan = Plan("c" * 40, (Workstream("a"), Workstream("b")), Config(tools=TOOLS), key=name)
    ledger.create_run(
        RunRecord(name, name, RunState.PENDING, "c" * 40, created_at=now()),
        plan,
        [WorkstreamRecord(name, ws_id, seq) for seq, ws_id in enumerate("ab", start=1)],
    )
    return name


@pytest.fixture
def store(ledger, make_attempt):
    """Stores a finished attempt of an agent."""

    def keep(run_id, ws_id="a", usage=None, *, state=AttemptState.SUCCEEDED, tool="agent", **more):
        step, details = more.pop("step", Step.EDIT), more
        attempt = replace(make_attempt(run_id, ws_id), tool=tool, step=step)
        ledger.start_attempt(attempt)
        if usage is not None:
            outcome = AgentOutcome(usage=usage, details=details.pop("outcome", {}))
            details["agent"] = encode(outcome)
        ended = replace(attempt, state=state, finished_at=now(), details=details)
        ledger.finish_attempt(ended)
        return attempt.attempt_id

    return keep


def test_every_number_comes_back(ledger, run_id, store):
    usage = Usage("somebody", "model-1", 3, 1000, 400, 50, 123_456_789, "agent", "session")
    attempt_id = store(run_id, "b", usage, step=Step.FIX)
    (found,) = spending(ledger, run_id.upper())
    assert found == Spent(
        run_id, "b", attempt_id, "fix", 1, "succeeded", "agent", found.started_at, None,
        "somebody", "model-1", 3, 1000, 400, 50, 123_456_789, "agent",
    )  # fmt: skip


def test_what_is_no_agent_is_no_cost(ledger, run_id, store):
    store(run_id, tool="ruff")
    store(run_id, tool="ruff", state=AttemptState.CRASHED)
    store(run_id, state=AttemptState.FAILED, code="input")
    store(run_id, state=AttemptState.CRASHED, code=NOT_SENT)
    assert spending(ledger, run_id) == ()
    assert total(()).attempts == 0


def test_unknown_costs_are_counted_apart_and_crashed_attempts_too(ledger, run_id, store):
    store(run_id, usage=Usage(cost_nusd=5))
    store(run_id, usage=Usage(), outcome={"assumed_nusd": 70}, state=AttemptState.FAILED)
    store(run_id, state=AttemptState.CRASHED)
    store(run_id, usage=Usage(cost_nusd=2), state=AttemptState.CRASHED)
    found = spending(ledger, run_id)
    summed = total(found)
    assert (summed.cost_nusd, summed.attempts, summed.unknown, summed.crashed) == (7, 4, 2, 2)
    assert [spent.counted(30) for spent in found] == [5, 70, 30, 2]


def test_sums_by_everything(ledger, store):
    first, second = new_run(ledger), new_run(ledger)
    store(first, "a", Usage(cost_nusd=1))
    store(first, "b", Usage(cost_nusd=20), step=Step.FIX)
    store(first, "a", Usage(cost_nusd=300), step=Step.FIX, tool="other")
    store(second, "a", Usage(cost_nusd=4000))

    def costs(by, run_id=first, **more):
        found = totals(spending(ledger, run_id), by, **more)
        return {name: summed.cost_nusd for name, summed in found.items()}

    assert list(costs(By.ATTEMPT).values()) == [1, 20, 300]
    assert costs(By.WORKER) == {"agent": 21, "other": 300}
    assert costs(By.WORKSTREAM) == {"a": 301, "b": 20}
    assert costs(By.STEP) == {"edit": 1, "fix": 320}
    assert costs(By.PHASE, phases={"a": "one", "b": "two"}) == {"one": 301, "two": 20}
    assert costs(By.PHASE) == {"": 321}
    assert costs(By.RUN, None) == {first: 321, second: 4000}
    assert costs(By.PROJECT, None) == {"": 4321}


@settings(
    max_examples=10, deadline=None, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@example(costs=[2**62, 1, None, 2**62])
@given(costs=st.lists(st.none() | st.integers(0, 2**62), min_size=1, max_size=8))
def test_sums_are_exact(ledger, store, costs):
    """Also past what a 64-bit number, or a floating one, can hold."""
    run_id = new_run(ledger)
    for cost in costs:
        store(run_id, usage=Usage(cost_nusd=cost))
    summed = total(spending(ledger, run_id))
    assert summed.cost_nusd == sum(cost for cost in costs if cost is not None)
    assert summed.unknown == costs.count(None)


def test_where_nothing_ran_nothing_was_spent(layout):
    with Records(layout) as records:
        assert spending(records) == ()
