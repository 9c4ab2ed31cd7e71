"""Publishing and fetching the record of runs: each ends up on both sides, or is told why not.

Whatever is interrupted is done by the next synchronisation: it looks at both sides anew and knows
nothing of the one before.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git import Repository
from pipeline.base.git.address import is_same, parse
from pipeline.base.git.remote_errors import GONE
from pipeline.base.git.remotes import RemoteError
from pipeline.flow.aftermath import heal_refs
from pipeline.flow.journaling import settle_behind
from pipeline.flow.rebuilding import bring_up
from pipeline.flow.sync_outcome import NOT_TAKEN, Received, RunSync, Sent, SyncReport
from pipeline.flow.sync_receive import receive
from pipeline.flow.sync_refs import PREFIXES, Place, RunRefs, choose, look_at, look_here, made_at
from pipeline.flow.sync_send import send
from pipeline.model.config import Config
from pipeline.store.journal import JournalError, read
from pipeline.store.journal.chain import read_tip
from pipeline.store.layout import REF_ROOT, Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock
from pipeline.store.records import Records

_ROUNDS = 3
_RECENT = 50


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What is to be synchronised: ``runs`` are ids or beginnings of them, empty for all.

    ``remote`` is empty for the configured one. With ``rebuilds`` the database is brought up to
    the journals afterwards.
    """

    remote: str = ""
    runs: tuple[str, ...] = ()
    sends: bool = True
    receives: bool = True
    rebuilds: bool = False


def sync(repo: Repository, layout: Layout, config: Config, request: SyncRequest) -> SyncReport:
    """Bring this repository and a remote to the same record of runs.

    Raises InputError where the remote is not the expected one, UnfitError where another engine
    works here (sending alone goes on beside it) and RemoteError where the remote cannot be
    looked at; then nothing was changed on it.
    """
    remote = request.remote or config.journal.remote
    require_expected(repo, config, remote)
    exchange = _Exchange(repo, layout, config, remote)
    with _lock(repo, layout, is_needed=request.receives or request.rebuilds) as lock:
        notes = exchange.catch_up() if lock is not None else ()
        report = exchange.run(request)
        behind = tuple(sorted(exchange.unknown_runs()))
        rebuilt: tuple[str, ...] = ()
        if request.rebuilds and lock is not None:
            rebuilt, more = _rebuild(repo, layout, lock, behind)
            notes = (*notes, *more)
            behind = tuple(run_id for run_id in behind if run_id not in rebuilt)
        return replace(report, notes=(*notes, *report.notes), to_rebuild=behind, rebuilt=rebuilt)


def require_expected(repo: Repository, config: Config, remote: str) -> None:
    """Raise InputError where a remote is not that of ``publish.repository``."""
    expected = config.publish.repository
    if not expected:
        return
    url = repo.remotes.url(remote)
    address = parse(url)
    if address is None or not is_same(address.repository, expected):
        raise InputError(
            f"The remote {remote} is {url}, and publish.repository is {expected}: "
            "nothing was sent or fetched.",
            remedy=f"Name the right one with --remote, or mend it: `git remote set-url {remote}`.",
        )


