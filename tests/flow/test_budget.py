"""A cap is never passed by more than the one attempt in flight, whatever the timing."""

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.base.process import CancelToken
from pipeline.flow.budget import Budget, BudgetReachedError, NotAdmittedError
from pipeline.flow.budget_limits import Answer, ask
from pipeline.model.agent import Prompt, Usage
from pipeline.model.check import ToolProfile, ToolType
from pipeline.model.config import BudgetConfig
from pipeline.model.event import EventDraft, EventType
from pipeline.model.money import NUSD
from pipeline.model.record import Step, WorkstreamRecord
from pipeline.model.workstream import Workstream
from pipeline.store.spending import Spent

PROMPT = Prompt("x", tokens=1)
UNKNOWN = ToolProfile("agent", type=ToolType.AI)


def flat(dollars: float, name: str = "agent") -> ToolProfile:
    """An agent that is expected to cost so much, whatever it is told."""
    return ToolProfile(name, type=ToolType.AI, cost={"per_attempt": dollars})


def record(ws_id: str) -> WorkstreamRecord:
    return WorkstreamRecord("run", ws_id, 1)


def past(ws_id: str, cost: int | None, **fields) -> Spent:
    return Spent("run", ws_id, "id", "edit", 1, "failed", "other", "", cost_nusd=cost, **fields)


def attempt(budget: Budget, ws_id: str, profile: ToolProfile, cost: int | None, **used) -> None:
    with budget.admitted(record(ws_id), profile, Step.EDIT, PROMPT) as bill:
        bill.settle(Usage(cost_nusd=cost, **used))


@dataclass
class Ledger:
    """What was really spent while attempts run in threads, and the most that it could become."""

    cap: int
    spent: int = 0
    flying: dict[int, int] = field(default_factory=dict)
    started: int = 0
    passed: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, cost: int) -> int:
        with self.lock:
            self.started += 1
            if self.spent >= self.cap:
                self.passed.append(f"{self.spent} of {self.cap} was spent, and one more began")
            self.flying[self.started] = cost
            everything = sorted(self.flying.values())
            if self.spent + sum(everything[:-1]) > self.cap:
                self.passed.append(f"{self.spent} + {everything} may come to more than {self.cap}")
            return self.started

    def end(self, number: int) -> None:
        with self.lock:
            self.spent += self.flying.pop(number)


def spend_all(
    budget: Budget, cap: int, costs: Sequence[tuple[str, int, bool]], workers: int
) -> tuple[Ledger, int]:
    """Attempts (workstream, cost, is it foreseen) in threads; how many were refused."""
    ledger, waiting, refused = Ledger(cap), list(costs), []
    pause = random.Random(len(costs))
    naps = [0.0005 + pause.random() / 2000 for _ in costs]
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                ws_id, cost, is_foreseen = waiting.pop()
                nap = naps.pop()
            profile = flat(cost / NUSD, f"agent-{cost}") if is_foreseen else UNKNOWN
            try:
                with budget.admitted(record(ws_id), profile, Step.EDIT, PROMPT) as bill:
                    number = ledger.start(cost)
                    threading.Event().wait(nap)
                    ledger.end(number)
                    bill.settle(Usage(cost_nusd=cost))
            except BudgetReachedError as error:
                refused.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return ledger, len(refused)


attempts = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(1, 60), st.booleans()),
    min_size=1, max_size=14,
)  # fmt: skip
some = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


@some
@given(
    attempts, st.integers(1, 200), st.integers(1, 5),
    st.sampled_from(["reduce_parallelism", "priority", "suspend", "ask"]),
)  # fmt: skip
def test_the_sum_never_passes_the_cap_and_one_attempt(costs, cap, workers, action):
    budget = Budget(BudgetConfig(max_cost_total=cap / NUSD, action=action))
    ledger, refused = spend_all(budget, cap, costs, workers)
    assert ledger.passed == []
    assert ledger.started + refused == len(costs)
    is_patient = action in ("reduce_parallelism", "priority")
    are_foreseen = all(is_foreseen for _, _, is_foreseen in costs)
    if are_foreseen and not is_patient:
        assert ledger.spent <= cap
    if (are_foreseen or is_patient) and sum(cost for _, cost, _ in costs) <= cap:
        assert refused == 0


class Forgetful(Budget):
    """Decides as if nothing were in flight."""

    def _ask(self, cap, bill):
        spent = self._state.account(cap).spent
        return ask(cap.limit, spent, (), bill.reserved)


def test_a_budget_that_forgets_what_is_in_flight_is_seen_through():
    """The check above can fail."""
    budget = Forgetful(BudgetConfig(max_cost_total=50 / NUSD, action="reduce_parallelism"))
    ledger, _ = spend_all(budget, 50, [("a", 40, False)] * 8, 4)
    assert ledger.passed


