"""How states look: one colour and one order, wherever they are printed."""

from collections import Counter
from collections.abc import Iterable, Mapping

from pipeline.base.console import Cell
from pipeline.model.money import dollars
from pipeline.model.states import FINAL, RunState, WorkstreamState

_W, _R = WorkstreamState, RunState

ORDER = (
    _W.DONE,
    *(state for state in WorkstreamState if state not in FINAL),
    _W.FAILED,
    _W.QUARANTINED,
    _W.BLOCKED,
    _W.ABANDONED,
)
"""States as they are counted: what is done first, what is lost last."""

_COLOURS: Mapping[str, str] = {
    _W.DONE: "green",
    _W.CHECKED: "green",
    _W.FAILED: "red",
    _W.QUARANTINED: "red",
    _W.BLOCKED: "yellow",
    _W.ABANDONED: "yellow",
    _W.AWAITING_REVIEW: "magenta",
    _W.PENDING: "dim",
    _W.READY: "dim",
    _R.COMPLETED: "green",
    _R.PARTIAL: "yellow",
    _R.INTERRUPTED: "yellow",
    _R.CANCELLED: "yellow",
}


def colour(state: str) -> str:
    """The style of a state of a run or a workstream, for ``Paint``."""
    return _COLOURS.get(state, "cyan")


def state_cell(state: str) -> Cell:
    """A state as a field of a table."""
    return Cell(words(state), colour(state))


def words(state: str) -> str:
    """A state in words: ``static check``."""
    return state.replace("_", " ")


def totals(states: Iterable[WorkstreamState]) -> dict[str, int]:
    """How many workstreams are in each state, without those that none is in."""
    found = Counter(states)
    return {str(state): found[state] for state in ORDER if found[state]}


def headline(counts: Mapping[str, int]) -> str:
    """Counts as a clause: ``5 of 7 done, 1 quarantined, 1 blocked``."""
    everything = sum(counts.values())
    done = counts.get(_W.DONE, 0)
    rest = [f"{number} {words(state)}" for state, number in counts.items() if state != _W.DONE]
    return ", ".join([f"{done} of {everything} done", *rest])


def cost_in_words(costs: Mapping[str, int]) -> str:
    """What agents cost in sum: ``$0.1234``, ``$0.1234 and 2 unknown``."""
    known = dollars(costs["cost_nusd"])
    if not costs["unknown"]:
        return known
    is_all = costs["unknown"] == costs["attempts"]
    return "an unknown amount" if is_all else f"{known} and {costs['unknown']} unknown"
