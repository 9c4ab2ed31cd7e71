"""Whatever is asked of the ledger, by however many threads, what is stored makes sense."""

import tempfile
import threading
from collections import Counter
from pathlib import Path

from chains import check_chain
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base.errors import BugError
from pipeline.base.ids import new_id
from pipeline.model.event import EventDraft, EventType
from pipeline.model.record import RunRecord, WorkstreamRecord
from pipeline.model.states import WORKSTREAM_MOVES, RunState
from pipeline.model.states import WorkstreamState as W
from pipeline.store.errors import IllegalMoveError, StaleStateError
from pipeline.store.export import EventExport, event_line
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock

IDS = ("a", "b")
LEGAL = [(source, target) for source, targets in WORKSTREAM_MOVES.items() for target in targets]

steps = st.one_of(
    # From where it is, along the table: these keep a workstream going.
    st.tuples(st.just("go on"), st.sampled_from(IDS), st.integers(0, 7)),
    st.tuples(st.just("any"), st.sampled_from(IDS), st.sampled_from(LEGAL)),
    st.tuples(
        st.just("any"), st.sampled_from(IDS), st.tuples(st.sampled_from(W), st.sampled_from(W))
    ),
    st.tuples(st.just("failing"), st.sampled_from(IDS), st.just(0)),
)


class Mover:
    """Carries out steps and counts what the ledger answered."""

    def __init__(self, ledger: Ledger, run_id: str) -> None:
        self.ledger = ledger
        self.run_id = run_id
        self.answers: Counter[str] = Counter()

    def carry_out(self, kind: str, ws_id: str, detail: object) -> None:
        try:
            getattr(self, kind.replace(" ", "_"))(ws_id, detail)
        except IllegalMoveError:
            self.answers["illegal"] += 1
        except StaleStateError as error:
            assert W(error.actual)
            self.answers["stale"] += 1
        except BugError:
            self.answers["failed"] += 1

    def go_on(self, ws_id: str, choice: int) -> None:
        seen = self.ledger.workstream(self.run_id, ws_id)
        targets = sorted(WORKSTREAM_MOVES[seen.state])
        if targets:
            self.move(ws_id, seen, seen.state, targets[choice % len(targets)])

    def any(self, ws_id: str, move: tuple[W, W]) -> None:
        self.move(ws_id, self.ledger.workstream(self.run_id, ws_id), *move)

    def move(self, ws_id: str, seen: WorkstreamRecord, source: W, target: W) -> None:
        # Other threads may have moved it since: the count is taken by the state alone.
        self.ledger.move(self.run_id, ws_id, source, target, "On.", payload={"seen": seen.state})
        self.answers["moved"] += 1

    def failing(self, ws_id: str, _: object) -> None:
        good = EventDraft(EventType.TOOL_PROGRESS, "x", run_id=self.run_id, ws_id=ws_id)
        bad = EventDraft(EventType.TOOL_PROGRESS, "x", run_id=self.run_id, payload={"x": object()})
        self.ledger.record(good, bad)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(steps, max_size=25), min_size=1, max_size=4))
def test_any_moves_of_any_threads_keep_the_store_in_order(
    plans: list[list[tuple[str, str, object]]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder), Path(folder) / ".git")
        with RunLock(layout) as lock, Ledger(layout, lock) as ledger:
            ledger.bus.subscribe(EventExport(layout, ledger), name="events.jsonl")
            run_id = new_id()
            ledger.create_run(
                RunRecord(run_id, "k", RunState.PENDING, "c" * 40),
                None,
                [WorkstreamRecord(run_id, ws_id, seq) for seq, ws_id in enumerate(IDS)],
            )
            movers = [Mover(ledger, run_id) for _ in plans]
            threads = [
                threading.Thread(target=lambda m=m, p=p: [m.carry_out(*step) for step in p])
                for m, p in zip(movers, plans, strict=True)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            answers = sum((mover.answers for mover in movers), Counter())
            events = ledger.events(run_id)
            kinds = Counter(event.type for event in events)
            assert kinds[EventType.STATE_TRANSITION] == answers["moved"]
            assert kinds[EventType.ILLEGAL_TRANSITION] == answers["illegal"]
            assert kinds[EventType.TOOL_PROGRESS] == 0
            for ws_id in IDS:
                moves = [
                    e for e in events if e.ws_id == ws_id and e.type == EventType.STATE_TRANSITION
                ]
                state = ledger.workstream(run_id, ws_id).state
                ledger.update(run_id, ws_id, state, changes={"attempts": len(moves)})
            check_chain(ledger, run_id)
            assert ledger.bus.drain()
            written = layout.events_file(run_id).read_bytes()
            assert written == b"".join(map(event_line, ledger.events(run_id)))