@given(
    st.integers(1, 100), st.integers(0, 120), st.lists(st.none() | st.integers(0, 50), max_size=4),
    st.none() | st.integers(0, 50), st.integers(0, 50),
)  # fmt: skip
def test_a_cap_answers_so_that_it_holds(limit, spent, in_flight, wanted, least):
    least = least if wanted is None else min(least, wanted)
    answer = ask(limit, spent, in_flight, wanted, least=least)
    if answer is Answer.GO and in_flight:
        assert wanted is not None and None not in in_flight
        assert spent + sum(in_flight) + wanted <= limit
    if answer is Answer.GO:
        assert spent + least <= limit
    if answer is Answer.WAIT:
        assert in_flight  # else nobody would ever wake it
    if spent >= limit and wanted != 0:
        assert answer is Answer.STOP


def test_an_estimate_alone_ends_no_run():
    """Its prompt may cost up to a dollar by the estimate; a cent is left, and it is tried."""
    dear = ToolProfile("dear", type=ToolType.AI, cost={"input": 1_000_000 / 6, "output": 0.0})
    budget = Budget(BudgetConfig(max_cost_total=0.01))
    attempt(budget, "a", dear, NUSD // 200)
    attempt(budget, "a", dear, NUSD // 300)
    with pytest.raises(BudgetReachedError, match="would be passed") as caught:
        attempt(budget, "a", dear, NUSD // 200)
    assert caught.value.wanted == NUSD // 200


def admit_later(budget: Budget, ws_id: str, profile: ToolProfile, done: list[str]):
    """An attempt in a thread of its own, which says when it was let in."""

    def work() -> None:
        try:
            with budget.admitted(record(ws_id), profile, Step.EDIT, PROMPT) as bill:
                done.append(ws_id)
                bill.settle(Usage(cost_nusd=0))
        except NotAdmittedError as error:
            done.append(f"{ws_id}: {type(error).__name__}")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def until_waiting(budget: Budget, count: int) -> None:
    """Return when so many attempts wait."""
    for _ in range(20_000):
        if len(budget._state.waiting) >= count:
            return
        threading.Event().wait(0.001)
    raise AssertionError(f"fewer than {count} attempts wait")


def test_what_was_spent_before_counts():
    spent = [past("a", 30), past("b", None, assumed_nusd=15), past("c", None)]
    config = BudgetConfig(max_cost_total=100 / NUSD, expected_cost=50 / NUSD)
    with pytest.raises(BudgetReachedError) as caught:
        attempt(Budget(config, spent=spent), "a", flat(6 / NUSD), 6)
    assert (caught.value.spent, caught.value.wanted) == (95, 6)
    attempt(Budget(config, spent=spent), "a", flat(5 / NUSD), 5)


def test_other_tools_are_not_counted():
    fixer = ToolProfile("ruff", type=ToolType.FIXER, cost={"per_attempt": 9.0})
    budget = Budget(BudgetConfig(max_cost_total=1.0))
    for _ in range(3):
        attempt(budget, "a", fixer, 5 * NUSD)
    attempt(budget, "a", flat(1.0), NUSD)


def test_no_limits_ask_nothing():
    for _ in range(3):
        attempt(Budget(), "a", UNKNOWN, None)


def test_an_unknown_cost_counts_as_what_is_expected():
    budget = Budget(BudgetConfig(max_cost_total=100 / NUSD, expected_cost=40 / NUSD))
    attempt(budget, "a", UNKNOWN, None)
    attempt(budget, "a", UNKNOWN, None)
    with pytest.raises(BudgetReachedError) as caught:
        attempt(budget, "a", UNKNOWN, None)
    assert caught.value.spent == 80


def test_an_agent_that_was_dearer_than_expected_is_expected_to_be_so_again():
    """Its second attempt would pass the cap by experience, though not by its price."""
    budget = Budget(BudgetConfig(max_cost_total=100 / NUSD))
    attempt(budget, "a", flat(10 / NUSD), 60)
    with pytest.raises(BudgetReachedError, match="would be passed") as caught:
        attempt(budget, "a", flat(10 / NUSD), 60)
    assert caught.value.wanted == 60


def test_each_workstream_and_each_phase_has_its_own_cap():
    workstreams = [Workstream("a", phase="one"), Workstream("b", phase="one"), Workstream("c")]
    config = BudgetConfig(max_cost_per_task=50 / NUSD, max_cost_per_phase=80 / NUSD)
    budget = Budget(config, workstreams=workstreams)
    attempt(budget, "a", flat(50 / NUSD, "first"), 50)
    with pytest.raises(BudgetReachedError, match="task a is reached"):
        attempt(budget, "a", flat(1 / NUSD), 1)
    fresh = Budget(config, workstreams=workstreams, spent=[past("a", 50), past("b", 20)])
    with pytest.raises(BudgetReachedError, match="phase one would be passed"):
        attempt(fresh, "b", flat(20 / NUSD), 20)
    asking = BudgetConfig(max_cost_per_phase=80 / NUSD, max_cost_per_task=50 / NUSD, action="ask")
    budget = Budget(asking, workstreams=workstreams, spent=[past("a", 90)])
    with pytest.raises(BudgetReachedError):
        attempt(budget, "b", flat(1 / NUSD), 1)
    attempt(budget, "c", flat(1 / NUSD), 1)  # others go on where a person is asked


def test_the_end_waits_for_what_is_in_flight_and_lets_nobody_else_in():
    budget = Budget(BudgetConfig(max_cost_per_task=10 / NUSD), spent=[past("a", 10)])
    done: list[str] = []
    with budget.admitted(record("b"), flat(5 / NUSD), Step.EDIT, PROMPT) as bill:
        first = admit_later(budget, "a", flat(1 / NUSD), done)
        until_waiting(budget, 1)
        second = admit_later(budget, "c", flat(1 / NUSD), done)
        until_waiting(budget, 2)
        assert done == []
        bill.settle(Usage(cost_nusd=5))
    first.join(30)
    second.join(30)
    assert sorted(done) == ["a: BudgetReachedError", "c: BudgetReachedError"]


def test_the_highest_priority_is_let_in_first():
    workstreams = [Workstream("low", priority=1), Workstream("b", priority=5), Workstream("a")]
    workstreams += [Workstream("top", priority=9), Workstream("c", priority=5)]
    config = BudgetConfig(max_cost_total=1.0, action="priority")
    budget = Budget(config, workstreams=workstreams)
    done: list[str] = []
    with budget.admitted(record("x"), UNKNOWN, Step.EDIT, PROMPT):
        threads = []
        for number, ws_id in enumerate(("low", "c", "a", "b", "top"), start=1):
            threads.append(admit_later(budget, ws_id, UNKNOWN, done))
            until_waiting(budget, number)
    for thread in threads:
        thread.join(30)
    assert done == ["top", "b", "c", "low", "a"]


def test_without_a_priority_the_first_who_comes_is_first():
    budget = Budget(BudgetConfig(max_cost_total=1.0, action="reduce_parallelism"))
    done: list[str] = []
    with budget.admitted(record("x"), UNKNOWN, Step.EDIT, PROMPT):
        threads = []
        for number, ws_id in enumerate(("d", "a", "c"), start=1):
            threads.append(admit_later(budget, ws_id, UNKNOWN, done))
            until_waiting(budget, number)
    for thread in threads:
        thread.join(30)
    assert done == ["d", "a", "c"]


def test_a_cancelled_run_wakes_those_who_wait():
    cancel = CancelToken()
    budget = Budget(BudgetConfig(max_cost_total=1.0), cancel=cancel)
    done: list[str] = []
    with budget.admitted(record("x"), UNKNOWN, Step.EDIT, PROMPT):
        thread = admit_later(budget, "a", UNKNOWN, done)
        until_waiting(budget, 1)
        cancel.cancel()
        thread.join(30)
        assert done == ["a: NotAdmittedError"]


def test_an_attempt_that_fails_before_its_agent_starts_gives_back_what_was_set_aside():
    budget = Budget(BudgetConfig(max_cost_total=10 / NUSD))
    for _ in range(3):
        with (
            pytest.raises(ValueError, match="no slot"),
            budget.admitted(record("a"), flat(10 / NUSD), Step.EDIT, PROMPT),
        ):
            raise ValueError("no slot")
    attempt(budget, "a", flat(10 / NUSD), 10)


def test_a_limit_is_announced_and_its_end_told_with_figures():
    told: list[EventDraft] = []
    budget = Budget(
        BudgetConfig(max_cost_total=100 / NUSD), tell=told.append, spent=[past("a", 79)]
    )
    attempt(budget, "a", flat(1 / NUSD), 1)
    attempt(budget, "a", flat(1 / NUSD), 1)
    with pytest.raises(BudgetReachedError):
        attempt(budget, "b", flat(60 / NUSD), 60)
    warning, end = told
    assert warning.type is EventType.BUDGET_WARNING
    assert warning.payload == {
        "limit": "total", "name": "", "limit_nusd": 100, "spent_nusd": 80, "left_nusd": 20,
        "percent": 80,
    }  # fmt: skip
    assert (end.type, end.ws_id) == (EventType.BUDGET_EXCEEDED, "b")
    assert end.payload == {
        "limit": "total", "name": "", "limit_nusd": 100, "spent_nusd": 81, "left_nusd": 19,
        "expected_nusd": 60, "action": "suspend",
    }  # fmt: skip
