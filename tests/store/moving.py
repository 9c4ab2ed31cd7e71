"""A program that moves workstreams for ever and says so after every acknowledged move.

Run as ``python moving.py TOP WORKSTREAMS``; each line of its output is ``<ws> <moves>``. It is
ended by a signal at any moment, or by an error of the ledger, which it prints.
"""

import os
import sys
import threading
from pathlib import Path

from pipeline.base.errors import UnfitError
from pipeline.base.ids import new_id
from pipeline.model.record import RunRecord, WorkstreamRecord
from pipeline.model.states import RunState
from pipeline.model.states import WorkstreamState as W
from pipeline.store.export import EventExport
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock

START = (W.PENDING, W.READY, W.EDITING, W.STATIC_CHECK)
AROUND = (W.STATIC_CHECK, W.FIXING)
PAYLOAD = {"text": "something to write " * 20}


def main(top: Path, count: int) -> None:
    layout = Layout(top, top / ".git")
    with RunLock(layout) as lock, Ledger(layout, lock) as ledger:
        ledger.bus.subscribe(EventExport(layout, ledger), name="events.jsonl")
        run_id = new_id()
        ids = [f"w{i}" for i in range(count)]
        ledger.create_run(
            RunRecord(run_id, "k", RunState.PENDING, "c" * 40),
            None,
            [WorkstreamRecord(run_id, ws_id, seq) for seq, ws_id in enumerate(ids)],
        )
        say("ready")
        threads = [threading.Thread(target=move, args=(ledger, run_id, ws_id)) for ws_id in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def move(ledger: Ledger, run_id: str, ws_id: str) -> None:
    moves = 0
    state = W.PENDING
    while True:
        around = AROUND[1 - AROUND.index(state)] if state in AROUND else None
        target = around or START[START.index(state) + 1]
        try:
            ledger.move(
                run_id,
                ws_id,
                state,
                target,
                "On.",
                changes={"attempts": moves + 1},
                payload=PAYLOAD,
            )
        except UnfitError as error:
            say(f"error {error}")
            return
        moves, state = moves + 1, target
        say(f"{ws_id} {moves}")


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
