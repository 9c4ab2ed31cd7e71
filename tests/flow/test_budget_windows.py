"""Tokens and requests per minute: attempts wait as long as it takes, and no longer."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.base.process import CancelToken
from pipeline.flow.bell import Bell
from pipeline.flow.budget import Budget, NotAdmittedError
from pipeline.model.agent import AgentSettings, Prompt, Usage
from pipeline.model.check import ToolProfile, ToolType
from pipeline.model.config import BudgetConfig
from pipeline.model.record import Step, WorkstreamRecord

PROMPT = Prompt("x", tokens=1)
AGENT = ToolProfile("agent", type=ToolType.AI)


def record(ws_id: str) -> WorkstreamRecord:
    return WorkstreamRecord("run", ws_id, 1)


class FakeClock:
    """Time passes only while somebody waits."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.waits: list[float | None] = []

    def now(self) -> float:
        return self.time

    def wait(self, bell: Bell, cancel: CancelToken, timeout_s: float | None) -> None:
        if not bell.hear() and not cancel.is_cancelled:
            assert timeout_s is not None, "nobody would ever wake it"
            assert len(self.waits) < 100, "it looks again and again"
            self.waits.append(timeout_s)
            self.time += timeout_s


def starts(budget: Budget, clock: FakeClock, uses: Sequence[tuple[int, int]]) -> list[float]:
    """When attempts start one after another, by their tokens and requests."""
    found = []
    for tokens, requests in uses:
        with budget.admitted(record("a"), AGENT, Step.EDIT, PROMPT) as bill:
            found.append(clock.time - 1000)
            bill.settle(Usage(cost_nusd=0, input_tokens=tokens, requests=requests))
    return found


def test_requests_in_a_minute():
    clock = FakeClock()
    budget = Budget(BudgetConfig(requests_per_minute=3), clock=clock)
    assert starts(budget, clock, [(0, 1)] * 7) == [0, 0, 0, 60, 60, 60, 120]
    assert clock.waits == [60, 60]


def test_tokens_in_a_minute_count_as_they_were_used():
    profile = AgentSettings(max_output_tokens=94)  # with six turns of one token: 100 expected
    agent = ToolProfile("agent", type=ToolType.AI, agent=profile)
    clock = FakeClock()
    budget = Budget(BudgetConfig(tokens_per_minute=1000), clock=clock)
    found = []
    for tokens in (500, 400, 10, 5000, 1):
        with budget.admitted(record("a"), agent, Step.EDIT, PROMPT) as bill:
            found.append(clock.time - 1000)
            half = tokens // 2
            bill.settle(Usage(cost_nusd=0, input_tokens=half, output_tokens=tokens - half))
        clock.time += 1
    # The fourth waits until the first is a minute old, the last until the fourth is.
    assert found == [0, 1, 2, 60, 120]


def test_one_attempt_that_is_more_than_a_minute_allows_is_let_in_alone():
    clock = FakeClock()
    budget = Budget(BudgetConfig(tokens_per_minute=10), clock=clock)
    assert starts(budget, clock, [(50, 1), (50, 1)]) == [0, 60]


def test_a_wait_ends_with_the_run():
    clock = FakeClock()
    budget = Budget(BudgetConfig(requests_per_minute=1), clock=clock, deadline=1010.0)
    with pytest.raises(NotAdmittedError, match="time limit"):
        starts(budget, clock, [(0, 1)] * 2)
    assert clock.waits == [10]


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 12), st.floats(0, 50)), max_size=25),
    st.integers(1, 500),
    st.integers(1, 10),
)
def test_no_minute_has_more_than_its_limit_and_one_attempt(uses, tokens_limit, requests_limit):
    clock = FakeClock()
    config = BudgetConfig(tokens_per_minute=tokens_limit, requests_per_minute=requests_limit)
    budget = Budget(config, clock=clock)
    log: list[tuple[float, int, int]] = []
    for tokens, requests, pause in uses:
        (start,) = starts(budget, clock, [(tokens, requests)])
        now = 1000 + start
        recent = [entry for entry in log if entry[0] > now - 60]
        assert sum(entry[1] for entry in recent) <= tokens_limit
        assert sum(entry[2] for entry in recent) < requests_limit or not recent
        log.append((now, tokens, requests))
        clock.time += pause
