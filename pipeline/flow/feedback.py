"""What the next attempt is told, read from what the last ones left in the store."""

from collections.abc import Sequence

from pipeline.flow.attempts import past
from pipeline.flow.context import RunContext
from pipeline.model.edit import Feedback
from pipeline.model.record import AttemptState, Step, StepAttempt, WorkstreamRecord
from pipeline.repair.breakers import TOOL


def after_edit(
    context: RunContext, record: WorkstreamRecord, rounds: Sequence[StepAttempt]
) -> Feedback | None:
    """Feedback for the next EDIT: why the last one was refused, or why landing sent it back.

    ``rounds`` are the attempts since then. The first attempt of all gets none.
    """
    if rounds:
        return _of(context, rounds[-1], attempt=len(rounds) + 1)
    if record.returns:
        merges = past(context, record, Step.MERGE)
        if merges:
            return _of(context, merges[-1], attempt=1, last_patch=record.patch_id)
    return None


def after_red(context: RunContext, record: WorkstreamRecord) -> Feedback | None:
    """Feedback for a fix: the findings of the last red gate and the last diff."""
    red = [
        a
        for a in past(context, record, Step.STATIC, Step.RUNTIME)
        if a.state is AttemptState.FAILED
    ]
    if not red:
        return None
    # What fixers that need no judgement did is nothing that a tool can learn from.
    fixes = [a for a in past(context, record, Step.FIX) if a.details.get("rung") == TOOL]
    last = _of(context, red[-1], attempt=len(fixes) + 1, last_patch=record.patch_id)
    if fixes and fixes[-1].state is AttemptState.FAILED and fixes[-1].patch_id:
        # The last fix was refused; the red gate is older than that refusal.
        return Feedback(
            reason=f"{last.reason} The last fix was refused: {fixes[-1].reason}",
            findings=(*fixes[-1].findings, *last.findings),
            last_diff=_text(context, fixes[-1].patch_id),
            attempt=len(fixes) + 1,
        )
    return last


def _of(context: RunContext, last: StepAttempt, *, attempt: int, last_patch: str = "") -> Feedback:
    return Feedback(
        reason=last.reason,
        findings=last.findings,
        last_diff=_text(context, last_patch or last.patch_id),
        conflict=str(last.details.get("conflict", "")).encode(),
        attempt=attempt,
    )


def _text(context: RunContext, patch_id: str) -> bytes:
    return context.ledger.patch_text(context.run_id, patch_id) if patch_id else b""
