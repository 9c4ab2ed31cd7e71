"""Breakers of tools: they open after failures in a row, rest, and let one attempt try."""

from concurrent.futures import ThreadPoolExecutor

from pipeline.model.routing import BreakerState
from pipeline.work.routing import ToolBreakers

CLOSED, OPEN, HALF = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make(limit: int = 3, rest_s: float = 60.0) -> tuple[ToolBreakers, Clock]:
    clock = Clock()
    return ToolBreakers(limit, rest_s, clock), clock


def test_it_opens_after_failures_in_a_row_and_only_then():
    breakers, _ = make()
    assert [breakers.failed("a"), breakers.failed("a")] == [None, None]
    assert breakers.answered("a") is None
    assert [breakers.failed("a"), breakers.failed("a")] == [None, None]
    change = breakers.failed("a")
    assert change
    assert (change.before, change.after, change.failures) == (CLOSED, OPEN, 3)
    assert breakers.states("ab") == {"a": OPEN, "b": CLOSED}
    assert not breakers.claim("a")


def test_after_its_rest_one_attempt_tries():
    breakers, clock = make(limit=1)
    breakers.failed("a")
    clock.now += 59.9
    assert breakers.states("a") == {"a": OPEN}
    clock.now += 0.1
    assert breakers.states("a") == {"a": HALF}
    assert breakers.claim("a")
    assert not breakers.claim("a")
    change = breakers.answered("a")
    assert change
    assert (change.before, change.after) == (HALF, CLOSED)
    assert breakers.claim("a")


def test_a_trial_that_fails_opens_it_again():
    breakers, clock = make(limit=2)
    breakers.failed("a")
    breakers.failed("a")
    clock.now += 60
    assert breakers.claim("a")
    clock.now += 5
    change = breakers.failed("a")
    assert change
    assert (change.before, change.after) == (HALF, OPEN)
    clock.now += 59
    assert breakers.states("a") == {"a": OPEN}


def test_a_claim_that_comes_to_nothing_blocks_nobody_for_good():
    breakers, clock = make(limit=1)
    breakers.failed("a")
    clock.now += 60
    assert breakers.claim("a")
    clock.now += 60
    assert breakers.claim("a")


def test_of_many_askers_one_tries():
    breakers, clock = make(limit=1)
    breakers.failed("a")
    clock.now += 60
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: breakers.claim("a"), range(64))) == 1


def test_one_waits_only_for_what_may_pass_by_itself():
    breakers, clock = make(limit=1)
    assert breakers.rest_left("ab") == 0
    breakers.failed("a", is_passing=False)
    assert breakers.rest_left("ab") == 0
    breakers.failed("b")
    clock.now += 20
    assert breakers.rest_left("ab") == 40
    clock.now += 50
    assert breakers.rest_left("ab") == 0
