"""What becomes of work that cannot land: edited once more, asked about, or quarantined."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.base.git import Conflict
from pipeline.flow.attempts import Attempt, errors_of, finished
from pipeline.flow.batches import RedTree
from pipeline.flow.choosing import takes_feedback
from pipeline.flow.conflicts import CODE as CONFLICT
from pipeline.flow.conflicts import details_of, found_others
from pipeline.flow.context import RunContext
from pipeline.flow.review import Left, ask_review, give_to_person
from pipeline.land.merge import Integration, conflict_sentence, conflict_text
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.finding import Finding
from pipeline.model.record import Step, StepAttempt, WorkstreamRecord
from pipeline.model.review import ReviewKind
from pipeline.model.states import WorkstreamState


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why work cannot land: a sentence, a code, the evidence, and the event that tells of it."""

    reason: str
    code: str
    findings: tuple[Finding, ...]
    event: EventDraft
    details: Mapping[str, Any] = field(default_factory=dict)


def conflicting(
    context: RunContext,
    record: WorkstreamRecord,
    tip: Integration,
    conflicts: tuple[Conflict, ...],
) -> Refusal:
    """The refusal of work that conflicts with what landed before it, up to ``tip``."""
    reason = f"it conflicts with what landed before it, in {conflict_sentence(conflicts)}."
    findings = tuple(
        Finding(
            "merge",
            c.kind,
            f"merge conflict ({c.kind})",
            path=c.path,
            signature=f"merge::{c.kind}::{c.path.decode('utf-8', 'backslashreplace')}",
        )
        for c in conflicts
    )
    event = EventDraft(
        EventType.MERGE_CONFLICT,
        f"{record.ws_id}: {reason}",
        level=Level.WARNING,
        step=Step.MERGE,
        payload={"paths": [c.path for c in conflicts], "onto": tip.commit},
    )
    text = conflict_text(conflicts).decode("utf-8", "backslashreplace")
    along = found_others(context, record, tip.commit, conflicts)
    details = {"conflict": text, **details_of(conflicts, along)}
    return Refusal(reason, CONFLICT, findings, event, details)


def turning_red(record: WorkstreamRecord, red: RedTree) -> Refusal:
    """The refusal of work that turned the merged tree red."""
    event = EventDraft(
        EventType.GATE_FAILED,
        f"{record.ws_id}: {red.reason}",
        level=Level.WARNING,
        step=Step.MERGE,
        payload=red.payload,
    )
    return Refusal(red.reason, red.code, red.findings, event)


def refuse(
    context: RunContext, record: WorkstreamRecord, refusal: Refusal, tip: Integration
) -> WorkstreamRecord:
    """Send a workstream that is ``merging`` back to editing once, where its tool takes feedback.

    Else a person is asked, where that is wanted, or the work is kept in quarantine. What a
    person approved is not edited behind their back: they are asked again.
    """
    is_approved = context.answered.approval(record) is not None
    can_return = (
        not is_approved
        and refusal.code != "infrastructure"
        and record.returns == 0
        and takes_feedback(context, context.workstream(record.ws_id))
    )
    attempt = Attempt(context, record, Step.MERGE, "merge", record.returns + 1).start()
    stored = attempt.finish(
        is_good=False,
        reason=refusal.reason,
        findings=refusal.findings,
        details={"code": refusal.code, **refusal.details},
    )
    if can_return:
        return _send_back(context, record, refusal, tip, stored)
    asked = _asked(context, record, refusal, stored)
    return asked or _quarantine(context, record, refusal, stored)


def _send_back(
    context: RunContext,
    record: WorkstreamRecord,
    refusal: Refusal,
    tip: Integration,
    stored: StepAttempt,
) -> WorkstreamRecord:
    message = f"{record.ws_id} goes back to editing: {refusal.reason}"
    changes = {
        "returns": record.returns + 1,
        "start_commit": tip.commit,
        "commit": tip.commit,
        "tree": tip.tree,
        "findings": record.findings + len(refusal.findings),
    }
    return context.ledger.move(
        context.run_id,
        record.ws_id,
        WorkstreamState.MERGING,
        WorkstreamState.EDITING,
        message,
        changes=changes,
        events=(refusal.event, finished(stored, message)),
        attempt=stored,
        errors=errors_of(record.ws_id, refusal.findings),
    )


def _asked(
    context: RunContext, record: WorkstreamRecord, refusal: Refusal, stored: StepAttempt
) -> WorkstreamRecord | None:
    told = finished(stored, f"{record.ws_id} could not land: {refusal.reason}")
    left = Left(
        attempt=stored,
        events=(refusal.event, told),
        errors=errors_of(record.ws_id, refusal.findings),
        findings=refusal.findings,
        changes={"findings": record.findings + len(refusal.findings)},
    )
    kind = ReviewKind.CONFLICT if refusal.code == CONFLICT else None
    review = context.answered.newest(record.ws_id)
    if review is not None and context.answered.approval(record) is not None:
        return ask_review(context, record, kind or review.kind, refusal.reason, left=left)
    return give_to_person(context, record, refusal.reason, code=refusal.code, left=left, kind=kind)


def _quarantine(
    context: RunContext, record: WorkstreamRecord, refusal: Refusal, stored: StepAttempt
) -> WorkstreamRecord:
    message = f"{record.ws_id} is quarantined: {refusal.reason}"
    kept = EventDraft(
        EventType.PATCH_QUARANTINED,
        f"Patch {record.patch_id[:12]} is kept in quarantine: {refusal.reason}",
        level=Level.WARNING,
        step=Step.MERGE,
        payload={"patch_id": record.patch_id, "reason": refusal.reason},
    )
    return context.ledger.move(
        context.run_id,
        record.ws_id,
        WorkstreamState.MERGING,
        WorkstreamState.QUARANTINED,
        message,
        changes={
            "reason": refusal.reason,
            "reason_code": refusal.code,
            "findings": record.findings + len(refusal.findings),
        },
        events=(refusal.event, *((kept,) if record.patch_id else ()), finished(stored, message)),
        attempt=stored,
        errors=errors_of(record.ws_id, refusal.findings),
    )
