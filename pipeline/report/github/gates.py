"""What each gate says about a workstream's newest commit, read from the attempts that asked it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.model.finding import Finding
from pipeline.model.record import AttemptState, Step, StepAttempt, WorkstreamRecord
from pipeline.model.states import RunState, WorkstreamState
from pipeline.model.verdict import Result

LANDING = "landing"
INFRASTRUCTURE = "infrastructure"
_TIMEOUT = "timeout"
_INTERRUPTED = "interrupted"


class GateState(StrEnum):
    """What a gate says; ``FAULT`` and ``UNKNOWN`` are no answer, and no pass."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    UNKNOWN = "unknown"
    FAULT = "fault"
    CANCELLED = "cancelled"
    AWAITING = "awaiting_review"


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """A gate's newest answer about one commit; ``checks`` maps each check to its result."""

    gate: str
    commit: str
    state: GateState
    reason: str = ""
    checks: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    started_at: str = ""
    finished_at: str = ""
    duration_s: float = 0.0

    @property
    def has_no_checks(self) -> bool:
        """Whether it is green because nothing was there to be asked."""
        return self.state is GateState.PASSED and self.gate != LANDING and not self.checks


_RESULTS: Mapping[str, GateState] = {
    Result.PASSED: GateState.PASSED,
    Result.FAILED: GateState.FAILED,
    Result.UNKNOWN: GateState.UNKNOWN,
    Result.FAULT: GateState.FAULT,
}

LANDING_STATES: Mapping[WorkstreamState, GateState | None] = {
    WorkstreamState.PENDING: None,
    WorkstreamState.READY: None,
    WorkstreamState.EDITING: None,
    WorkstreamState.STATIC_CHECK: None,
    WorkstreamState.FIXING: None,
    WorkstreamState.RUNTIME_CHECK: None,
    WorkstreamState.CHECKED: None,
    WorkstreamState.MERGING: None,
    WorkstreamState.AWAITING_REVIEW: GateState.AWAITING,
    WorkstreamState.DONE: GateState.PASSED,
    WorkstreamState.FAILED: GateState.FAILED,
    WorkstreamState.QUARANTINED: GateState.FAILED,
    WorkstreamState.BLOCKED: GateState.FAILED,
    WorkstreamState.ABANDONED: GateState.CANCELLED,
}
"""What each state says about landing; ``None`` where it was not decided yet."""

_STOPPED = frozenset({RunState.CANCELLED, RunState.ABANDONED, RunState.INTERRUPTED})


def answers(
    record: WorkstreamRecord,
    attempts: Sequence[StepAttempt],
    *,
    is_live: bool,
    run_state: RunState,
) -> tuple[GateAnswer, ...]:
    """The newest answers about ``record.commit``; a gate that was not asked about it has none."""
    return tuple(_answers(record, attempts, is_live=is_live, run_state=run_state))


def _answers(
    record: WorkstreamRecord,
    attempts: Sequence[StepAttempt],
    *,
    is_live: bool,
    run_state: RunState,
) -> Iterator[GateAnswer]:
    for step in (Step.STATIC, Step.RUNTIME):
        newest = next(
            (a for a in reversed(attempts) if a.step is step and a.start_tree == record.tree), None
        )
        if newest is None or not record.tree:
            continue
        state = state_of(newest, is_live=is_live)
        if state is not None:
            yield _answer(str(newest.details.get("gate") or step.value), record, newest, state)
    landing = _landing(record, attempts, run_state)
    if landing is not None:
        yield landing


def state_of(attempt: StepAttempt, *, is_live: bool) -> GateState | None:
    """What an attempt at a gate says; ``None`` while it runs."""
    if attempt.state is AttemptState.STARTED:
        return None if is_live else GateState.FAULT
    if attempt.state is AttemptState.CRASHED:
        is_told = attempt.reason == _INTERRUPTED
        return GateState.CANCELLED if is_told else GateState.FAULT
    result = str(attempt.details.get("result", ""))
    # An attempt that says nothing of its result is no pass, whatever else it says.
    state = _RESULTS.get(result, GateState.FAULT)
    if (state is GateState.PASSED) != (attempt.state is AttemptState.SUCCEEDED):
        return GateState.FAULT
    if state is GateState.FAILED and attempt.findings:
        codes = {finding.code for finding in attempt.findings}
        return GateState.TIMED_OUT if codes == {_TIMEOUT} else GateState.FAILED
    return state


def _answer(
    gate: str, record: WorkstreamRecord, attempt: StepAttempt, state: GateState
) -> GateAnswer:
    checks = attempt.details.get("checks")
    return GateAnswer(
        gate=gate,
        commit=record.commit,
        state=state,
        reason=attempt.reason,
        checks=dict(checks) if isinstance(checks, Mapping) else {},
        findings=attempt.findings,
        started_at=attempt.started_at,
        finished_at=attempt.finished_at,
        duration_s=attempt.duration_s,
    )


def _landing(
    record: WorkstreamRecord, attempts: Sequence[StepAttempt], run_state: RunState
) -> GateAnswer | None:
    state = LANDING_STATES[record.state]
    if state is None and run_state in _STOPPED and record.commit:
        state = GateState.CANCELLED
    if state is None:
        return None
    if state is GateState.FAILED and record.reason_code == INFRASTRUCTURE:
        state = GateState.FAULT
    tried = [a for a in attempts if a.step is Step.MERGE and a.generation == record.generation]
    newest = tried[-1] if tried and state is not GateState.PASSED else None
    return GateAnswer(
        gate=LANDING,
        commit=record.commit,
        state=state,
        reason=record.reason,
        findings=newest.findings if newest else (),
        started_at=newest.started_at if newest else "",
        finished_at=newest.finished_at if newest else "",
        duration_s=newest.duration_s if newest else 0.0,
    )