class _Exchange:
    """One remote, looked at as often as it takes."""

    def __init__(self, repo: Repository, layout: Layout, config: Config, remote: str) -> None:
        self._repo = repo
        self._layout = layout
        self._config = config
        self._remote = remote
        self._prefix = config.journal.refs_prefix
        self._outcomes: dict[str, RunSync] = {}
        self._places: tuple[Place, ...] = ()

    def catch_up(self) -> tuple[str, ...]:
        """Write what journals lack of the database; what stood against it, as sentences."""
        if not self._config.journal.enabled:
            return ()
        notes = []
        here = look_here(self._repo)
        size = self._config.journal.log_bytes
        with Records(self._layout) as records:
            for number, run in enumerate(records.runs()):
                if number >= _RECENT and here.run(run.run_id).archive:
                    continue  # looking at each of many costs more than all else
                try:
                    settle_behind(self._repo, self._layout, records, run, size)
                except JournalError as error:
                    notes.append(str(error))
        return tuple(notes)

    def run(self, request: SyncRequest) -> SyncReport:
        """Receive, then send; once more where somebody else was faster."""
        problem, looked, odd = "", frozenset[str](), tuple[str, ...]()
        for number in range(1, _ROUNDS + 1):
            here, places = look_here(self._repo), self._look()
            self._places = places
            odd = tuple(name for place in places for name in place.odd)
            known = {*here.runs, *(run_id for place in places for run_id in place.runs)}
            looked = choose(request.runs, known) or frozenset(known)
            try:
                if request.receives:
                    self._receive(places, looked - self._old(request, here.runs))
            except RemoteError as error:
                if error.kind == GONE and number < _ROUNDS:
                    continue
                raise
            if not request.sends:
                break
            try:
                self._send(places[0], looked - self._old(request, places[0].runs))
            except RemoteError as error:
                problem = str(error)
                break
            if not any(one.sent is Sent.STALE for one in self._outcomes.values()):
                break
        runs = tuple(one for _, one in sorted(self._outcomes.items()) if not one.is_still)
        url = self._repo.remotes.url(self._remote)
        same = len(looked - {run.run_id for run in runs})
        notes = self._advice(runs)
        return SyncReport(
            self._remote, url, self._prefix, runs, same, odd, notes=notes, problem=problem
        )

    def unknown_runs(self) -> Iterator[str]:
        """Runs that are in journals here and not, or not wholly, in the database."""
        received = {
            one.run_id
            for one in self._outcomes.values()
            if one.received in (Received.NEW, Received.UPDATED)
        }
        here = look_here(self._repo).runs
        with Records(self._layout) as records:
            stored = [run.run_id for run in records.runs()]
            for run_id in stored[:_RECENT]:
                if run_id in here and self._is_behind(records, run_id):
                    received.add(run_id)
        for run_id, run in here.items():
            if run.head and (run_id in received or run_id not in stored):
                yield run_id

    def _is_behind(self, records: Records, run_id: str) -> bool:
        """Whether a journal goes further than the database; one that is not ours does not."""
        rows = records.query("SELECT coalesce(max(seq), 0) FROM events WHERE run_id = ?", (run_id,))
        try:
            return read_tip(self._repo, self._layout, run_id).last_event > int(rows[0][0])
        except JournalError:
            return False

    def _old(self, request: SyncRequest, other: Mapping[str, RunRefs]) -> frozenset[str]:
        """Finished runs that one side lacks and that are too old to be brought there.

        They were cleaned up there, or will be; who names them gets them.
        """
        if request.runs:
            return frozenset()
        limit = time.time() - self._config.retention.runs_days * 86_400
        places = (look_here(self._repo), *self._places)
        archived = {r for place in places for r, run in place.runs.items() if run.archive}
        return frozenset(r for r in archived - other.keys() if made_at(r) < limit)

    def _look(self) -> tuple[Place, ...]:
        """The places on the remote, the configured one first."""
        prefixes = (self._prefix, *(one for one in PREFIXES if one != self._prefix))
        refs = self._repo.remotes.refs(self._remote, *(f"{prefix}/*" for prefix in prefixes))
        return tuple(look_at(refs, prefix) for prefix in prefixes)

    def _receive(self, places: tuple[Place, ...], looked: frozenset[str]) -> None:
        for place in places:
            wanted = replace(
                place, runs={run_id: run for run_id, run in place.runs.items() if run_id in looked}
            )
            here = look_here(self._repo)
            self._note(receive(self._repo, self._remote, wanted, here))

    def _send(self, place: Place, looked: frozenset[str]) -> None:
        here = look_here(self._repo)
        # What could not be taken over has been told, and is not ours to change there.
        wrong = {one.run_id for one in self._outcomes.values() if one.received in NOT_TAKEN}
        runs = sorted(run_id for run_id in looked - wrong if run_id in here.runs)
        self._note(send(self._repo, self._remote, here, place, runs))

    def _note(self, outcomes: Mapping[str, RunSync]) -> None:
        for run_id, new in outcomes.items():
            old = self._outcomes.get(run_id, RunSync(run_id))
            received = new.received or old.received
            if old.received is Received.NEW and new.received is Received.UPDATED:
                received = Received.NEW
            self._outcomes[run_id] = RunSync(
                run_id, received, new.sent or old.sent, new.detail or old.detail
            )

    def _advice(self, runs: tuple[RunSync, ...]) -> tuple[str, ...]:
        if self._prefix == REF_ROOT and any(run.sent is Sent.REFUSED for run in runs):
            return (
                f"{self._remote} does not seem to take refs below {REF_ROOT}. "
                "`pipeline doctor --remote` tries it. Where it takes only branches, set "
                f"`journal: {{refs_prefix: {PREFIXES[1]}}}` in pipeline.yaml: the record is then "
                "kept in branches, which people see and which may start workflows.",
            )
        return ()


@contextmanager
def run_lock(repo: Repository, layout: Layout, command: str) -> Iterator[RunLock]:
    """The run lock, with what a dead owner left of refs put in order; raises UnfitError."""
    with RunLock(layout, command=command) as lock:
        heal_refs(repo, layout, lock)
        yield lock


@contextmanager
def _lock(repo: Repository, layout: Layout, *, is_needed: bool) -> Iterator[RunLock | None]:
    """The run lock; ``None`` where somebody else has it and it is not needed."""
    lock = RunLock(layout, command="pipeline sync")
    try:
        lock.acquire()
    except UnfitError as error:
        if not is_needed:
            yield None
            return
        raise UnfitError(
            error.what, remedy="Wait until it ends; `pipeline sync --push-only` works beside it."
        ) from error
    try:
        heal_refs(repo, layout, lock)
        yield lock
    finally:
        lock.release()


def _rebuild(
    repo: Repository, layout: Layout, lock: RunLock, run_ids: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Bring the database up to journals; which runs it was, and what stood against it."""
    here = look_here(repo)
    journals, notes = [], []
    for run_id in run_ids:
        try:
            journals.append(read(repo, here.run(run_id).head))
        except JournalError as error:
            notes.append(str(error))
    with Ledger(layout, lock, durable=repo.objects.flush) as ledger:
        told = bring_up(ledger, repo, layout, journals)
    notes += [one.reason for one in told if one.reason]
    done = tuple(one.run_id for one in told if one.outcome in ("added", "extended"))
    return done, tuple(notes)
