"""Writes ``docs/state_machine.md`` from the tables of states and moves.

``python -m pipeline.report.state_document docs/state_machine.md`` writes the file anew.
"""

import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from pipeline.model.ladder import LADDER_MOVES, LadderState
from pipeline.model.states import (
    FINAL,
    PATCH_MOVES,
    RUN_MOVES,
    STARTABLE,
    WORKING,
    WORKSTREAM_MOVES,
    PatchState,
    RunState,
    WorkstreamState,
)

State = TypeVar("State", bound=StrEnum)
_W, _R, _P, _L = WorkstreamState, RunState, PatchState, LadderState

WORKSTREAM_MEANINGS: Mapping[WorkstreamState, str] = {
    _W.PENDING: "waits for its dependencies",
    _W.READY: "may start as soon as there is room",
    _W.EDITING: "its tool makes the change",
    _W.STATIC_CHECK: "the static checks run on the captured tree",
    _W.FIXING: "a red gate is being repaired, within the breakers' limits",
    _W.RUNTIME_CHECK: "the tests and acceptance tests run on the captured tree",
    _W.CHECKED: "all its gates are green; it waits to land, its dependents may start",
    _W.MERGING: "it is being folded into the integration branch",
    _W.AWAITING_REVIEW: "a person is asked to approve, reject or adjust",
    _W.DONE: "it landed",
    _W.FAILED: "it ended without a patch worth keeping",
    _W.QUARANTINED: "it ended, and its patch is kept with the reason",
    _W.BLOCKED: "a dependency did not finish",
    _W.ABANDONED: "it was given up by a person or with its run",
}

RUN_MEANINGS: Mapping[RunState, str] = {
    _R.PENDING: "recorded, not started",
    _R.RUNNING: "workstreams are being worked on",
    _R.COMPLETED: "every workstream landed",
    _R.PARTIAL: "some workstreams landed, or reviews are open",
    _R.FAILED: "no workstream landed",
    _R.INTERRUPTED: "stopped by a signal or a crash; `pipeline run` carries on",
    _R.CANCELLED: "stopped by `pipeline cancel`; `pipeline run` carries on",
    _R.ABANDONED: "given up; it will not be carried on",
}

PATCH_MEANINGS: Mapping[PatchState, str] = {
    _P.CREATED: "captured from a tool, or read from a file",
    _P.VALIDATED: "its format, scope and policy were judged",
    _P.QUEUED: "it waits to be applied",
    _P.APPLIED: "it is the workstream's tree",
    _P.VERIFIED: "the gates are green on that tree",
    _P.COMMITTED: "the engine committed it",
    _P.APPLY_FAILED: "it does not apply to its base",
    _P.ROLLED_BACK: "it was applied and taken back",
    _P.QUARANTINED: "it is kept with its reason and evidence",
    _P.DROPPED: "a person or a newer patch made it obsolete",
}

LADDER_MEANINGS: Mapping[LadderState, str] = {
    _L.INIT: "an edit is being made, nothing was judged yet",
    _L.BASELINE: "a gate judged what the edit came to",
    _L.MECHANICAL_FIX: "fixers that need no judgement were run",
    _L.MECHANICAL_RECHECK: "a gate judged what they came to",
    _L.AGENT: "a tool was asked for the n-th time: `agent_1`, `agent_2`, …",
    _L.AGENT_RECHECK: "a gate judged what it came to",
    _L.SUCCESS: "all gates are green",
    _L.QUARANTINE: "no rung is left, or a breaker tripped",
}

_INTRODUCTION = """\
# States

<!-- Generated from pipeline/model/states.py by
     `python -m pipeline.report.state_document docs/state_machine.md`; a test compares them. -->

The legal moves are tables in `pipeline/model/states.py`. A move is one transaction that compares
the state it comes from, writes the new one and records a `state_transition` event. An illegal move
raises, changes nothing, and is recorded as `illegal_transition`.
"""


def state_document() -> str:
    """The whole document, Markdown with Mermaid diagrams."""
    marks = {
        state: ", ".join(
            name
            for name, group in (("working", WORKING), ("final", FINAL), ("lets start", STARTABLE))
            if state in group
        )
        for state in WorkstreamState
    }
    return "\n".join(
        [
            _INTRODUCTION,
            "## A workstream",
            "",
            "*Working*: holds work of its own. *Final*: ends a generation; a reset opens the next",
            "one at `pending`. *Lets start*: dependents may start.",
            "",
            *_section(WORKSTREAM_MOVES, WORKSTREAM_MEANINGS, marks),
            "## A run",
            "",
            *_section(RUN_MOVES, RUN_MEANINGS, _finals(RUN_MOVES)),
            "## A patch",
            "",
            "A patch's life is read from the events, not kept a second time.",
            "",
            *_section(PATCH_MOVES, PATCH_MEANINGS, _finals(PATCH_MOVES)),
            "## The repair ladder",
            "",
            "Where a repair is, is read from its stored attempts, not kept a second time",
            "(`pipeline/repair/ladder_states.py`; the table is in `pipeline/model/ladder.py`).",
            "Attempts that crashed, or failed for the surroundings, lead nowhere.",
            "",
            *_section(LADDER_MOVES, LADDER_MEANINGS, _finals(LADDER_MOVES)),
        ]
    )


def state_diagram(moves: Mapping[State, frozenset[State]]) -> list[str]:
    """A Mermaid state diagram; the first state is where it starts, final states end it."""
    states = list(moves)
    lines = ["stateDiagram-v2", f"    [*] --> {states[0]}"]
    for source in states:
        lines += [f"    {source} --> {target}" for target in states if target in moves[source]]
    lines += [f"    {state} --> [*]" for state in states if not moves[state]]
    return lines


def _finals(moves: Mapping[State, frozenset[State]]) -> dict[State, str]:
    return {state: "" if targets else "final" for state, targets in moves.items()}


def _section(
    moves: Mapping[State, frozenset[State]],
    meanings: Mapping[State, str],
    marks: Mapping[State, str],
) -> list[str]:
    rows = ["| state | meaning | kind | may become |", "| --- | --- | --- | --- |"]
    for state, targets in moves.items():
        names = ", ".join(f"`{target}`" for target in moves if target in targets)
        rows.append(f"| `{state}` | {meanings[state]} | {marks[state]} | {names} |")
    return ["```mermaid", *state_diagram(moves), "```", "", *rows, ""]


def main(arguments: Sequence[str]) -> int:
    """Write the document to the file named, or to standard output; returns the exit code."""
    if arguments:
        Path(arguments[0]).write_text(state_document(), encoding="utf-8")
    else:
        sys.stdout.write(state_document())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
