"""How long is waited before the same agent is asked again."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.base import clock
from pipeline.base.errors import InterruptedRunError
from pipeline.base.process import CancelToken
from pipeline.flow import backoff
from pipeline.model.agent import AgentFailure
from pipeline.model.config import RepairConfig
from pipeline.model.record import AttemptState, Step, StepAttempt

REPAIR = RepairConfig()


def attempt(code, tool="own", number=1, finished_at=""):
    return StepAttempt(
        attempt_id=f"attempt-{number}",
        run_id="r",
        ws_id="w",
        generation=1,
        step=Step.EDIT,
        number=number,
        state=AttemptState.FAILED,
        tool=tool,
        finished_at=finished_at,
        details={"code": code},
    )


def faults(*codes, tool="own"):
    return [attempt(code, tool, number) for number, code in enumerate(codes, start=1)]


@given(st.text(min_size=1), st.integers(1, 12))
def test_pauses_double_within_a_quarter_and_the_cap(attempt_id, fault):
    pause = backoff.pause_s(REPAIR, fault, attempt_id)
    plain = 2.0**fault
    assert min(plain * 0.75, REPAIR.backoff_max_s) <= pause <= min(plain * 1.25, 60.0)
    assert pause == backoff.pause_s(REPAIR, fault, attempt_id)


def test_attempts_differ_in_their_pauses():
    assert len({backoff.pause_s(REPAIR, 1, f"a{n}") for n in range(20)}) > 15


def test_a_pause_never_overflows():
    assert backoff.pause_s(REPAIR, 100_000, "a") == REPAIR.backoff_max_s


@pytest.mark.parametrize("failure", AgentFailure)
def test_only_what_may_pass_is_waited_for(failure):
    waits = backoff.next_pause_s(REPAIR, faults(failure.value), "own") > 0
    assert waits == (failure in (AgentFailure.RATE_LIMIT, AgentFailure.UNREACHABLE))


def test_faults_count_in_a_row_and_by_tool():
    made = faults("rate_limit", "scope", "rate_limit", "unreachable")
    made.insert(3, attempt("quota", "other", 9))
    assert backoff.faults_in_a_row(made, "own") == 2
    assert backoff.faults_in_a_row(made, "other") == 0
    assert backoff.faults_in_a_row((), "own") == 0


def test_spent_retries_are_not_waited_for():
    made = faults(*["rate_limit"] * (REPAIR.retries + 1))
    assert backoff.next_pause_s(REPAIR, made[:-1], "own") > 0
    assert backoff.next_pause_s(REPAIR, made, "own") == 0


class Stops:
    """What waiting uses of a run."""

    def __init__(self, repair=REPAIR):
        self.cancel = CancelToken()
        self.config = SimpleNamespace(repair=repair)

    def stop_if_cancelled(self):
        if self.cancel.is_cancelled:
            raise InterruptedRunError("told to stop", remedy="")


def test_waiting_ends_when_the_run_is_told_to_stop():
    context = Stops(RepairConfig(backoff_s=3600.0, backoff_max_s=3600.0))
    context.cancel.cancel()
    with pytest.raises(InterruptedRunError):
        backoff.wait(context, [attempt("rate_limit", finished_at=clock.now())], "own")


def test_a_run_that_is_carried_on_waits_for_what_is_left():
    """The pause of an hour has long passed since the attempt ended."""
    context = Stops(RepairConfig(backoff_s=3600.0, backoff_max_s=3600.0))
    long_ago = "2020-01-01T00:00:00.000000Z"
    backoff.wait(context, [attempt("rate_limit", finished_at=long_ago)], "own")
