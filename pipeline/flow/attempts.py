"""An attempt from its start to its end, as the store keeps it."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from pipeline.base import clock, ids
from pipeline.flow.context import RunContext
from pipeline.model.codec import encode
from pipeline.model.edit import ToolReport
from pipeline.model.event import EventDraft, EventType
from pipeline.model.finding import Finding, Severity
from pipeline.model.record import AttemptState, ErrorDraft, Step, StepAttempt, WorkstreamRecord


@dataclass(slots=True)
class Attempt:
    """A running attempt; ``finish`` gives what is stored of it, and how to say so in an event."""

    context: RunContext
    record: WorkstreamRecord
    step: Step
    tool: str
    number: int
    details: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=ids.new_id)
    _began: float = field(default_factory=time.monotonic)
    _started: StepAttempt | None = None

    def start(self) -> "Attempt":
        """Write the intent down; not waited for, the order of what is written is kept."""
        self._started = StepAttempt(
            attempt_id=self.id,
            run_id=self.context.run_id,
            ws_id=self.record.ws_id,
            generation=self.record.generation,
            step=self.step,
            number=self.number,
            tool=self.tool,
            started_at=clock.now(),
            start_tree=self.record.tree,
        )
        self.context.ledger.start_attempt(self._started)
        return self

    def finish(
        self,
        *,
        is_good: bool,
        reason: str = "",
        report: ToolReport | None = None,
        result_tree: str = "",
        patch_id: str = "",
        findings: tuple[Finding, ...] = (),
        details: dict[str, Any] | None = None,
        state: AttemptState | None = None,
    ) -> StepAttempt:
        """The finished attempt; it is stored together with the move that follows from it."""
        if self._started is None:
            raise RuntimeError("an attempt is finished before it was started")
        return replace(
            self._started,
            state=state or (AttemptState.SUCCEEDED if is_good else AttemptState.FAILED),
            finished_at=clock.now(),
            duration_s=round(time.monotonic() - self._began, 6),
            result_tree=result_tree,
            patch_id=patch_id,
            findings=findings,
            reason=reason,
            details={**self.details, **_of_agent(report), **(details or {})},
            **_of_report(report),
        )

    def interrupt(self, report: ToolReport | None = None) -> None:
        """Store the attempt as crashed: the run was told to stop, so it does not count."""
        stored = self.finish(
            is_good=False, reason="interrupted", report=report, state=AttemptState.CRASHED
        )
        self.context.ledger.finish_attempt(stored, events=(finished(stored, "Interrupted."),))


def _of_report(report: ToolReport | None) -> dict[str, Any]:
    if report is None:
        return {}
    return {
        "ending": report.ending,
        "exit_code": report.exit_code,
        "stdout_log": report.stdout_log,
        "stderr_log": report.stderr_log,
    }


def _of_agent(report: ToolReport | None) -> dict[str, Any]:
    """What an agent used and said, under ``agent``; nothing for other tools."""
    if report is None or report.agent is None:
        return {}
    return {"agent": encode(report.agent)}


def finished(attempt: StepAttempt, message: str, **payload: Any) -> EventDraft:
    """The event that tells how an attempt ended."""
    return EventDraft(
        EventType.ATTEMPT_FINISHED,
        message,
        step=attempt.step,
        attempt_id=attempt.attempt_id,
        payload={
            "state": attempt.state.value,
            "number": attempt.number,
            "tool": attempt.tool,
            "exit_code": attempt.exit_code,
            "duration_s": attempt.duration_s,
            **payload,
        },
    )


def errors_of(ws_id: str, findings: Iterable[Finding]) -> tuple[ErrorDraft, ...]:
    """What a failed attempt counts as errors: its findings by signature, the first hundred.

    They are stored together with the attempt, so that one that crashed counts none.
    """
    return tuple(
        ErrorDraft(
            finding.code,
            finding.signature,
            finding.message,
            {"path": finding.path, "line": finding.line, "ws_id": ws_id},
        )
        for finding in islice(findings, 100)
        if finding.severity is not Severity.INFO and finding.signature
    )


def past(context: RunContext, record: WorkstreamRecord, *steps: Step) -> tuple[StepAttempt, ...]:
    """The finished attempts of this generation, oldest first; crashed ones do not count."""
    return tuple(
        attempt
        for attempt in context.ledger.attempts(
            context.run_id, record.ws_id, generation=record.generation
        )
        if attempt.state in (AttemptState.SUCCEEDED, AttemptState.FAILED)
        and (not steps or attempt.step in steps)
    )
