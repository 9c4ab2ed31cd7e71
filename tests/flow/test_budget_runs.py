"""Runs of scripted agents under caps: what is spent, what is kept, and how they go on."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pipeline.flow.budget import BudgetReachedError
from pipeline.model.agent import AgentFailure, AgentOutcome, Usage
from pipeline.model.event import EventType
from pipeline.model.money import NUSD
from pipeline.model.record import AttemptState
from pipeline.model.states import RunState
from pipeline.store.spending import NOT_SENT, By, spending, total, totals
from pipeline.work.editors import TABLE
from pipeline.work.editors.command import CommandEditor
from pipeline.work.editors.protocol import EditRequest, EditResult

QUARTER = NUSD // 4
AGENTS = ("a", "b", "c", "d")


def agent(project: Any, ws_id: str, code: str = "", **fields: Any) -> None:
    """A workstream whose agent does what the code says, and makes a file."""
    lines = f"{code}\nopen({ws_id + '.out'!r}, 'w').write({ws_id!r})\n"
    project.bundle(
        ws_id,
        tool="scripted",
        tool_args={"command": [sys.executable, "-S", "-c", lines]},
        files_create=[f"{ws_id}.out"],
        **fields,
    )


def configure(project: Any, **budget: Any) -> None:
    profile = {
        "type": "ai",
        "driver": "agent",
        "command": ["true"],
        "cost": {"per_attempt": 0.25},
        "takes_feedback": True,
    }
    project.configure(tools={"scripted": profile}, budget=budget)


def spent(project: Any) -> tuple[int, int]:
    """The run's known costs, and how many attempts there were."""
    with project.records() as records:
        found = total(spending(records, records.latest_run().run_id))
    return found.cost_nusd, found.attempts


def test_a_run_stops_at_its_cap_and_goes_on_when_it_is_raised(project, ended):
    for ws_id in AGENTS:
        agent(project, ws_id)
    configure(project, max_cost_total=0.6)

    with pytest.raises(BudgetReachedError, match=r"limit of \$0.6000 on the run's costs") as caught:
        project.run(overrides={"run.jobs": 4})
    assert caught.value.remedy == ("Raise `budget.max_cost_total`, then `pipeline run` carries on.")
    assert spent(project) == (2 * QUARTER, 2)
    with project.records() as records:
        (stopped,) = records.runs()
        kinds = [event.type for event in records.events(stopped.run_id)]
    assert stopped.state is RunState.INTERRUPTED
    assert kinds.count(EventType.BUDGET_WARNING) == 1
    assert kinds.count(EventType.BUDGET_EXCEEDED) == 1

    with pytest.raises(BudgetReachedError):  # what was spent before counts
        project.run(overrides={"run.jobs": 4})
    assert spent(project) == (2 * QUARTER, 2)

    configure(project, max_cost_total=1.0)
    summary = project.run(overrides={"run.jobs": 4})
    assert summary.run_id == stopped.run_id
    assert ended(summary) == dict.fromkeys(AGENTS, "done")
    assert spent(project) == (4 * QUARTER, 4)


def test_attempts_that_were_not_let_in_used_nothing_and_count_for_nothing(project, ended):
    agent(project, "a", circuit_breaker={"max_attempts": 1})
    configure(project, max_cost_per_task=0.1)
    for _ in range(3):
        with pytest.raises(BudgetReachedError, match="task a would be passed"):
            project.run()
    with project.records() as records:
        refused = records.attempts(records.latest_run().run_id, "a")
    assert {a.state for a in refused} == {AttemptState.CRASHED}
    assert {a.details["code"] for a in refused} == {NOT_SENT}
    assert spent(project) == (0, 0)
    configure(project)
    assert ended(project.run()) == {"a": "done"}


def test_a_budget_changes_no_tree(new_project):
    trees = []
    for name, budget, jobs in (
        ("free", {}, 4),
        ("tight", {"max_cost_total": 1.0, "action": "reduce_parallelism"}, 4),
        ("ranked", {"max_cost_total": 1.0, "action": "priority", "requests_per_minute": 9}, 2),
    ):
        project = new_project(name)
        for number, ws_id in enumerate(AGENTS):
            agent(project, ws_id, priority=number)
        configure(project, **budget)
        summary = project.run(overrides={"run.jobs": jobs})
        assert spent(project) == (4 * QUARTER, 4)
        trees.append(project.git("rev-parse", f"{summary.integration_branch}^{{tree}}"))
    assert len(set(trees)) == 1


