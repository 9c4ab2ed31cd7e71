"""The states of the repair ladder, and the only moves between them."""

from collections.abc import Mapping
from enum import StrEnum


class LadderState(StrEnum):
    """Where the repair of a workstream is; ``AGENT`` is numbered: ``agent_1``, ``agent_2``, …"""

    INIT = "init"
    BASELINE = "baseline"
    MECHANICAL_FIX = "mechanical_fix"
    MECHANICAL_RECHECK = "mechanical_recheck"
    AGENT = "agent_n"
    AGENT_RECHECK = "agent_recheck"
    SUCCESS = "success"
    QUARANTINE = "quarantine"


_L = LadderState

_AFTER_RED = frozenset({_L.MECHANICAL_FIX, _L.AGENT, _L.QUARANTINE, _L.INIT})

LADDER_MOVES: Mapping[LadderState, frozenset[LadderState]] = {
    _L.INIT: frozenset({_L.INIT, _L.BASELINE, _L.QUARANTINE}),
    _L.BASELINE: _AFTER_RED | {_L.BASELINE, _L.SUCCESS},
    _L.MECHANICAL_FIX: _AFTER_RED | {_L.MECHANICAL_RECHECK},
    _L.MECHANICAL_RECHECK: _AFTER_RED | {_L.MECHANICAL_RECHECK, _L.SUCCESS},
    _L.AGENT: _AFTER_RED | {_L.AGENT_RECHECK},
    _L.AGENT_RECHECK: _AFTER_RED | {_L.AGENT_RECHECK, _L.SUCCESS},
    _L.SUCCESS: frozenset({_L.INIT, _L.BASELINE, _L.QUARANTINE}),
    _L.QUARANTINE: frozenset(),
}
"""A gate that is green leads to the next gate, which is a baseline or a recheck again; a new
edit, where landing or a person sent the workstream back, begins anew."""
