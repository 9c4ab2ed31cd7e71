"""Waiting before the same agent is asked again after a fault of the surroundings.

How long follows from what is stored (the attempts, their ids and times), so that it can be told
afterwards, and a run that is carried on waits no longer than what is left.
"""

import hashlib
from collections.abc import Sequence

from pipeline.base import clock
from pipeline.flow.context import RunContext
from pipeline.model.agent import TRANSIENT
from pipeline.model.config import RepairConfig
from pipeline.model.record import StepAttempt

_PASSING = frozenset(failure.value for failure in TRANSIENT)
_JITTER = 0.25  # of the pause, to either side


def is_passing(attempt: StepAttempt) -> bool:
    """Whether an attempt failed at something that may pass by itself."""
    return attempt.details.get("code") in _PASSING


def faults_in_a_row(attempts: Sequence[StepAttempt], tool: str) -> int:
    """How many of a tool's newest attempts failed at something that may pass."""
    count = 0
    for attempt in reversed([a for a in attempts if a.tool == tool]):
        if not is_passing(attempt):
            break
        count += 1
    return count


def pause_s(repair: RepairConfig, fault: int, attempt_id: str) -> float:
    """Seconds to wait after the ``fault``-th fault in a row, from 1.

    Doubled each time, a quarter more or less by the attempt's id, never over the cap.
    """
    digest = hashlib.sha256(attempt_id.encode()).digest()
    share = int.from_bytes(digest[:4], "big") / 2**32
    factor = 1 + _JITTER * (2 * share - 1)
    # Doubling further than this passes every cap, and could overflow.
    doubled = repair.backoff_s * 2.0 ** min(fault - 1, 64)
    return min(doubled * factor, repair.backoff_max_s)


def next_pause_s(repair: RepairConfig, attempts: Sequence[StepAttempt], tool: str) -> float:
    """Seconds from the end of a tool's newest attempt until it may be asked again; 0 for now."""
    fault = faults_in_a_row(attempts, tool)
    if not fault or fault > repair.retries:
        return 0.0
    newest = next(a for a in reversed(attempts) if a.tool == tool)
    return pause_s(repair, fault, newest.attempt_id)


def wait(context: RunContext, attempts: Sequence[StepAttempt], tool: str) -> None:
    """Wait until a tool may be asked; holds nothing meanwhile but the worker's own thread.

    Raises ``InterruptedRunError`` when the run is told to stop.
    """
    whole = next_pause_s(context.config.repair, attempts, tool)
    if whole <= 0:
        return
    newest = next(a for a in reversed(attempts) if a.tool == tool)
    passed = clock.seconds_between(newest.finished_at, clock.now())
    # A clock that was set back must not make it longer.
    context.cancel.wait(min(whole, max(0.0, whole - passed)))
    context.stop_if_cancelled()
