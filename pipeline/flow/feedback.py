"""What the next attempt is told, read from what the last ones left in the store."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.flow.attempts import past
from pipeline.flow.conflicts import conflict_of, sides_of
from pipeline.flow.context import RunContext
from pipeline.model.edit import Feedback
from pipeline.model.record import AttemptState, Step, StepAttempt, WorkstreamRecord
from pipeline.repair.breakers import facts

_EARLIER = 8
"""How many of the attempts before the last one are told."""


def after_edit(
    context: RunContext, record: WorkstreamRecord, rounds: Sequence[StepAttempt]
) -> Feedback | None:
    """Feedback for the next EDIT: why the last one was refused, or why landing sent it back.

    ``rounds`` are the attempts since then. The first attempt of all gets none. Of faults of the
    surroundings nothing is told: there is nothing to learn from them.
    """
    rounds = _telling(rounds)
    if rounds:
        last = _of(context, rounds[-1], attempt=len(rounds) + 1)
        told = replace(last, earlier=_sentences(rounds[:-1]))
        conflict = conflict_of(context, record)
        if conflict is None:
            return told
        return replace(told, conflict=_hunks(conflict), sides=sides_of(context, record))
    if record.returns:
        merges = past(context, record, Step.MERGE)
        if merges:
            last = _of(context, merges[-1], attempt=1, last_patch=record.patch_id)
            return replace(last, sides=sides_of(context, record))
    return after_review(context, record)


def after_review(context: RunContext, record: WorkstreamRecord) -> Feedback | None:
    """Feedback for the first EDIT after a person adjusted the workstream: what was asked about."""
    review = context.answered.newest(record.ws_id)
    if review is None or review.generation + 1 != record.generation:
        return None
    said = review.answer.message if review.answer else ""
    return Feedback(
        reason=f"The work before was not good enough: {review.summary} {said}".rstrip(),
        findings=review.findings,
        last_diff=_text(context, review.patch_ids[-1]) if review.patch_ids else b"",
    )


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
    fixes = _telling(past(context, record, Step.FIX))
    last = _of(context, red[-1], attempt=len(fixes) + 1, last_patch=record.patch_id)
    if fixes and fixes[-1].state is AttemptState.FAILED:
        # The last fix was refused; the red gate is older than that refusal.
        refused = fixes[-1]
        return Feedback(
            reason=f"{last.reason} The last fix was refused: {refused.reason}",
            findings=(*refused.findings, *last.findings),
            last_diff=_text(context, refused.patch_id) if refused.patch_id else last.last_diff,
            attempt=len(fixes) + 1,
            earlier=_sentences(fixes[:-1]),
        )
    return replace(last, earlier=_sentences(fixes))


def _telling(attempts: Sequence[StepAttempt]) -> tuple[StepAttempt, ...]:
    """The attempts from which a tool can learn something."""
    known = zip(attempts, facts(attempts), strict=True)
    return tuple(attempt for attempt, fact in known if fact.counts and not fact.is_free)


def _sentences(attempts: Sequence[StepAttempt]) -> tuple[str, ...]:
    return tuple(_sentence(attempt) for attempt in attempts[-_EARLIER:])


def _sentence(attempt: StepAttempt) -> str:
    said = attempt.reason.rstrip(".") or "its change was accepted, and a gate was red afterwards"
    return f"{attempt.step} attempt {attempt.number} with {attempt.tool}: {said}."


def _of(context: RunContext, last: StepAttempt, *, attempt: int, last_patch: str = "") -> Feedback:
    return Feedback(
        reason=last.reason,
        findings=last.findings,
        last_diff=_text(context, last_patch or last.patch_id),
        conflict=_hunks(last),
        attempt=attempt,
    )


def _hunks(attempt: StepAttempt) -> bytes:
    return str(attempt.details.get("conflict", "")).encode("utf-8", "backslashreplace")


def _text(context: RunContext, patch_id: str) -> bytes:
    return context.ledger.patch_text(context.run_id, patch_id) if patch_id else b""
