"""What an engine that died left of refs and runs, put in order by the one that comes next."""

from datetime import datetime

from pipeline.base.git import Repository
from pipeline.flow.exec_record import interrupt_dead
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.states import RunState
from pipeline.store.layout import REF_ROOT, Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock


def heal_refs(repo: Repository, layout: Layout, lock: RunLock) -> None:
    """Remove the locks of refs that a git of a dead engine left when it was killed with it."""
    repo.refs.heal_locks(REF_ROOT)
    if lock.taken_over is not None:
        prefixes = [f"refs/heads/{prefix}" for prefix in (layout.ws_prefix, layout.run_prefix)]
        since = datetime.fromisoformat(lock.taken_over.since).timestamp()
        repo.refs.heal_shared_locks(*prefixes, since=since)


def interrupt_dead_runs(ledger: Ledger) -> None:
    """Say of runs that a dead engine left running that they were interrupted."""
    interrupt_dead(ledger)
    running = {RunState.RUNNING}
    for dead in (
        *ledger.runs(states=running, kind="run"),
        *ledger.runs(states=running, kind="gate"),
    ):
        ledger.move_run(
            dead.run_id,
            RunState.RUNNING,
            RunState.INTERRUPTED,
            "Its engine died.",
            events=(
                EventDraft(
                    EventType.CRASH_DETECTED, "The engine died while it ran.", level=Level.WARNING
                ),
            ),
        )
