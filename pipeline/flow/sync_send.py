"""Bringing a remote up to what is here of runs: by compare-and-swap, many refs at a time.

What is sent of a run belongs together and lands together, where the server can do that. A ref that
is ahead of the journal (the engine died between the two) is sent as the journal knows it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.base.git import Repository
from pipeline.base.git.ancestry import is_ancestor
from pipeline.base.git.push_report import REFUSED, STALE
from pipeline.base.git.remotes import RefOutcome, RefUpdate
from pipeline.flow.sync_journal import Named, known_value
from pipeline.flow.sync_outcome import RunSync, Sent
from pipeline.flow.sync_refs import Place, RunRefs
from pipeline.store.journal import JournalError, read

_REFS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be moved on the remote for one run, and what that will have been."""

    run_id: str
    updates: tuple[RefUpdate, ...]
    kind: Sent


def send(
    repo: Repository, remote: str, here: Place, there: Place, runs: Iterable[str]
) -> Mapping[str, RunSync]:
    """Push what the remote lacks of these runs; what came of those that it lacked something of.

    ``there`` is what the remote was seen to have: every ref is moved from there or not at all.
    Raises RemoteError where the remote takes nothing.
    """
    outcomes: dict[str, RunSync] = {}
    parcels = []
    for run_id in runs:
        ours, theirs = here.run(run_id), there.run(run_id)
        if ours.head and not _is_known(repo, ours, theirs):
            detail = f"{remote} holds something of it that is not known here: fetch it first."
            outcomes[run_id] = RunSync(run_id, sent=Sent.STALE, detail=detail)
            continue
        try:
            parcel = pack(repo, ours, theirs)
        except JournalError as error:
            outcomes[run_id] = RunSync(run_id, sent=Sent.REFUSED, detail=error.what)
            continue
        if parcel.updates:
            parcels.append(parcel)
    for batch in _batches(parcels):
        told = _push(repo, remote, batch)
        if any(_trouble(told, parcel) for parcel in batch) and len(batch) > 1:
            # One run that somebody else moved must not hold up the others.
            told = {
                ref: one for parcel in batch for ref, one in _push(repo, remote, [parcel]).items()
            }
        outcomes |= {parcel.run_id: _outcome(parcel, told) for parcel in batch}
    return outcomes


def _is_known(repo: Repository, ours: RunRefs, theirs: RunRefs) -> bool:
    """Whether of two journals one is the beginning of the other."""
    return (
        not theirs.head
        or is_ancestor(repo, theirs.head, ours.head)
        or is_ancestor(repo, ours.head, theirs.head)
    )


def pack(repo: Repository, ours: RunRefs, theirs: RunRefs) -> Parcel:
    """What the remote lacks of a run; nothing where it has other or newer things than we.

    Raises JournalError where our own journal is not to be believed.
    """
    nothing = Parcel(ours.run_id, (), Sent.NOTHING)
    if not ours.head or (theirs.head and not is_ancestor(repo, theirs.head, ours.head)):
        return nothing
    is_reshaped = theirs.head == ours.head and bool(theirs.archive) != bool(ours.archive)
    if theirs.refs == ours.refs or is_reshaped:  # a fold is a commit: this one is only about names
        return nothing
    named = Named.of(read(repo, ours.head))
    kind = Sent.UPDATED if theirs.head else Sent.NEW
    if ours.archive:
        kind = Sent.FOLDED if theirs.live else kind
        return Parcel(ours.run_id, tuple(_folding(repo, ours, theirs, named)), kind)
    return Parcel(ours.run_id, tuple(_writing(repo, ours, theirs, named)), kind)


def _folding(repo: Repository, ours: RunRefs, theirs: RunRefs, named: Named) -> Iterator[RefUpdate]:
    """The archive is put there, and what it holds is taken away."""
    if theirs.archive != ours.archive:
        yield RefUpdate(theirs.name(f"archive/{ours.run_id}"), ours.archive, theirs.archive)
    for rest, oid in theirs.live.items():
        if oid in named.commits or is_ancestor(repo, oid, ours.archive):
            yield RefUpdate(theirs.name(rest), "", oid)


def _writing(repo: Repository, ours: RunRefs, theirs: RunRefs, named: Named) -> Iterator[RefUpdate]:
    for rest, held in ours.live.items():
        oid = known_value(repo, named, rest, held)
        old = theirs.refs.get(rest, "")
        is_known = not old or old in named.commits or is_ancestor(repo, old, oid)
        if oid and oid != old and is_known:
            yield RefUpdate(theirs.name(rest), oid, old)
    for rest, oid in theirs.folded.items():  # it was carried on since
        yield RefUpdate(theirs.name(rest), "", oid)


def _batches(parcels: Sequence[Parcel]) -> Iterator[Sequence[Parcel]]:
    batch: list[Parcel] = []
    count = 0
    for parcel in parcels:
        if batch and count + len(parcel.updates) > _REFS_AT_ONCE:
            yield batch
            batch, count = [], 0
        batch.append(parcel)
        count += len(parcel.updates)
    if batch:
        yield batch


def _push(repo: Repository, remote: str, batch: Sequence[Parcel]) -> dict[str, RefOutcome]:
    updates = [update for parcel in batch for update in parcel.updates]
    return {one.ref: one for one in repo.remotes.push(remote, updates)}


def _trouble(told: Mapping[str, RefOutcome], parcel: Parcel) -> RefOutcome | None:
    """What went wrong with a run's refs, a refusal before a lost race."""
    wrong = [told[u.ref] for u in parcel.updates if not told[u.ref].is_there]
    refused = [one for one in wrong if one.state == REFUSED]
    return next(iter(refused or wrong), None)


def _outcome(parcel: Parcel, told: Mapping[str, RefOutcome]) -> RunSync:
    trouble = _trouble(told, parcel)
    if trouble is None:
        return RunSync(parcel.run_id, sent=parcel.kind)
    if trouble.state == STALE:
        detail = f"Somebody else moved {trouble.ref} meanwhile: {trouble.reason}."
        return RunSync(parcel.run_id, sent=Sent.STALE, detail=detail)
    detail = f"The server does not take {trouble.ref}: {trouble.reason}."
    return RunSync(parcel.run_id, sent=Sent.REFUSED, detail=detail)