def test_each_phase_has_its_own_cap(project, ended):
    agent(project, "a", phase="one")
    agent(project, "b", phase="one")
    agent(project, "c", phase="two")
    configure(project, max_cost_per_phase=0.3)
    project.configure(phases={"one": {}, "two": {}})
    with pytest.raises(BudgetReachedError, match="phase one") as caught:
        project.run(overrides={"run.jobs": 1})
    assert caught.value.ws_id == "b"
    configure(project, max_cost_per_phase=0.5)
    assert ended(project.run()) == dict.fromkeys("abc", "done")
    assert spent(project) == (3 * QUARTER, 3)


class Reporting(CommandEditor):
    """An agent that says what it used, as adapters read it."""

    def __init__(self, outcomes: Mapping[str, AgentOutcome]) -> None:
        self._outcomes = outcomes

    def edit(self, request: EditRequest) -> EditResult:
        result = super().edit(request)
        outcome = self._outcomes[request.ws.id]
        return replace(result, report=replace(result.report, agent=outcome))


def test_what_agents_say_is_stored_with_its_price(project, monkeypatch):
    outcomes = {
        "a": AgentOutcome(Usage("mock", "m1", 3, 1000, 400, 50, cost_nusd=123_456_789)),
        "b": AgentOutcome(Usage("mock", "m2", 1, 2000, 0, 100)),
        "c": AgentOutcome(Usage("mock", "m3", 2, 0, 0, 0)),
    }
    monkeypatch.setitem(TABLE, "reporting", Reporting(outcomes))  # as an adapter would be added
    for ws_id in "abc":
        agent(project, ws_id)
    cost = {"input": 2.0, "output": 8.0}
    profile = {"type": "ai", "driver": "reporting", "command": ["true"], "cost": cost}
    project.configure(tools={"scripted": profile}, budget={"expected_cost": 0.5})
    project.run()
    with project.records() as records:
        (run,) = records.runs()
        found = {item.ws_id: item for item in spending(records, run.run_id)}
        everything = spending(records)
    assert [found[i].cost_nusd for i in "abc"] == [123_456_789, 4_800_000, None]
    assert [found[i].source for i in "abc"] == ["agent", "profile", ""]
    assert [found[i].requests for i in "abc"] == [3, 1, 2]
    (steps,) = totals(everything, By.STEP).items()
    assert steps[0] == "edit"
    assert (steps[1].cost_nusd, steps[1].unknown, steps[1].attempts) == (128_256_789, 1, 3)
    assert (steps[1].input_tokens, steps[1].cached_tokens, steps[1].output_tokens) == (
        3000, 400, 150,
    )  # fmt: skip


def test_an_agent_that_is_not_there_has_cost_nothing(project, monkeypatch):
    """Neither its flat price nor what was set aside for it; what is unknown is assumed."""
    outcomes = {
        "a": AgentOutcome(failure=AgentFailure.MISSING),
        "b": AgentOutcome(failure=AgentFailure.CRASHED),
        "c": AgentOutcome(Usage(requests=1), failure=AgentFailure.NO_CREDENTIALS),
    }
    monkeypatch.setitem(TABLE, "reporting", Reporting(outcomes))
    for ws_id in "abc":
        agent(project, ws_id, circuit_breaker={"max_attempts": 1})
    profile = {"type": "ai", "driver": "reporting", "command": ["true"]}
    budget = {"max_cost_total": 2.0, "expected_cost": 0.5}
    project.configure(tools={"scripted": profile}, budget=budget)
    project.run()
    with project.records() as records:
        found = {item.ws_id: item for item in spending(records)}
    assert {i: (found[i].cost_nusd, found[i].assumed_nusd) for i in "abc"} == {
        "a": (0, None),
        "b": (None, 2 * QUARTER),
        "c": (None, 2 * QUARTER),
    }


def test_a_person_is_asked_and_the_others_go_on(project, ended):
    for ws_id in AGENTS:
        agent(project, ws_id)
    project.writes("plain", "a.txt", "A\n")
    configure(project, max_cost_total=0.6, action="ask")
    summary = project.run(overrides={"run.jobs": 2})
    ends = ended(summary)
    assert sorted(ends.values()) == ["awaiting_review"] * 2 + ["done"] * 3
    assert ends["plain"] == "done"
    assert summary.status is RunState.PARTIAL
    assert spent(project) == (2 * QUARTER, 2)


def test_where_nobody_is_to_be_asked_the_run_ends(project):
    agent(project, "a")
    configure(project, max_cost_total=0.1, action="ask")
    project.configure(review={"on": []})
    with pytest.raises(BudgetReachedError) as caught:
        project.run()
    assert caught.value.action == "suspend"
