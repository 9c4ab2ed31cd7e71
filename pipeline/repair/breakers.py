"""Breakers: when a loop of repairs ends, decided from what its attempts came to.

``attempts``
    as many attempts of the step as ``max_attempts`` allows have ended. Attempts that crashed
    with the engine never count, nor do those that failed for the surroundings (retries and the
    number of tools bound those) and free rungs of the ladder (the ladder bounds those).
``repeats``
    an error of the newest red gate has come back ``max_error_repeats`` times: each attempt to
    change something after which a gate still, or again, reported its signature counts once,
    however many gates saw it.
``oscillation``
    a tree was reached ``oscillation_threshold`` times. The trees are those that attempts to
    change something came to, refused ones too, in their order; a tree that follows itself is one
    visit (nothing changed, which is not an oscillation). So A→B→A trips with a threshold of 2,
    and so does A→B→C→A. Thresholds under 2 mean 2: reaching a tree once is no oscillation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.model.finding import Severity
from pipeline.model.record import AttemptState, Step, StepAttempt
from pipeline.model.workstream import BreakerLimits

MECHANICAL = "mechanical"
"""The rung of the built-in fixers, which is free."""

TOOL = "tool"
"""The rung that asks the workstream's own tool again."""

AGENT = "agent"
"""The rung that asks the tool which the routing chooses."""

_INFRASTRUCTURE = "infrastructure"

_CHANGING = frozenset({Step.EDIT, Step.FIX})


class TripKind(StrEnum):
    """Why a loop ends; ``EXHAUSTED`` is the ladder's word for having no rung left."""

    ATTEMPTS = "attempts"
    REPEATS = "repeats"
    OSCILLATION = "oscillation"
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """What breakers look at in a finished attempt.

    ``tree`` is what the attempt came to (for a gate: what it judged), empty where there is none;
    ``start_tree`` is where it began. ``signatures`` are those of a red gate. ``rung`` tells which
    rung of the ladder a fix was, and ``is_fixer`` whether that rung needs no judgement. A refused
    attempt's tree was not accepted. ``is_void``: the surroundings failed, and nothing can be
    learnt from it; ``has_failed``: the tool itself did not do its work. ``is_green`` is a gate's.
    """

    step: Step
    number: int
    tree: str = ""
    signatures: frozenset[str] = frozenset()
    start_tree: str = ""
    rung: str = ""
    is_refused: bool = False
    is_crashed: bool = False
    is_fixer: bool = False
    is_void: bool = False
    has_failed: bool = False
    is_green: bool = False

    @property
    def counts(self) -> bool:
        """Whether it says anything about the task."""
        return not (self.is_crashed or self.is_void)

    @property
    def is_change(self) -> bool:
        """Whether the attempt was made to change something."""
        return self.step in _CHANGING

    @property
    def is_free(self) -> bool:
        """Whether it was a rung that costs no attempt."""
        return self.step is Step.FIX and (self.is_fixer or self.rung == MECHANICAL)

    @property
    def is_asking(self) -> bool:
        """Whether it was a fix for which a tool was asked."""
        return self.step is Step.FIX and not self.is_free

    @property
    def is_unchanged(self) -> bool:
        """Whether it was made to change something and came out where it began."""
        return self.is_change and self.tree != "" and self.tree == self.start_tree


@dataclass(frozen=True, slots=True)
class Trip:
    """The end of a loop: a sentence with the numbers, and what it was seen by.

    ``evidence`` are signatures for ``repeats``, tree ids for ``oscillation`` (the whole way from
    the first visit to the last), attempts such as ``fix 3`` for ``attempts``.
    """

    kind: TripKind
    reason: str
    evidence: tuple[str, ...] = ()


def facts(attempts: Sequence[StepAttempt]) -> tuple[AttemptFacts, ...]:
    """Return what breakers look at, from stored attempts of one generation, oldest first."""
    return tuple(_facts(a) for a in attempts if a.state is not AttemptState.STARTED)


def trip(
    history: Sequence[AttemptFacts], limits: BreakerLimits, step: Step = Step.FIX
) -> Trip | None:
    """Return why no further attempt of ``step`` may be made, or ``None`` when it may.

    An oscillation is told before a repeated error, and that before the number of attempts: of
    several true reasons the most telling one.
    """
    return (
        oscillation(history, limits)
        or repeats(history, limits)
        or attempts_spent(history, limits, step)
    )


