"""What becomes of a change that is not accepted: another attempt, quarantine, or failure."""

from pipeline.flow.attempts import errors_of
from pipeline.flow.change import Change
from pipeline.flow.conflicts import is_conflict_round
from pipeline.flow.context import RunContext
from pipeline.flow.review import Left, give_to_person
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.record import WorkstreamRecord
from pipeline.model.states import WorkstreamState


def refused(context: RunContext, record: WorkstreamRecord, change: Change) -> WorkstreamRecord:
    """Keep the evidence and stay where we are, for another attempt with feedback."""
    return context.ledger.update(
        context.run_id,
        record.ws_id,
        record.state,
        changes={"attempts": record.attempts + 1},
        events=(*change.events, *_kept(change)),
        attempt=change.attempt,
        patch=change.stored_patch,
        errors=errors_of(record.ws_id, change.findings),
    )


def give_up(
    context: RunContext, record: WorkstreamRecord, change: Change, *, code: str = ""
) -> WorkstreamRecord:
    """End the workstream: quarantined where a patch is worth keeping, else failed.

    Where a person is to be asked what becomes of the work, it awaits that review.
    """
    left = Left(
        change.attempt,
        change.stored_patch,
        (*change.events, *_kept(change)),
        errors_of(record.ws_id, change.findings),
        change.findings,
        {"attempts": record.attempts + 1, "findings": record.findings + len(change.findings)},
    )
    code = code or change.reason_code
    if change.text or is_conflict_round(context, record):
        asked = give_to_person(context, record, change.reason, code=code, left=left)
        if asked is not None:
            return asked
    target = WorkstreamState.QUARANTINED if change.text else WorkstreamState.FAILED
    return context.ledger.move(
        context.run_id,
        record.ws_id,
        record.state,
        target,
        change.message,
        changes={
            "attempts": record.attempts + 1,
            "reason": change.reason,
            "reason_code": code,
            "patch_id": change.patch_id or record.patch_id,
            "findings": record.findings + len(change.findings),
        },
        events=(*change.events, *_kept(change)),
        attempt=change.attempt,
        patch=change.stored_patch,
        errors=errors_of(record.ws_id, change.findings),
    )


def _kept(change: Change) -> tuple[EventDraft, ...]:
    if not change.text:
        return ()
    return (
        EventDraft(
            EventType.PATCH_QUARANTINED,
            f"Patch {change.patch_id[:12]} is kept in quarantine: {change.reason}",
            level=Level.WARNING,
            step=change.attempt.step,
            attempt_id=change.attempt.attempt_id,
            payload={"patch_id": change.patch_id, "reason": change.reason},
        ),
    )
