"""Where the repair of a workstream is, read from the attempts that are stored.

Nothing stores these states, so a run that is carried on is where it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.model.ladder import LadderState
from pipeline.model.record import Step
from pipeline.repair.breakers import AttemptFacts

_L = LadderState

_RECHECKS: Mapping[LadderState, LadderState] = {
    _L.INIT: _L.BASELINE,
    _L.BASELINE: _L.BASELINE,
    _L.MECHANICAL_FIX: _L.MECHANICAL_RECHECK,
    _L.MECHANICAL_RECHECK: _L.MECHANICAL_RECHECK,
    _L.AGENT: _L.AGENT_RECHECK,
    _L.AGENT_RECHECK: _L.AGENT_RECHECK,
    _L.SUCCESS: _L.BASELINE,
}


@dataclass(frozen=True, slots=True)
class Position:
    """A state; ``number`` counts the tools that were asked, up to and with the present one."""

    state: LadderState = LadderState.INIT
    number: int = 0

    @property
    def name(self) -> str:
        """The state's name, such as ``baseline`` or ``agent_2``."""
        return f"agent_{self.number}" if self.state is LadderState.AGENT else self.state.value

    def then(self, *, is_free: bool) -> "Position":
        """The state in which the next fix is: of a free rung, or one for which a tool is asked."""
        if is_free:
            return Position(LadderState.MECHANICAL_FIX, self.number)
        return Position(LadderState.AGENT, self.number + 1)


def position(history: Sequence[AttemptFacts], *, is_over: bool = False) -> Position:
    """Where a history of finished attempts of one generation, oldest first, has come to.

    ``is_over`` is set where the ladder has ended without a green tree.
    """
    return positions(history, is_over=is_over)[-1]


def positions(history: Sequence[AttemptFacts], *, is_over: bool = False) -> tuple[Position, ...]:
    """The whole way, beginning at ``init``; attempts that say nothing lead nowhere."""
    way = [Position()]
    for fact in history:
        if fact.counts:
            way.append(_next(way[-1], fact))
    if is_over and way[-1].state is not LadderState.QUARANTINE:
        way.append(Position(LadderState.QUARANTINE, way[-1].number))
    return tuple(way)


def _next(now: Position, fact: AttemptFacts) -> Position:
    if fact.step is Step.EDIT:
        return Position()
    if fact.step is Step.FIX:
        return now.then(is_free=fact.is_free)
    if fact.step is Step.RUNTIME and fact.is_green:
        return Position(LadderState.SUCCESS, now.number)
    if fact.step in (Step.STATIC, Step.RUNTIME):
        return Position(_RECHECKS[now.state], now.number)
    return now
