"""The journal of a run while it goes on: written behind its back, never in its way.

A thread catches up with the database now and then. What it could not write is told once and is
written later: at the next moment, by the next run, or by `pipeline sync`.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pipeline.base.errors import UnfitError
from pipeline.base.git import Repository
from pipeline.model.config import JournalConfig
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.record import RunRecord
from pipeline.store.journal import JournalWriter, fold, is_finished, lags, settle
from pipeline.store.layout import REF_ROOT, Layout
from pipeline.store.ledger import Ledger
from pipeline.store.records import Records

_SHORTEST_S = 1.0
_LONGEST_S = 60.0
_SHARE = 25  # of each second at most a 25th is spent on writing
_RECENT = 20
_PATIENCE_S = 120.0


class Journaling:
    """Writes one run's journal on a thread of its own; before that, what older runs lack."""

    def __init__(
        self, repo: Repository, layout: Layout, ledger: Ledger, run_id: str, config: JournalConfig
    ) -> None:
        self._repo = repo
        self._layout = layout
        self._ledger = ledger
        self._run_id = run_id
        self._log_bytes = config.log_bytes
        self._writer = JournalWriter(repo, layout, ledger, run_id, log_bytes=config.log_bytes)
        self._told: set[str] = set()
        self._has_looked = False
        self._end = threading.Event()
        # A daemon: a disk that hangs must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Begin; the first batch is written after a second."""
        self._thread.start()

    def finish(self) -> None:
        """Write what is left, and fold the run's refs where it has ended; never raises."""
        self._end.set()
        self._thread.join(_PATIENCE_S)
        if self._thread.is_alive():
            self._tell(UnfitError(f"Writing it has taken more than {_PATIENCE_S:g} seconds."))
        else:
            self.write_rest()

    def write_rest(self) -> None:
        """As ``finish``, where it was not started."""
        self._attempt(self._last)
        if not self._has_looked:
            self._attempt(self._others)

    def _run(self) -> None:
        rest = _SHORTEST_S
        while not self._end.wait(rest):
            began = time.monotonic()
            is_good = self._attempt(self._next)
            if not self._has_looked:
                self._attempt(self._others)
            took = time.monotonic() - began
            rest = min(_LONGEST_S, max(_SHORTEST_S, took * _SHARE if is_good else rest * 2))

    def _next(self) -> None:
        self._writer.catch_up(is_whole=False)

    def _last(self) -> None:
        self._writer.catch_up()
        if is_finished(self._ledger, self._ledger.run(self._run_id)):
            fold(self._repo, self._layout, self._run_id)

    def _others(self) -> None:
        self._has_looked = True
        recent = self._ledger.runs(limit=_RECENT)
        others = [run for run in recent if run.run_id != self._run_id]
        for run in behind(self._repo, self._layout, self._ledger, others):
            settle(self._repo, self._layout, self._ledger, run, log_bytes=self._log_bytes)

    def _attempt(self, write: Callable[[], None]) -> bool:
        try:
            write()
        except Exception as error:  # noqa: BLE001 - whatever it is, the run's own result counts
            self._tell(error)
            return False
        return True

    def _tell(self, error: Exception) -> None:
        """Say once that something could not be written; the ledger may refuse as well."""
        what = str(error)
        if what in self._told:
            return
        self._told.add(what)
        self._ledger.record_error(
            "journal", f"journal::{type(error).__name__}", what, {}, run_id=self._run_id
        )
        self._ledger.record_soon(
            EventDraft(
                EventType.JOURNAL_FAILED,
                f"The journal in git is behind: {what}",
                level=Level.WARNING,
                run_id=self._run_id,
                payload={"error": type(error).__name__},
            )
        )


def settle_behind(
    repo: Repository, layout: Layout, records: Records, run: RunRecord, log_bytes: int
) -> bool:
    """Write and fold what an engine that died, another verb or an older version left; if any.

    Raises ``UnfitError`` and ``JournalError``.
    """
    if not is_behind(repo, layout, records, run):
        return False
    settle(repo, layout, records, run, log_bytes=log_bytes)
    return True


def is_behind(repo: Repository, layout: Layout, records: Records, run: RunRecord) -> bool:
    """Whether a run's journal lacks events, or its refs wait to be folded."""
    return bool(behind(repo, layout, records, (run,)))


def behind(
    repo: Repository, layout: Layout, records: Records, runs: Sequence[RunRecord]
) -> tuple[RunRecord, ...]:
    """The runs of which `is_behind` holds."""
    refs = repo.refs.list(f"{REF_ROOT}/journal", f"{REF_ROOT}/archive")

    def lacks(run: RunRecord) -> bool:
        archive = refs.get(layout.archive_ref(run.run_id))
        head = archive or refs.get(layout.journal_ref(run.run_id))
        if head is None or lags(repo, records, run.run_id, head):
            return True
        return archive is None and is_finished(records, run)

    return tuple(run for run in runs if lacks(run))


def complete_journal(
    repo: Repository, layout: Layout, ledger: Ledger, run: RunRecord, config: JournalConfig
) -> None:
    """Write what is lacking of the journal of a run that has ended; never raises."""
    if config.enabled:
        Journaling(repo, layout, ledger, run.run_id, config).write_rest()


@contextmanager
def journaling(
    repo: Repository, layout: Layout, ledger: Ledger, run_id: str, config: JournalConfig
) -> Iterator[None]:
    """Have a run's journal written during the block, and to its end after it."""
    if not config.enabled:
        yield
        return
    journal = Journaling(repo, layout, ledger, run_id, config)
    journal.start()
    try:
        yield
    finally:
        journal.finish()
