"""A repository's layout, its lock and ledger, and runs to fill it with."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from pipeline.base.clock import now
from pipeline.base.ids import new_id
from pipeline.model.config import Config
from pipeline.model.plan import Plan
from pipeline.model.record import RunRecord, Step, StepAttempt, WorkstreamRecord
from pipeline.model.states import RunState
from pipeline.model.workstream import Workstream
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock

BASE = "c" * 40

Busy = Callable[[Ledger], AbstractContextManager[None]]
MakeRun = Callable[..., str]
MakeAttempt = Callable[..., StepAttempt]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    top = tmp_path / "repo"
    (top / ".git").mkdir(parents=True)
    return Layout(top, top / ".git")


@pytest.fixture
def lock(layout: Layout) -> Iterator[RunLock]:
    with RunLock(layout, command="a test") as lock:
        yield lock


@pytest.fixture
def ledger(layout: Layout, lock: RunLock) -> Iterator[Ledger]:
    with Ledger(layout, lock) as ledger:
        yield ledger


@pytest.fixture
def make_run() -> MakeRun:
    """Create a run with workstreams ``a``, ``b``, …; returns its id."""

    def make(ledger: Ledger, count: int = 2, *, key: str = "key") -> str:
        run_id = new_id()
        ids = [chr(ord("a") + i) for i in range(count)]
        ledger.create_run(
            RunRecord(run_id, key, RunState.PENDING, BASE, created_at=now()),
            Plan(BASE, tuple(Workstream(ws_id) for ws_id in ids), Config(), key=key),
            [WorkstreamRecord(run_id, ws_id, seq) for seq, ws_id in enumerate(ids)],
        )
        return run_id

    return make


@pytest.fixture
def make_attempt() -> MakeAttempt:
    """Make the record of an attempt that begins; it is not stored."""

    def make(run_id: str, ws_id: str = "a", number: int = 1) -> StepAttempt:
        return StepAttempt(
            attempt_id=new_id(),
            run_id=run_id,
            ws_id=ws_id,
            generation=1,
            step=Step.EDIT,
            number=number,
            tool="patch",
            started_at=now(),
        )

    return make


@pytest.fixture
def busy() -> Busy:
    """Keep a ledger's writer busy, so that what is submitted meanwhile waits."""

    @contextmanager
    def keep_busy(ledger: Ledger) -> Iterator[None]:
        release, reached = threading.Event(), threading.Event()

        def wait(_: object) -> None:
            reached.set()
            release.wait()

        ledger.submit_soon(wait)
        reached.wait()
        try:
            yield
        finally:
            release.set()

    return keep_busy
