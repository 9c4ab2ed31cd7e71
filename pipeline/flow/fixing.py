"""FIX: climb the repair ladder by one rung after a red gate, or end at a breaker."""

from pipeline.flow.attempts import past
from pipeline.flow.change import make_change
from pipeline.flow.context import RunContext
from pipeline.flow.editing import accept
from pipeline.flow.feedback import after_red
from pipeline.flow.mechanical import PROFILE, MechanicalEditor
from pipeline.flow.refusing import give_up, refused
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.record import AttemptState, Step, StepAttempt, WorkstreamRecord
from pipeline.model.states import WorkstreamState
from pipeline.model.verdict import CheckResult, Result, Verdict
from pipeline.repair.breakers import Trip, TripKind, facts
from pipeline.repair.ladder import MECHANICAL, next_rung
from pipeline.work.editors import find_editor


def fix(context: RunContext, record: WorkstreamRecord) -> WorkstreamRecord:
    """One rung of the ladder; the record stays in ``fixing`` when the next one may follow."""
    ws = context.workstream(record.ws_id)
    history = past(context, record)
    profile = context.config.tools[ws.tool]
    editor = find_editor(profile.driver)
    step = next_rung(
        context.config.repair.fix if ws.fix is None else ws.fix,
        facts(history),
        ws.limits(Step.FIX),
        takes_feedback=editor.takes_feedback(profile),
        last_verdict=_last_red(history),
    )
    if isinstance(step, Trip):
        return _quarantine(context, record, step, _last_red(history))
    is_mechanical = step.rung == MECHANICAL
    change = make_change(
        context,
        record,
        MechanicalEditor(context, record) if is_mechanical else editor,
        PROFILE if is_mechanical else profile,
        step=Step.FIX,
        number=sum(a.step is Step.FIX for a in history) + 1,
        feedback=None if is_mechanical else after_red(context, record),
        details={"rung": step.rung},
    )
    if change.is_accepted:
        return accept(context, record, change)
    if change.is_fault:
        return give_up(context, record, change)
    return refused(context, record, change)


def _last_red(history: tuple[StepAttempt, ...]) -> Verdict:
    """The verdict of the last red gate, as far as the ladder needs it."""
    red = next(
        a
        for a in reversed(history)
        if a.step in (Step.STATIC, Step.RUNTIME) and a.state is AttemptState.FAILED
    )
    gate = str(red.details.get("gate", red.step))
    check = CheckResult(gate, Result.FAILED, "", findings=red.findings, reason=red.reason)
    return Verdict(gate, red.result_tree, Result.FAILED, (check,))


def _quarantine(
    context: RunContext, record: WorkstreamRecord, trip: Trip, red: Verdict
) -> WorkstreamRecord:
    why = red.checks[0].reason or f"the {red.gate} gate is red."
    reason = f"{why} {trip.reason}"
    kind = (
        EventType.OSCILLATION_DETECTED
        if trip.kind is TripKind.OSCILLATION
        else EventType.BREAKER_TRIPPED
    )
    events = (
        EventDraft(
            kind,
            f"{record.ws_id}: {trip.reason}",
            level=Level.WARNING,
            step=Step.FIX,
            payload={"kind": trip.kind.value, "evidence": list(trip.evidence)},
        ),
        EventDraft(
            EventType.PATCH_QUARANTINED,
            f"Patch {record.patch_id[:12]} is kept in quarantine: {reason}",
            level=Level.WARNING,
            step=Step.FIX,
            payload={"patch_id": record.patch_id, "reason": reason},
        ),
    )
    return context.ledger.move(
        context.run_id,
        record.ws_id,
        WorkstreamState.FIXING,
        WorkstreamState.QUARANTINED,
        f"{record.ws_id} is quarantined: {reason}",
        changes={"reason": reason, "reason_code": f"breaker_{trip.kind.value}"},
        events=events if record.patch_id else events[:1],
    )
