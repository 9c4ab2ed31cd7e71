"""EDIT: let a tool change a checkout, and keep or refuse what it really changed."""

from collections.abc import Sequence

from pipeline.base.errors import InputError
from pipeline.flow import backoff
from pipeline.flow.asking import (
    is_agent_failure,
    is_of_surroundings,
    next_tool,
    tell_fallback,
)
from pipeline.flow.attempts import past
from pipeline.flow.change import Change, make_change
from pipeline.flow.classifying import classified
from pipeline.flow.conflicts import is_conflict_round
from pipeline.flow.context import RunContext
from pipeline.flow.feedback import after_edit
from pipeline.flow.mechanical import PROFILE, MechanicalEditor
from pipeline.flow.refusing import give_up, refused
from pipeline.flow.review import give_to_person
from pipeline.model.event import EventDraft, EventType
from pipeline.model.finding import Severity
from pipeline.model.patch import Reason
from pipeline.model.record import AttemptState, Step, StepAttempt, WorkstreamRecord
from pipeline.model.states import WorkstreamState
from pipeline.work.editors import Editor, find_editor

_DISTURBED = Reason.CONTROL_PLANE.value


def edit(context: RunContext, record: WorkstreamRecord) -> WorkstreamRecord:
    """One EDIT attempt; the record stays in ``editing`` when another one may follow."""
    ws = context.workstream(record.ws_id)
    history = past(context, record, Step.EDIT)
    rounds = [a for a in history if a.details.get("returns", 0) == record.returns]
    part, rounds = _since_last_part(rounds)
    try:
        profile = next_tool(context, record, Step.EDIT, rounds)
    except InputError as error:
        # One bundle for which no tool is known must not stop the others.
        return _end(context, record, str(error), "input")
    if profile is None:
        last = rounds[-1]
        reason = f"{last.reason.rstrip('.')}. No other tool is left to ask."
        code = str(last.details.get("code", ""))
        return _end(context, record, reason, code, last.patch_id)
    editor: Editor = find_editor(profile.driver)
    if profile == PROFILE:
        editor = MechanicalEditor(context, record, Step.EDIT)
    tell_fallback(context, record, Step.EDIT, rounds, profile)
    backoff.wait(context, rounds, profile.id)
    change = make_change(
        context,
        record,
        editor,
        profile,
        step=Step.EDIT,
        number=len(history) + 1,
        feedback=after_edit(context, record, rounds),
        details={"part": part},
    )
    change = classified(context, change, rounds)
    if change.is_accepted:
        if _has_more_parts(change):
            return _accept_part(context, record, change)
        return accept(context, record, change)
    if is_of_surroundings(context, change.attempt):
        # Whether the same tool, another or none is asked, is decided when that is due.
        return refused(context, record, change)
    tries = sum(not is_of_surroundings(context, a) for a in rounds) + 1
    limit = ws.limits(Step.EDIT).max_attempts
    may_go_on = editor.takes_feedback(profile) or is_agent_failure(context, change.attempt)
    if may_go_on and tries < limit and not change.is_fault:
        return refused(context, record, change)
    if _was_disturbed(change) and not any(a.details.get("code") == _DISTURBED for a in rounds):
        # A person who commits or edits meanwhile looks like a tool that does: once is no proof.
        return refused(context, record, change)
    if tries > 1:
        change = change.with_event(
            EventDraft(
                EventType.BREAKER_TRIPPED,
                f"{ws.id}: {tries} attempts to edit, the limit is {limit}.",
                step=Step.EDIT,
                payload={"kind": "attempts", "count": tries, "limit": limit},
            )
        )
    return give_up(context, record, change)


def _since_last_part(rounds: Sequence[StepAttempt]) -> tuple[int, list[StepAttempt]]:
    """Which part of a task that was split by files is next, and the attempts at it."""
    done = [n for n, attempt in enumerate(rounds) if attempt.state is AttemptState.SUCCEEDED]
    return len(done) + 1, list(rounds[done[-1] + 1 :] if done else rounds)


def _has_more_parts(change: Change) -> bool:
    """Whether the prompt told of one part of the files only, and not of the last one."""
    told = change.attempt.details.get("prompt", {})
    return bool(told.get("part", 1) < told.get("parts", 1))


def _was_disturbed(change: Change) -> bool:
    """Whether all that speaks against a change is what happened around it."""
    against = [f for f in change.findings if f.severity is Severity.ERROR]
    return bool(against) and all(f.code == _DISTURBED for f in against)


def _end(
    context: RunContext, record: WorkstreamRecord, reason: str, code: str, patch_id: str = ""
) -> WorkstreamRecord:
    """End a workstream for which no tool is left; what was refused is kept already."""
    if patch_id or is_conflict_round(context, record):
        asked = give_to_person(context, record, reason, code=code)
        if asked is not None:
            return asked
    return context.ledger.move(
        context.run_id,
        record.ws_id,
        record.state,
        WorkstreamState.QUARANTINED if patch_id else WorkstreamState.FAILED,
        f"{record.ws_id}: {reason}",
        changes={
            "reason": reason,
            "reason_code": code,
            "patch_id": patch_id or record.patch_id,
        },
    )


def _is_later_part(change: Change) -> bool:
    return bool(change.attempt.details.get("part", 1) > 1)


def _accept_part(context: RunContext, record: WorkstreamRecord, change: Change) -> WorkstreamRecord:
    """Write one part of a change down and stay in ``editing`` for the next one."""
    context.anchor(record.ws_id, change.commit)
    return context.ledger.update(
        context.run_id,
        record.ws_id,
        record.state,
        changes={
            "commit": change.commit,
            "tree": change.tree,
            "patch_id": change.patch_id or record.patch_id,
            "attempts": record.attempts + 1,
        },
        events=change.events,
        attempt=change.attempt,
        patch=change.stored_patch,
    )


def accept(context: RunContext, record: WorkstreamRecord, change: Change) -> WorkstreamRecord:
    """Write an accepted change down and go to the static gate, also after a fix."""
    context.anchor(record.ws_id, change.commit)
    return context.ledger.move(
        context.run_id,
        record.ws_id,
        record.state,
        WorkstreamState.STATIC_CHECK,
        change.message,
        changes={
            "commit": change.commit,
            "tree": change.tree,
            "patch_id": change.patch_id or (record.patch_id if _is_later_part(change) else ""),
            "attempts": record.attempts + 1,
        },
        payload={"commit": change.commit, "tree": change.tree},
        events=change.events,
        attempt=change.attempt,
        patch=change.stored_patch,
    )
