"""Folding: all refs of a run that has ended become one, from which everything stays reachable.

The archive is a commit on top of the journal that changes nothing in it; its other parents are
the commits that the run's refs named, and its message says which ref named which. What is
recorded of the run later goes on from there.
"""

import re
from collections.abc import Iterable, Mapping

from pipeline.base.git import Identity, RefUpdate, Repository, is_ref_name
from pipeline.base.git.history import commit_bytes
from pipeline.base.git.packs import ObjectBatch
from pipeline.model.record import RunRecord
from pipeline.model.states import FINAL, RunState
from pipeline.store.journal.chain import head_of, is_fold
from pipeline.store.journal.format import MANIFEST
from pipeline.store.journal.writing import EMAIL, NAME, REF_MESSAGE, write
from pipeline.store.layout import REF_ROOT, Layout
from pipeline.store.records import Records

_ENDED = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.ABANDONED})
_REF = re.compile(r"^Pipeline-Ref: ([0-9a-f]{40}|[0-9a-f]{64}) (\S+)$", re.MULTILINE)


def is_finished(records: Records, run: RunRecord) -> bool:
    """Whether nothing carries a run on any more; one with open reviews may go on."""
    if run.state in _ENDED:
        return True
    states = [ws.state for ws in records.workstreams(run.run_id)]
    return run.state is RunState.PARTIAL and all(state in FINAL for state in states)


def settle(
    repo: Repository, layout: Layout, records: Records, run: RunRecord, *, log_bytes: int
) -> str:
    """Bring a run's journal up to the database, and fold the run where it is finished.

    Returns the newest commit, empty where there is none. Raises as `write`.
    """
    head = write(repo, layout, records, run.run_id, log_bytes=log_bytes)
    return fold(repo, layout, run.run_id) if head and is_finished(records, run) else head


def fold(repo: Repository, layout: Layout, run_id: str) -> str:
    """Replace the refs of a run by one; returns the commit that it names.

    All of them move in one transaction, or none. Nothing happens where it was done already or
    where there is no journal; ``RefUpdateError`` where somebody else moves one of them.
    """
    ref, head = head_of(repo, layout, run_id)
    archive = layout.archive_ref(run_id)
    if head is None or ref == archive:
        return head or ""
    refs = repo.refs.list(*_prefixes(layout, run_id))
    commit = _commit(repo, run_id, head, refs)
    updates = [RefUpdate(archive, commit, None), RefUpdate(ref, None, head)]
    updates += [RefUpdate(name, None, oid) for name, oid in refs.items()]
    repo.refs.update(updates, message=REF_MESSAGE)
    return commit


def unfold(repo: Repository, layout: Layout, run_id: str) -> None:
    """Give a run that is carried on its refs back, all in one transaction.

    Nothing happens where it was not folded.
    """
    ref, head = head_of(repo, layout, run_id)
    if head is None or ref != layout.archive_ref(run_id):
        return
    journal = layout.journal_ref(run_id)
    present = repo.refs.list(*_prefixes(layout, run_id), journal)
    updates = [RefUpdate(journal, head, present.get(journal)), RefUpdate(ref, None, head)]
    updates += [
        RefUpdate(name, oid, present.get(name)) for name, oid in folded_refs(repo, head).items()
    ]
    repo.refs.update(updates, message=REF_MESSAGE)


def run_refs(repo: Repository, layout: Layout, run_id: str) -> Mapping[str, str]:
    """Where the refs of a run are, by full name; of a folded run, where they were."""
    present = repo.refs.list(*_prefixes(layout, run_id), layout.archive_ref(run_id))
    archive = present.pop(layout.archive_ref(run_id), None)
    # What is left beside an archive was fetched before it, and is older.
    return {**present, **folded_refs(repo, archive)} if archive else present


def folded_refs(repo: Repository, archive: str) -> Mapping[str, str]:
    """The refs that were folded into an archive, by full name.

    Only what is a parent of the archive counts: the message alone keeps nothing alive.
    """
    at: str | None = archive
    while at is not None:
        commit = repo.read_commit(at)
        if MANIFEST not in repo.trees.entries(commit.tree):
            break  # the base, and what came before it
        if is_fold(repo, commit):
            found = {f"{REF_ROOT}/{name}": oid for oid, name in _REF.findall(commit.message)}
            return {
                name: oid
                for name, oid in found.items()
                if oid in commit.parents[1:] and is_ref_name(name)
            }
        at = commit.parents[0] if commit.parents else None
    return {}


def _prefixes(layout: Layout, run_id: str) -> tuple[str, str]:
    return layout.state_refs(run_id), layout.run_ref(run_id)


def _commit(repo: Repository, run_id: str, head: str, refs: Mapping[str, str]) -> str:
    newest = repo.read_commit(head)
    who = Identity(NAME, EMAIL, newest.committer.seconds if newest.committer else 0)
    data = commit_bytes(
        tree=newest.tree,
        parents=(head, *_distinct(refs.values(), head)),
        message=_message(run_id, newest.message, refs),
        author=who,
        committer=who,
    )
    objects = ObjectBatch(repo.objects.loose.path, repo.object_format)
    commit = objects.write("commit", data)
    objects.flush()
    return commit


def _message(run_id: str, newest: str, refs: Mapping[str, str]) -> str:
    lines = [f"Archive of run {run_id}", "", newest.strip().splitlines()[-1], ""]
    for name, oid in sorted(refs.items()):
        lines.append(f"Pipeline-Ref: {oid} {name.removeprefix(f'{REF_ROOT}/')}")
    return "\n".join(lines) + "\n"


def _distinct(oids: Iterable[str], head: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(oid for oid in oids if oid != head))
