"""Taking over what a remote has of runs: fetched aside, verified, then moved forward or refused.

Nothing that comes from a remote is believed. Its refs are fetched beside ours; the journal's whole
chain is checked, and the other refs have to be at commits that the journal names. Only then are
our refs moved, by compare-and-swap, and only forward: what was here is part of what is there.
"""

from collections.abc import Iterator, Mapping, Sequence

from pipeline.base.git import RefUpdate, RefUpdateError, Repository
from pipeline.base.git.ancestry import is_ancestor
from pipeline.flow.sync_journal import Named, goes_to, missing_commit
from pipeline.flow.sync_outcome import Received, RunSync
from pipeline.flow.sync_refs import Place, RunRefs, look_at
from pipeline.store.journal import JournalError, read
from pipeline.store.layout import INCOMING_ROOT

_RUNS_AT_ONCE = 100
_MESSAGE = "git-pipeline: sync"


def receive(repo: Repository, remote: str, there: Place, here: Place) -> Mapping[str, RunSync]:
    """Take over the runs of a place on a remote, each as a whole or not at all.

    Returns what came of those that are not as they are here. The caller holds the run lock.
    Raises RemoteError; what was taken over before that stays.
    """
    forget_incoming(repo)
    outcomes: dict[str, RunSync] = {}
    wanted = []
    for run in there.runs.values():
        if not run.head:
            detail = f"There is no journal of it at {remote}, only {', '.join(sorted(run.refs))}."
            outcomes[run.run_id] = RunSync(run.run_id, Received.INCOMPLETE, detail=detail)
        elif not is_ancestor(repo, run.head, here.run(run.run_id).head):
            wanted.append(run)
    try:
        for part in _parts(wanted):
            repo.remotes.fetch(remote, [_refspec(run, rest) for run in part for rest in run.refs])
            staged = look_at(repo.refs.list(INCOMING_ROOT), INCOMING_ROOT)
            for run in part:
                ours = here.run(run.run_id)
                outcomes[run.run_id] = take_over(repo, remote, staged.run(run.run_id), ours)
            forget_incoming(repo)
    finally:
        forget_incoming(repo)
    return outcomes


def forget_incoming(repo: Repository) -> None:
    """Remove what was fetched aside, also by a synchronisation that was killed.

    The caller holds the run lock.
    """
    repo.refs.heal_locks(INCOMING_ROOT)
    left = repo.refs.list(INCOMING_ROOT)
    repo.refs.update([RefUpdate(name, None, oid) for name, oid in left.items()], message=_MESSAGE)


def _parts(runs: Sequence[RunRefs]) -> Iterator[Sequence[RunRefs]]:
    for first in range(0, len(runs), _RUNS_AT_ONCE):
        yield runs[first : first + _RUNS_AT_ONCE]


def _refspec(run: RunRefs, rest: str) -> str:
    return f"+{run.name(rest)}:{INCOMING_ROOT}/{rest}"


def take_over(repo: Repository, remote: str, staged: RunRefs, ours: RunRefs) -> RunSync:
    """Move our refs of a run to where those of ``remote`` are, if that can be believed.

    ``staged`` says where they are; their objects are here already.
    """
    run_id = staged.run_id
    try:
        named = _verified(repo, staged)
    except JournalError as error:
        return RunSync(run_id, Received.REFUSED, detail=error.what)
    if why := _incomplete(repo, staged, named):
        detail = f"{why}. Synchronise again where it was written, then here."
        return RunSync(run_id, Received.INCOMPLETE, detail=detail)
    if ours.head and not is_ancestor(repo, ours.head, staged.head):
        detail = (
            f"This run was carried on elsewhere: here it goes to {goes_to(repo, ours.head)}, "
            f"at {remote} to {goes_to(repo, staged.head)}. Nothing was changed on either side."
        )
        return RunSync(run_id, Received.DIVERGED, detail=detail)
    updates, kept = _moves(repo, staged, ours, named)
    try:
        repo.refs.update(updates, message=_MESSAGE)
    except RefUpdateError as error:
        return RunSync(run_id, Received.REFUSED, detail=error.what)
    detail = f"{kept[0]} holds what the journal does not know; it stays." if kept else ""
    return RunSync(run_id, Received.UPDATED if ours.head else Received.NEW, detail=detail)


def _verified(repo: Repository, staged: RunRefs) -> Named:
    """What the staged journal names; raises JournalError where it is not to be believed."""
    journal = read(repo, staged.head)
    if journal.run_id != staged.run_id:
        raise JournalError(
            f"What is called the journal of run {staged.run_id} is that of {journal.run_id}."
        )
    if staged.archive and not journal.is_folded:
        raise JournalError(f"What is called the archive of run {staged.run_id} is none.")
    return Named.of(journal)


def _incomplete(repo: Repository, staged: RunRefs, named: Named) -> str:
    """Why refs and journal do not belong together, as a sentence; empty where they do."""
    if not staged.archive:
        for rest, oid in staged.live.items():
            if not named.allows(rest, oid):
                return f"Its {rest} is at {oid[:12]}, of which its journal does not tell"
    missing = missing_commit(repo, named)
    return f"The commit {missing[:12]}, which its journal names, is not there" if missing else ""


def _moves(
    repo: Repository, staged: RunRefs, ours: RunRefs, named: Named
) -> tuple[list[RefUpdate], list[str]]:
    """The moves of our refs, and the names of those that hold more than the journal knows."""
    kept, moves = [], []
    taken = staged.folded or staged.live
    for rest, oid in taken.items():
        old = ours.refs.get(rest)
        if old is None or old in named.commits or is_ancestor(repo, old, oid):
            moves.append(RefUpdate(ours.name(rest), oid, old))
        else:
            kept.append(ours.name(rest))
    # What is in the other shape here: folded there since, or unfolded to be carried on.
    other = ours.live if staged.archive else ours.folded
    for rest, old in other.items():
        if old in named.commits or is_ancestor(repo, old, staged.head):
            moves.append(RefUpdate(ours.name(rest), None, old))
        else:
            kept.append(ours.name(rest))
    return moves, kept
