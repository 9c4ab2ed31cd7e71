"""One durable event at a time, and a hundred threads that wait for one each."""

import os
import threading
import time
from pathlib import Path
from statistics import median

from figures import Figure, Measured, ms
from rounds import Measures, percentile

from pipeline.base.clock import now
from pipeline.base.ids import new_id
from pipeline.model.event import EventDraft, EventType
from pipeline.model.record import RunRecord
from pipeline.model.states import RunState
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock

THREADS = 100
EACH = 5


def event(place: Path, *, is_quick: bool) -> Measured:
    """Latency of a durable event beside that of an append with ``fdatasync``; how many group."""
    (place / "repo" / ".git").mkdir(parents=True)
    layout = Layout(place / "repo", place / "repo" / ".git")
    count = 200 if is_quick else 1000
    with RunLock(layout, command="bench") as lock, Ledger(layout, lock) as ledger:
        run_id = new_id().lower()
        ledger.create_run(
            RunRecord(run_id, "key", RunState.PENDING, "c" * 40, created_at=now()), None
        )
        draft = EventDraft(EventType.TOOL_PROGRESS, "One event.", run_id=run_id)
        ours: list[float] = []
        raw: list[float] = []
        with (place / "raw").open("ab", buffering=0) as file:
            for number in range(count + 20):
                sides = [
                    (ours, lambda: ledger.record(draft)),
                    (raw, lambda: _append(file.fileno())),
                ]
                for samples, step in sides if number % 2 else reversed(sides):
                    began = time.perf_counter()
                    step()
                    if number >= 20:
                        samples.append(time.perf_counter() - began)
        units, commits = ledger.group_sizes
        together = _crowd(ledger, draft)
        more_units, more_commits = ledger.group_sizes
    group = (more_units - units) / (more_commits - commits)
    return Measured(
        (
            ms("single event, 99th percentile", percentile(ours, 0.99), 5),
            ms("single event, median", median(ours)),
            ms("append and fdatasync, 99th percentile", percentile(raw, 0.99)),
            ms("append and fdatasync, median", median(raw)),
            Figure("event / append and fdatasync", median(ours) / median(raw), "x"),
            Figure(f"events in one commit, {THREADS} threads", group, "", 2, is_at_least=True),
            ms(f"event among {THREADS} threads", together / (THREADS * EACH)),
        ),
        {"event": ours, "fdatasync": raw},
    )


def _append(handle: int) -> None:
    os.write(handle, b"x" * 300)
    os.fdatasync(handle)


def _crowd(ledger: Ledger, draft: EventDraft) -> float:
    """Let all threads write at once; seconds until the last one is answered."""
    gate = threading.Barrier(THREADS + 1)

    def write() -> None:
        gate.wait()
        for _ in range(EACH):
            ledger.record(draft)

    threads = [threading.Thread(target=write) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    gate.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


MEASURES: Measures = {"event": event}
