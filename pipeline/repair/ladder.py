"""The repair ladder: which rung comes after a red gate, or why there is none.

The rung ``tool`` asks the workstream's EDIT tool again, with the findings and the last diff; it
is the last one wherever it stands, and breakers bound it. All other rungs (``mechanical`` first
of all) are free: they cost no attempt, and come in their order before each attempt of the tool,
each once for what the tool left red, and never twice on one tree.

The ladder always ends: ``bound`` says after how many climbs, whatever tools and gates answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.base.errors import BugError
from pipeline.model.edit import Feedback
from pipeline.model.record import Step
from pipeline.model.verdict import Result, Verdict
from pipeline.model.workstream import BreakerLimits
from pipeline.repair.breakers import (
    TOOL,
    AttemptFacts,
    Trip,
    TripKind,
    attempts_spent,
    oscillation,
    repeats,
)

MECHANICAL = "mechanical"


@dataclass(frozen=True, slots=True)
class Climb:
    """The rung to take; ``feedback`` is set for the one that asks the tool."""

    rung: str
    feedback: Feedback | None = None


def next_rung(
    rungs: Sequence[str],
    history: Sequence[AttemptFacts],
    limits: BreakerLimits,
    *,
    takes_feedback: bool,
    last_verdict: Verdict,
    last_diff: bytes = b"",
) -> Climb | Trip:
    """Return the next rung after a red gate, or why the ladder ends.

    ``history`` are the finished attempts of this generation, oldest first; ``limits`` are those
    of the step FIX. An oscillation ends the ladder at once; a repeated error or a spent number
    of attempts ends it when no free rung is left. Raises BugError for a gate that is not red.
    """
    if last_verdict.result is not Result.FAILED:
        raise BugError(f"The gate {last_verdict.gate} is {last_verdict.result}, not failed.")
    known = [fact for fact in history if not fact.is_crashed]
    ended = oscillation(known, limits)
    free = _free_rung(rungs, known, last_verdict.tree)
    if ended is None and free is not None:
        return Climb(free)
    ended = (
        ended
        or _no_tool(rungs, known, takes_feedback)
        or repeats(known, limits)
        or attempts_spent(known, limits, Step.FIX)
    )
    return ended or Climb(TOOL, _feedback(known, last_verdict, last_diff))


def bound(rungs: Sequence[str], limits: BreakerLimits, *, edits: int = 1) -> int:
    """Return how many climbs there can be at most in a history with so many edits."""
    asks = max(0, limits.max_attempts) if TOOL in rungs else 0
    return asks + (asks + edits) * len({rung for rung in rungs if rung != TOOL})


def _free_rung(rungs: Sequence[str], history: Sequence[AttemptFacts], tree: str) -> str | None:
    """Return the first free rung not taken since the tool changed something, nor on this tree."""
    taken: set[str] = set()
    for fact in history:
        if fact.is_free:
            taken.add(fact.rung)
        elif fact.is_change and not fact.is_refused and not fact.is_unchanged:
            taken.clear()
    taken |= {fact.rung for fact in history if fact.is_free and fact.start_tree == tree}
    return next((rung for rung in rungs if rung not in (TOOL, *taken)), None)


def _no_tool(
    rungs: Sequence[str], history: Sequence[AttemptFacts], takes_feedback: bool
) -> Trip | None:
    """Return why the tool is not asked (again), where that is not a breaker's matter."""
    tried = ", ".join(dict.fromkeys(rung for rung in rungs if rung != TOOL)) or "none"
    if TOOL not in rungs:
        reason = f"No rung is left (tried: {tried}); the ladder does not ask the tool."
        return Trip(TripKind.EXHAUSTED, reason)
    if not takes_feedback:
        reason = f"No rung is left (tried: {tried}); the tool takes no feedback."
        return Trip(TripKind.EXHAUSTED, reason)
    asked = [fact for fact in history if fact.step is Step.FIX and not fact.is_free]
    if not asked or not asked[-1].is_unchanged:
        return None
    reason = f"The tool changed nothing when it was asked last (asked {len(asked)} times)."
    return Trip(TripKind.EXHAUSTED, reason, (asked[-1].tree,))


def _feedback(history: Sequence[AttemptFacts], verdict: Verdict, last_diff: bytes) -> Feedback:
    red = [check.check for check in verdict.checks if check.result is Result.FAILED]
    asked = sum(fact.step is Step.FIX and not fact.is_free for fact in history)
    return Feedback(
        reason=f"The gate {verdict.gate} is red: {', '.join(red)} failed.",
        findings=verdict.findings,
        last_diff=last_diff,
        attempt=asked + 1,
    )
