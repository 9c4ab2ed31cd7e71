"""FIX: climb the repair ladder by one rung after a red gate, or end at a breaker."""

from collections.abc import Iterator, Mapping, Sequence

from pipeline.base.errors import InputError
from pipeline.flow import backoff
from pipeline.flow.asking import is_of_surroundings, next_tool, own_tool, tell_fallback
from pipeline.flow.attempts import past
from pipeline.flow.change import Change, make_change
from pipeline.flow.classifying import classified
from pipeline.flow.context import RunContext
from pipeline.flow.editing import accept
from pipeline.flow.feedback import after_red
from pipeline.flow.mechanical import PROFILE, MechanicalEditor
from pipeline.flow.refusing import give_up, refused
from pipeline.flow.review import Left, give_to_person
from pipeline.model.check import ToolProfile, ToolType
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.record import AttemptState, Step, StepAttempt, WorkstreamRecord
from pipeline.model.states import WorkstreamState
from pipeline.model.verdict import CheckResult, Result, Verdict
from pipeline.repair.breakers import AGENT, MECHANICAL, TOOL, Trip, TripKind, facts
from pipeline.repair.ladder import Rung, next_rung
from pipeline.repair.ladder_states import position
from pipeline.work.editors import find_editor

_NO_FEEDBACK = "the tool takes no feedback"


def fix(context: RunContext, record: WorkstreamRecord) -> WorkstreamRecord:
    """One rung of the ladder; the record stays in ``fixing`` when the next one may follow."""
    history = past(context, record)
    found = _climb(context, record, history)
    if isinstance(found, Trip):
        return _quarantine(context, record, found, _last_red(history))
    rung, profile = found
    if rung.is_free:
        change = _run_fixer(context, record, history, rung, profile)
    else:
        change = _ask(context, record, history, rung, profile)
    if change.is_accepted:
        return accept(context, record, change)
    may_go_on = rung.is_free or is_of_surroundings(context, change.attempt)
    if change.is_fault and not may_go_on:
        return give_up(context, record, change)
    return refused(context, record, change)


def _climb(
    context: RunContext, record: WorkstreamRecord, history: Sequence[StepAttempt]
) -> tuple[Rung, ToolProfile] | Trip:
    """The next rung with the tool for it; a rung without one is passed over."""
    ws = context.workstream(record.ws_id)
    repair = context.config.repair
    closed: dict[str, str] = {}
    while True:
        rungs = tuple(_rungs(context, record, closed))
        step = next_rung(
            rungs,
            facts(history),
            ws.limits(Step.FIX),
            rung_attempts=repair.rung_attempts,
            last_verdict=_last_red(history),
        )
        if isinstance(step, Trip):
            return step
        rung = next(rung for rung in rungs if rung.name == step.rung)
        if rung.is_free:
            is_built_in = rung.name == MECHANICAL
            return rung, PROFILE if is_built_in else context.config.tools[rung.name]
        made = _made_on(history, rung.name)
        try:
            profile = next_tool(context, record, Step.FIX, made, rung.name)
        except InputError as error:
            closed[rung.name] = str(error).rstrip(".")
            continue
        if profile is not None and _takes_feedback(profile):
            return rung, profile
        why = f"{made[-1].reason.rstrip('.')}; no other tool is left" if made else _NO_FEEDBACK
        closed[rung.name] = why


def _rungs(
    context: RunContext, record: WorkstreamRecord, closed: Mapping[str, str]
) -> Iterator[Rung]:
    """The configured rungs; a profile that is no agent and takes no feedback is a fixer."""
    fix = context.workstream(record.ws_id).fix
    for name in context.config.repair.fix if fix is None else fix:
        if name in closed:
            yield Rung(name, closed=closed[name])
        elif name in (MECHANICAL, AGENT):
            yield Rung(name, is_free=name == MECHANICAL)
        else:
            is_own = name == TOOL
            profile = own_tool(context, record) if is_own else context.config.tools.get(name)
            if profile is None or _takes_feedback(profile):
                yield Rung(name, closed="" if profile else "there is no such tool")
            elif is_own or profile.type is ToolType.AI:
                yield Rung(name, closed=_NO_FEEDBACK)
            else:
                yield Rung(name, is_free=True)


def _takes_feedback(profile: ToolProfile) -> bool:
    return find_editor(profile.driver).takes_feedback(profile)


def _made_on(history: Sequence[StepAttempt], rung: str) -> tuple[StepAttempt, ...]:
    return tuple(a for a in history if a.step is Step.FIX and a.details.get("rung") == rung)


def _run_fixer(
    context: RunContext,
    record: WorkstreamRecord,
    history: Sequence[StepAttempt],
    rung: Rung,
    profile: ToolProfile,
) -> Change:
    is_built_in = rung.name == MECHANICAL
    editor = MechanicalEditor(context, record) if is_built_in else find_editor(profile.driver)
    change = make_change(
        context,
        record,
        editor,
        profile,
        step=Step.FIX,
        number=_number(history),
        feedback=None,
        details={
            "rung": rung.name,
            "is_fixer": True,
            "ladder": position(facts(history)).then(is_free=True).name,
        },
    )
    return classified(context, change, _made_on(history, rung.name))


def _ask(
    context: RunContext,
    record: WorkstreamRecord,
    history: Sequence[StepAttempt],
    rung: Rung,
    profile: ToolProfile,
) -> Change:
    made = _made_on(history, rung.name)
    tell_fallback(context, record, Step.FIX, made, profile)
    backoff.wait(context, made, profile.id)
    change = make_change(
        context,
        record,
        find_editor(profile.driver),
        profile,
        step=Step.FIX,
        number=_number(history),
        feedback=after_red(context, record),
        details={
            "rung": rung.name,
            "ladder": position(facts(history)).then(is_free=False).name,
        },
    )
    return classified(context, change, made)


def _number(history: Sequence[StepAttempt]) -> int:
    return sum(a.step is Step.FIX for a in history) + 1


def _last_red(history: Sequence[StepAttempt]) -> Verdict:
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
    code = f"breaker_{trip.kind.value}"
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
    asked = give_to_person(context, record, reason, code=code, left=Left(events=events[:1]))
    if asked is not None:
        return asked
    return context.ledger.move(
        context.run_id,
        record.ws_id,
        WorkstreamState.FIXING,
        WorkstreamState.QUARANTINED,
        f"{record.ws_id} is quarantined: {reason}",
        changes={"reason": reason, "reason_code": code},
        events=events if record.patch_id else events[:1],
    )
