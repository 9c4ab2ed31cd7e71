"""Asking a person: when that is wanted, and what the question holds.

``give_to_person`` is for every place that would give a workstream up: it gives the record that
then awaits review, or ``None`` where nobody is to be asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.base import clock, ids
from pipeline.flow.conflicts import is_conflict_round
from pipeline.flow.context import RunContext
from pipeline.model.agent import TRANSIENT, UNFIT
from pipeline.model.check import ToolType
from pipeline.model.event import EventDraft
from pipeline.model.finding import Finding
from pipeline.model.patch import Patch
from pipeline.model.record import (
    AttemptState,
    ErrorDraft,
    Step,
    StepAttempt,
    WorkstreamRecord,
)
from pipeline.model.review import Option, Review, ReviewKind, ReviewState, Tried
from pipeline.store.reviews import request_review
from pipeline.store.units import Extras, packed

_MAX_FINDINGS = 100
_OF_SURROUNDINGS = frozenset({"infrastructure", "input", *(f.value for f in TRANSIENT | UNFIT)})
_ADVICE = {
    Option.APPROVE: "approve: it lands if the gates of the merged tree are green.",
    Option.REJECT: "reject: it is quarantined, and what depends on it is blocked.",
    Option.ADJUST: "adjust: it begins anew with a wider scope, more tasks or checks, or advice.",
}


@dataclass(frozen=True, slots=True)
class Left:
    """What the step that asks leaves behind, stored together with the question.

    ``attempt`` is one that has just ended, ``patch`` its patch and text; ``changes`` are columns
    of the workstream.
    """

    attempt: StepAttempt | None = None
    patch: tuple[Patch, bytes] | None = None
    events: tuple[EventDraft, ...] = ()
    errors: tuple[ErrorDraft, ...] = ()
    findings: tuple[Finding, ...] = ()
    changes: Mapping[str, object] = field(default_factory=dict)


def give_to_person(
    context: RunContext,
    record: WorkstreamRecord,
    reason: str,
    *,
    code: str = "",
    left: Left = Left(),
    kind: ReviewKind | None = None,
) -> WorkstreamRecord | None:
    """Ask a person about a workstream that would be given up; ``None`` where nobody is asked.

    A person is asked where an agent took part and the configuration wants it (``review.on``):
    ``conflict`` in the round after a merge conflict, else ``ladder``. What failed for the
    surroundings alone (``code``) is no question for a reviewer.
    """
    if kind is None:
        kind = ReviewKind.CONFLICT if is_conflict_round(context, record) else ReviewKind.LADDER
    if code in _OF_SURROUNDINGS or not is_wanted(context, record, kind, left.attempt):
        return None
    return ask_review(context, record, kind, reason, left=left)


def is_wanted(
    context: RunContext,
    record: WorkstreamRecord,
    kind: ReviewKind,
    newest: StepAttempt | None = None,
) -> bool:
    """Whether the configuration asks a person for this reason; ``newest`` is not stored yet."""
    if kind.value not in context.config.review.on:
        return False
    if kind not in (ReviewKind.LADDER, ReviewKind.CONFLICT):
        return True
    attempts = _attempts(context, record)
    return any(_is_by_agent(context, a) for a in (*attempts, newest) if a is not None)


def ask_review(
    context: RunContext,
    record: WorkstreamRecord,
    kind: ReviewKind,
    reason: str,
    *,
    left: Left = Left(),
) -> WorkstreamRecord:
    """Move a workstream to ``awaiting_review`` with a question; ``reason`` is a sentence."""
    attempts = [a for a in _attempts(context, record) if a.state is not AttemptState.STARTED]
    if left.attempt is not None:
        attempts.append(left.attempt)
    asked = Review(
        review_id=ids.new_id(),
        run_id=context.run_id,
        ws_id=record.ws_id,
        generation=record.generation,
        kind=kind,
        state=ReviewState.OPEN,
        summary=" ".join(reason.split()),
        findings=(left.findings or _last_findings(attempts))[:_MAX_FINDINGS],
        attempts=tuple(map(_tried, attempts)),
        patch_ids=_patches(record, attempts),
        options=options_of(record, kind),
        advice=tuple(_ADVICE[option] for option in options_of(record, kind)),
        asked_at=clock.now(),
    )
    extras = Extras(left.events, left.attempt, packed(left.patch), left.errors)
    changes = {"reason": reason, "reason_code": f"review_{kind.value}", **left.changes}
    return request_review(context.ledger, asked, record.state, changes=changes, extras=extras)


def options_of(record: WorkstreamRecord, kind: ReviewKind) -> tuple[Option, ...]:
    """The answers that make sense: what conflicts, or holds no work, cannot be approved."""
    has_work = bool(record.commit) and record.commit != record.start_commit
    if not has_work or kind is ReviewKind.CONFLICT:
        return (Option.REJECT, Option.ADJUST)
    return tuple(Option)


def _attempts(context: RunContext, record: WorkstreamRecord) -> tuple[StepAttempt, ...]:
    return context.ledger.attempts(context.run_id, record.ws_id, generation=record.generation)


def _is_by_agent(context: RunContext, attempt: StepAttempt) -> bool:
    profile = context.config.tools.get(attempt.tool)
    is_ai = profile is not None and profile.type is ToolType.AI
    return is_ai or bool(attempt.details.get("agent"))


def _last_findings(attempts: list[StepAttempt]) -> tuple[Finding, ...]:
    failed = [a for a in attempts if a.state is AttemptState.FAILED and a.findings]
    return failed[-1].findings if failed else ()


def _patches(record: WorkstreamRecord, attempts: list[StepAttempt]) -> tuple[str, ...]:
    """All differences that were made; the one that would land comes last."""
    made = [a.patch_id for a in attempts if a.patch_id and a.step in (Step.EDIT, Step.FIX)]
    own = [record.patch_id] if record.patch_id else []
    return tuple(dict.fromkeys([*(p for p in made if p not in own), *own]))


def _tried(attempt: StepAttempt) -> Tried:
    return Tried(
        step=attempt.step.value,
        number=attempt.number,
        tool=attempt.tool,
        state=attempt.state.value,
        outcome=attempt.reason,
        attempt_id=attempt.attempt_id,
        patch_id=attempt.patch_id,
    )
