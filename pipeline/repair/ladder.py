"""The repair ladder: which rung comes after a red gate, or why there is none.

Free rungs (``mechanical``, and profiles that repair without being told what is wrong) cost no
attempt. They come in their order before each attempt of a tool, wherever they stand, each once
for what the tool left red, and never twice on one tree.

Asking rungs ask a tool, with the findings and the last diff: ``tool`` the workstream's own,
``agent`` the one that the routing chooses, any other the profile of that name. They are climbed
in their order. One is left for the next when it was asked as often as a rung may be, when it
changed nothing, or when an error came back too often under its hands; the breakers' number of
attempts bounds them all together.

The ladder always ends: ``bound`` says after how many climbs, whatever tools and gates answer.
Attempts that failed for the surroundings are none of these; whoever asks tools bounds them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.base.errors import BugError
from pipeline.model.edit import Feedback
from pipeline.model.verdict import Result, Verdict
from pipeline.model.workstream import BreakerLimits
from pipeline.repair.breakers import (
    AttemptFacts,
    Trip,
    TripKind,
    attempts_spent,
    oscillation,
    repeats,
)


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung; ``closed`` says why it cannot be climbed, as the rest of a sentence."""

    name: str
    is_free: bool = False
    closed: str = ""


@dataclass(frozen=True, slots=True)
class Climb:
    """The rung to take; ``feedback`` is set for one that asks a tool."""

    rung: str
    feedback: Feedback | None = None


def next_rung(
    rungs: Sequence[Rung],
    history: Sequence[AttemptFacts],
    limits: BreakerLimits,
    *,
    rung_attempts: int,
    last_verdict: Verdict,
    last_diff: bytes = b"",
) -> Climb | Trip:
    """Return the next rung after a red gate, or why the ladder ends.

    ``history`` are the finished attempts of this generation, oldest first; ``limits`` are those
    of the step FIX, ``rung_attempts`` how often one rung may be asked. An oscillation ends the
    ladder at once, anything else when no free rung is left. Raises BugError for a gate that is
    not red.
    """
    if last_verdict.result is not Result.FAILED:
        raise BugError(f"The gate {last_verdict.gate} is {last_verdict.result}, not failed.")
    known = [fact for fact in history if fact.counts]
    ended = oscillation(known, limits)
    if ended is not None:
        return ended
    free = _free_rung(rungs, known, last_verdict.tree)
    if free is not None:
        return Climb(free)
    spent: list[Trip] = []
    for rung in (rung for rung in rungs if not rung.is_free):
        trip = _spent(rung, known, limits, rung_attempts, is_first=not spent)
        if trip is None:
            ended = attempts_spent(known, limits)
            return ended or Climb(rung.name, _feedback(known, last_verdict, last_diff))
        spent.append(trip)
    return _ended(rungs, spent, known, limits)


def bound(
    rungs: Sequence[Rung], limits: BreakerLimits, *, rung_attempts: int, edits: int = 1
) -> int:
    """Return how many climbs there can be at most in a history with so many edits."""
    asking = len({rung.name for rung in rungs if not rung.is_free})
    asks = min(max(0, limits.max_attempts), max(0, rung_attempts) * asking)
    return asks + (asks + edits) * len({rung.name for rung in rungs if rung.is_free})


def _free_rung(rungs: Sequence[Rung], history: Sequence[AttemptFacts], tree: str) -> str | None:
    """Return the first free rung not taken since a tool changed something, nor on this tree."""
    taken: set[str] = set()
    for fact in history:
        if fact.is_free:
            taken.add(fact.rung)
        elif fact.is_change and not fact.is_refused and not fact.is_unchanged:
            taken.clear()
    taken |= {fact.rung for fact in history if fact.is_free and fact.start_tree == tree}
    return next((rung.name for rung in rungs if rung.is_free and rung.name not in taken), None)


def _spent(
    rung: Rung,
    history: Sequence[AttemptFacts],
    limits: BreakerLimits,
    rung_attempts: int,
    *,
    is_first: bool,
) -> Trip | None:
    """Return why a rung that asks is not climbed (again), ``None`` where it is."""
    if rung.closed:
        return Trip(TripKind.EXHAUSTED, f"{rung.name}: {rung.closed}")
    asked = [at for at, fact in enumerate(history) if fact.is_asking and fact.rung == rung.name]
    last = history[asked[-1]] if asked else None
    if last is not None and last.is_unchanged and not last.has_failed:
        reason = f"{rung.name} changed nothing when it was asked last ({_times(len(asked))})"
        return Trip(TripKind.EXHAUSTED, reason, (last.tree,))
    # Another rung's failures are not held against this one.
    began = 0 if is_first or not asked else _gate_before(history, asked[0])
    came_back = repeats(history[began:], limits) if asked or is_first else None
    if came_back is not None:
        return came_back
    if len(asked) < rung_attempts:
        return None
    reason = f"{rung.name} was {_times(len(asked))} (at most {rung_attempts})"
    return Trip(TripKind.EXHAUSTED, reason, tuple(f"fix {history[at].number}" for at in asked))


def _times(number: int) -> str:
    return "asked once" if number == 1 else f"asked {number} times"


def _gate_before(history: Sequence[AttemptFacts], position: int) -> int:
    """Where the gate stands that was red when an attempt was made."""
    return next((at for at in range(position, -1, -1) if history[at].signatures), position)


def _ended(
    rungs: Sequence[Rung],
    spent: Sequence[Trip],
    history: Sequence[AttemptFacts],
    limits: BreakerLimits,
) -> Trip:
    """Return the end of a ladder of which every rung is spent; the last one tells most."""
    if spent and spent[-1].kind is not TripKind.EXHAUSTED:
        return spent[-1]
    made = attempts_spent(history, limits) if any(f.is_asking for f in history) else None
    if made is not None and not history[-1].is_unchanged:
        return made
    tried = ", ".join(dict.fromkeys(rung.name for rung in rungs if rung.is_free)) or "none"
    if not spent:
        reason = f"No rung is left (tried: {tried}); the ladder does not ask a tool."
        return Trip(TripKind.EXHAUSTED, reason)
    said = "; ".join(trip.reason.rstrip(".") for trip in spent)
    return Trip(TripKind.EXHAUSTED, f"No rung is left: {said}.", spent[-1].evidence)


def _feedback(history: Sequence[AttemptFacts], verdict: Verdict, last_diff: bytes) -> Feedback:
    red = [check.check for check in verdict.checks if check.result is Result.FAILED]
    return Feedback(
        reason=f"The gate {verdict.gate} is red: {', '.join(red)} failed.",
        findings=verdict.findings,
        last_diff=last_diff,
        attempt=sum(fact.is_asking for fact in history) + 1,
    )
