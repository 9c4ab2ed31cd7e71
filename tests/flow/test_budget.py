"""A cap is never passed by more than the one attempt in flight, whatever the timing."""

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.flow.budget import Budget, BudgetReachedError
from pipeline.flow.budget_limits import Answer, ask
from pipeline.model.agent import Prompt, Usage
from pipeline.model.check import ToolProfile, ToolType
from pipeline.model.config import BudgetConfig
from pipeline.model.money import NUSD
from pipeline.model.record import Step, WorkstreamRecord
from pipeline.store.spending import Spent

PROMPT = Prompt("x", tokens=1)
UNKNOWN = ToolProfile("agent", type=ToolType.AI)


def flat(dollars: float, name: str = "agent") -> ToolProfile:
    """An agent that is expected to cost so much, whatever it is told."""
    return ToolProfile(name, type=ToolType.AI, cost={"per_attempt": dollars})


def record(ws_id: str) -> WorkstreamRecord:
    return WorkstreamRecord("run", ws_id, 1)


def past(ws_id: str, cost: int | None, **fields) -> Spent:
    return Spent("run", ws_id, "id", "edit", 1, "failed", "agent", "", cost_nusd=cost, **fields)


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

    threads = [threading.Thread(target=work) for _ in range(workers)]
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
    if all(is_foreseen for _, _, is_foreseen in costs) and action in ("suspend", "ask"):
        assert ledger.spent <= cap
    if sum(cost for _, cost, _ in costs) <= cap:
        assert refused == 0


class Forgetful(Budget):
    """Decides as if nothing were in flight."""

    def _ask(self, cap, bill):
        spent = self._state.account(cap).spent
        return ask(cap.limit, spent, (), bill.reserved, may_pass=True)


def test_a_budget_that_forgets_what_is_in_flight_is_seen_through():
    """The check above can fail."""
    budget = Forgetful(BudgetConfig(max_cost_total=50 / NUSD, action="reduce_parallelism"))
    ledger, _ = spend_all(budget, 50, [("a", 40, False)] * 8, 4)
    assert ledger.passed


@given(
    st.integers(1, 100), st.integers(0, 120), st.lists(st.none() | st.integers(0, 50), max_size=4),
    st.none() | st.integers(0, 50), st.booleans(),
)  # fmt: skip
def test_a_cap_answers_so_that_it_holds(limit, spent, in_flight, wanted, may_pass):
    answer = ask(limit, spent, in_flight, wanted, may_pass=may_pass)
    if answer is Answer.GO and in_flight:
        assert wanted is not None and None not in in_flight
        assert spent + sum(in_flight) + wanted <= limit
    if answer is Answer.GO and not in_flight and not (wanted is not None and may_pass):
        assert wanted is None or spent + wanted <= limit
    if answer is Answer.WAIT:
        assert in_flight  # else nobody would ever wake it
    if spent >= limit and wanted != 0:
        assert answer is Answer.STOP
