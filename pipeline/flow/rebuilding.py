"""The database and the files of runs, made anew from what their refs hold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.base.errors import InputError, PipelineError
from pipeline.base.git import RefUpdate, Repository
from pipeline.flow.analysing import export_workstream
from pipeline.flow.holding import hold
from pipeline.flow.summing_up import sum_up
from pipeline.model.record import RunRecord
from pipeline.model.states import RunState, WorkstreamState
from pipeline.store.journal import (
    JournalError,
    RunJournal,
    Standing,
    is_finished,
    read,
    rebuild,
    standing,
)
from pipeline.store.layout import REF_ROOT, Layout
from pipeline.store.ledger import Ledger

_COMMAND = "pipeline rebuild"
_SUMMED_UP = frozenset({RunState.COMPLETED, RunState.PARTIAL, RunState.FAILED})


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of one run: ``added``, ``extended``, ``unchanged``, ``ahead`` or ``refused``.

    ``events`` is how far its journal goes; ``reason`` says why nothing was done, or what could
    not be.
    """

    run_id: str
    outcome: str
    events: int = 0
    reason: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether its journal could not be taken."""
        return self.outcome == "refused"


def journal_heads(repo: Repository) -> Mapping[str, str]:
    """The newest commit of each run's journal that is here, by run, the oldest run first."""
    heads: dict[str, str] = {}
    for kind in ("journal", "archive"):  # an archive goes further
        for name, commit in repo.refs.list(f"{REF_ROOT}/{kind}").items():
            heads[name.removeprefix(f"{REF_ROOT}/{kind}/")] = commit
    return dict(sorted(heads.items()))


def rebuild_runs(
    repo: Repository, layout: Layout, names: Sequence[str] = ()
) -> tuple[Rebuilt, ...]:
    """Make what the database lacks from the journals that are here, of all runs or of some.

    A run that the database knows as well or better is left alone. Raises ``InputError`` for a run
    without a journal, and ``UnfitError`` while an engine works here.
    """
    heads = _wanted(journal_heads(repo), names)
    outcomes: dict[str, Rebuilt] = {}
    journals: list[RunJournal] = []
    for run_id, commit in heads.items():
        try:
            journals.append(_read(repo, run_id, commit))
        except JournalError as error:
            outcomes[run_id] = Rebuilt(run_id, "refused", reason=str(error))
    with hold(layout, _COMMAND) as ledger:
        outcomes |= {done.run_id: done for done in bring_up(ledger, repo, layout, journals)}
    return tuple(outcomes[run_id] for run_id in heads)


def bring_up(
    ledger: Ledger, repo: Repository, layout: Layout, journals: Iterable[RunJournal]
) -> tuple[Rebuilt, ...]:
    """Bring database, files and refs up to journals; what is ahead of one is left alone."""
    outcomes: dict[str, Rebuilt] = {}
    fit: list[RunJournal] = []
    stands: dict[str, Standing] = {}
    for journal in journals:
        stand = stands[journal.run_id] = standing(ledger, journal)
        refused = _refused(stand, journal)
        if refused is None:
            fit.append(journal)
        else:
            outcomes[journal.run_id] = refused
    changed = set(rebuild(ledger, repo, layout, fit))
    for journal in fit:
        run = ledger.run(journal.run_id)
        words = {Standing.NEW: "added", Standing.BEHIND: "extended"}
        outcome = words.get(stands[run.run_id], "extended" if run.run_id in changed else "")
        reason = _complete(ledger, repo, layout, run) if outcome else ""
        outcomes[run.run_id] = Rebuilt(
            run.run_id, outcome or "unchanged", journal.last_event, reason
        )
    return tuple(outcomes.values())


def _wanted(heads: Mapping[str, str], names: Sequence[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name in names:
        matching = [run_id for run_id in heads if run_id.startswith(name.strip().lower())]
        if len(matching) != 1 or not name.strip():
            what = "More than one journal is" if matching else "There is no journal"
            raise InputError(
                f"{what} of a run {name[:60]!r} below {REF_ROOT}/ here.",
                remedy=f"Say {' or '.join(matching[:5])}."
                if matching
                else "`pipeline sync` fetches journals.",
            )
        found[matching[0]] = heads[matching[0]]
    return found if names else heads


def _read(repo: Repository, run_id: str, commit: str) -> RunJournal:
    journal = read(repo, commit)
    if journal.run_id != run_id:
        raise JournalError(
            f"The ref of run {run_id} holds the journal of run {journal.run_id}.",
            remedy="Delete that ref: somebody put it there.",
        )
    return journal


def _refused(stand: Standing, journal: RunJournal) -> Rebuilt | None:
    if stand is Standing.AHEAD:
        reason = "The database goes beyond it and is kept; the next run or sync writes the rest."
        return Rebuilt(journal.run_id, "ahead", journal.last_event, reason)
    if stand is Standing.DIFFERENT:
        reason = (
            "The database tells other events of the same run: two clones carried it on. Keep one: "
            "move .pipeline away and rebuild, or delete the journal's ref and let `pipeline sync` "
            "write the database's."
        )
        return Rebuilt(journal.run_id, "refused", journal.last_event, reason)
    return None


def _complete(ledger: Ledger, repo: Repository, layout: Layout, run: RunRecord) -> str:
    """Put a run's refs and files in order; what could not be, as a sentence."""
    try:
        if not is_finished(ledger, run):
            _move_back(ledger, repo, layout, run)
        for ws in ledger.workstreams(run.run_id):
            export_workstream(ledger, layout, ws)
        if run.kind == "run" and run.state in _SUMMED_UP:
            sum_up(ledger, repo, layout, run.run_id)
    except PipelineError as error:
        return f"Not all of its files could be written: {error}"
    return ""


def _move_back(ledger: Ledger, repo: Repository, layout: Layout, run: RunRecord) -> None:
    """Move the integration ref back to what the records know, where it was ahead of them.

    An engine that dies writes its last landing to the ref before the journal; the run carries on
    from the records and lands again. What the ref held is kept in the attic.
    """
    name = layout.run_ref(run.run_id)
    tip = repo.refs.read(name)
    if tip is None:
        return
    records = ledger.workstreams(run.run_id)
    known = {ws.landing_commit for ws in records if ws.state is WorkstreamState.DONE}
    merging = {ws.commit for ws in records if ws.state is WorkstreamState.MERGING}
    line = repo.first_parents(run.base_commit, tip)
    beyond = len(line)
    for number, commit in enumerate(line):
        if commit.oid not in known and not merging.intersection(commit.parents[1:]):
            beyond = number
            break
    if beyond == len(line):
        return
    attic = layout.attic_ref(run.run_id, tip)
    updates = [RefUpdate(name, line[beyond - 1].oid if beyond else None, tip)]
    if repo.refs.read(attic) is None:
        updates.append(RefUpdate(attic, tip, None))
    repo.refs.update(updates, message=f"git-pipeline: {_COMMAND}")