def attempts_spent(
    history: Sequence[AttemptFacts], limits: BreakerLimits, step: Step = Step.FIX
) -> Trip | None:
    """Trip when the step has had all its attempts."""
    made = [f for f in history if f.step is step and f.counts and not f.is_free]
    if len(made) < limits.max_attempts:
        return None
    reason = (
        f"{len(made)} attempts of the step {step} were made (at most {limits.max_attempts} are), "
        "and it is still not good."
    )
    return Trip(TripKind.ATTEMPTS, reason, tuple(f"{step} {f.number}" for f in made))


def repeats(history: Sequence[AttemptFacts], limits: BreakerLimits) -> Trip | None:
    """Trip when an error of the newest red gate has come back too often."""
    seen: dict[str, set[int]] = {}
    newest: frozenset[str] = frozenset()
    changes = 0
    for fact in history:
        if not fact.counts:
            continue
        if fact.is_change:
            changes += not fact.is_free
        elif fact.signatures:
            newest = fact.signatures
            for signature in newest:
                seen.setdefault(signature, set()).add(changes)
    times = {signature: len(seen[signature]) - 1 for signature in newest}
    back = sorted(s for s in times if times[s] >= limits.max_error_repeats)
    if not back:
        return None
    worst = max(back, key=times.__getitem__)
    more = f" So did {len(back) - 1} more." if len(back) > 1 else ""
    reason = (
        f"The error {worst!r} came back {times[worst]} times after attempts to repair it "
        f"(the limit is {limits.max_error_repeats}).{more}"
    )
    return Trip(TripKind.REPEATS, reason, tuple(back))


def oscillation(history: Sequence[AttemptFacts], limits: BreakerLimits) -> Trip | None:
    """Trip when a tree was reached again and again."""
    threshold = max(2, limits.oscillation_threshold)
    visits: list[AttemptFacts] = []
    for fact in history:
        is_visit = fact.is_change and fact.tree and fact.counts
        if is_visit and not (visits and visits[-1].tree == fact.tree):
            visits.append(fact)
    for tree in dict.fromkeys(visit.tree for visit in reversed(visits)):
        places = [at for at, visit in enumerate(visits) if visit.tree == tree]
        if len(places) >= threshold:
            return _oscillation(visits[places[0] : places[-1] + 1], threshold)
    return None


def _oscillation(way: Sequence[AttemptFacts], threshold: int) -> Trip:
    tree = way[0].tree
    reached = [f"{f.step} {f.number}" for f in way if f.tree == tree]
    between = len({f.tree for f in way}) - 1
    reason = (
        f"The tree {tree[:12]} was reached {len(reached)} times (the limit is {threshold}), by "
        f"{', '.join(reached)}, with {between} other tree{'s' * (between != 1)} between."
    )
    return Trip(TripKind.OSCILLATION, reason, tuple(fact.tree for fact in way))


def _facts(attempt: StepAttempt) -> AttemptFacts:
    is_change = attempt.step in _CHANGING
    is_fixer = bool(attempt.details.get("is_fixer"))
    is_of_surroundings = attempt.details.get("classification") == _INFRASTRUCTURE
    return AttemptFacts(
        step=attempt.step,
        number=attempt.number,
        tree=attempt.result_tree or ("" if is_change else attempt.start_tree),
        signatures=frozenset(
            f.signature
            for f in attempt.findings
            if not is_change and f.signature and f.severity is not Severity.INFO
        ),
        start_tree=attempt.start_tree,
        rung=str(attempt.details.get("rung", "")),
        is_refused=is_change and attempt.state is AttemptState.FAILED,
        is_crashed=attempt.state is AttemptState.CRASHED,
        is_fixer=is_fixer,
        # A fixer that cannot run counts: the ladder bounds fixers by what it knows of them.
        is_void=is_change and is_of_surroundings and not is_fixer,
        has_failed=is_change and bool((attempt.details.get("agent") or {}).get("failure")),
        is_green=not is_change and attempt.state is AttemptState.SUCCEEDED,
    )
