"""Checks of what is stored against what was said; ``python chains.py TOP SAID`` makes them all."""

import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from pipeline.model.event import EventType
from pipeline.model.states import WORKSTREAM_MOVES
from pipeline.model.states import WorkstreamState as W
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock


def check_chain(ledger: Ledger, run_id: str) -> None:
    """Every workstream's events lead by legal moves from ``pending`` to its stored state.

    There are as many as its ``attempts`` say, and no gap between any events.
    """
    events = ledger.events(run_id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    states = {ws.ws_id: W.PENDING for ws in ledger.workstreams(run_id)}
    counts: Counter[str] = Counter()
    for event in events:
        if event.type is EventType.STATE_TRANSITION and event.ws_id:
            source, target = W(event.payload["from"]), W(event.payload["to"])
            assert states[event.ws_id] is source
            assert target in WORKSTREAM_MOVES[source]
            states[event.ws_id] = target
            counts[event.ws_id] += 1
    assert states == {ws.ws_id: ws.state for ws in ledger.workstreams(run_id)}
    assert counts == Counter({ws.ws_id: ws.attempts for ws in ledger.workstreams(run_id)})


def check_acknowledged(ledger: Ledger, run_id: str, said: str) -> None:
    """Everything that the moving program was told is stored, and at most one move more."""
    acknowledged = {ws.ws_id: 0 for ws in ledger.workstreams(run_id)}
    for line in said.splitlines():
        if line.startswith("w"):
            ws_id, moves = line.split()
            acknowledged[ws_id] = int(moves)
    for ws in ledger.workstreams(run_id):
        assert acknowledged[ws.ws_id] <= ws.attempts <= acknowledged[ws.ws_id] + 1


def main(top: Path, said: str) -> None:
    layout = Layout(top, top / ".git")
    with RunLock(layout) as lock, Ledger(layout, lock) as ledger:
        assert ledger.notes == ()
        with closing(sqlite3.connect(layout.database)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        run = ledger.latest_run()
        assert run is not None
        check_acknowledged(ledger, run.run_id, said)
        check_chain(ledger, run.run_id)
        (ws, *_) = ledger.workstreams(run.run_id)
        ledger.move(run.run_id, ws.ws_id, ws.state, W.ABANDONED, "It can go on.")
    print("checked")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]).read_text())
