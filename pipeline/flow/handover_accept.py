"""Accepting a run that was handed over as files: everything is checked, nothing is run.

In this order: the files, the bundle's header, every object as it comes in, where the commits come
from, the journal's chain, and then the whole run with plain git, as `pipeline verify` does, in a
database of its own. Only a run that is sound gets into the database here; else its refs are taken
back.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.base.console import safe
from pipeline.base.errors import PipelineError
from pipeline.base.git import GitError, RefUpdate, Repository
from pipeline.base.git.ancestry import is_ancestor
from pipeline.flow.handover_base import changed_paths, differences, guarded
from pipeline.flow.handover_files import Handover, HandoverError, read_handover
from pipeline.flow.rebuilding import Rebuilt, bring_up, journal_heads
from pipeline.flow.sync import run_lock
from pipeline.flow.sync_journal import Named
from pipeline.flow.sync_outcome import Received
from pipeline.flow.sync_receive import take_over
from pipeline.flow.sync_refs import RunRefs, look_here
from pipeline.flow.verify import Verification, verify
from pipeline.model.plan import Plan
from pipeline.store.journal import JournalError, RunJournal, folded_refs, read, rebuild
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock
from pipeline.store.records import Records

_COMMAND = "pipeline handover"
_UNPACK_TIMEOUT_S = 600.0
_MOST_OLDER = 50
_MOST_OTHER = 100
_DURABLE = ("-c", "core.fsync=pack,pack-metadata,loose-object")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A run that was handed over, or that was refused because it is not sound.

    ``needs_human`` are paths that a person has to look at before anything is merged: protected
    names that the work changes, and bundles and configuration that are others than at the base
    commit (``other_bundles`` names the former by workstream). ``answered`` are workstreams for
    which the run says that a person answered a review. ``disagreements`` are what `verify` found.
    """

    run_id: str
    status: str
    base_commit: str
    is_sound: bool
    comparisons: int
    disagreements: tuple[str, ...]
    needs_human: tuple[str, ...]
    other_bundles: tuple[str, ...]
    is_config_other: bool
    answered: tuple[str, ...]


class _UnsoundError(Exception):
    """Takes the refs back on its way out."""

    def __init__(self, found: Accepted) -> None:
        self.found = found
        super().__init__()


def accept(repo: Repository, layout: Layout, folder: Path, base: str) -> Accepted:
    """Take a run over from files, if it can be believed; it starts from the commit ``base``.

    Raises HandoverError where it cannot (nothing was changed), UnfitError where an engine works
    here. Where the run is not sound that is told, and nothing was changed either.
    """
    try:
        return _accept(repo, layout, folder, base)
    except _UnsoundError as error:
        return error.found


def _accept(repo: Repository, layout: Layout, folder: Path, base: str) -> Accepted:
    handover = read_handover(folder)
    commit = repo.resolve_commit(base)
    if commit != handover.base_commit:
        raise HandoverError(
            f"its run starts from {handover.base_commit[:12]}, and {commit[:12]} is expected",
            remedy="Name the commit that the run was started from with --base.",
        )
    with run_lock(repo, layout, _COMMAND) as lock:
        _unpack(repo, handover)
        _require_based(repo, handover)
        ours = look_here(repo).run(handover.run_id)
        with _moved(repo, handover, ours) as journal:
            found = _judge(repo, layout, journal)
            if not found.is_sound:
                raise _UnsoundError(found)
            with Ledger(layout, lock, durable=repo.objects.flush) as ledger:
                _require_taken(bring_up(ledger, repo, layout, [journal]))
    return found


def _require_taken(told: Sequence[Rebuilt]) -> None:
    for one in told:
        if one.outcome in ("ahead", "refused"):
            raise HandoverError(one.reason.rstrip("."))


def _unpack(repo: Repository, handover: Handover) -> None:
    """Bring the pack in: git computes every id, checks every object and that no link is broken."""
    size = {"sha1": 20, "sha256": 32}[repo.object_format]
    end = hashlib.new(repo.object_format, handover.pack[:-size], usedforsecurity=False).digest()
    if handover.pack[-size:] != end:  # git would read up to the pack's end and leave the rest
        raise HandoverError("git does not take its objects: the pack is not whole, or not alone")
    flags = ("--stdin", "--fix-thin", "--strict", f"--max-input-size={len(handover.pack)}")
    try:
        repo.git(*_DURABLE, "index-pack", *flags, stdin=handover.pack, timeout_s=_UNPACK_TIMEOUT_S)
    except GitError as error:
        raise HandoverError(
            f"git does not take its objects: {error.what[-300:].rstrip('.')}"
        ) from error


def _require_based(repo: Repository, handover: Handover) -> None:
    """Everything that is new has to descend from the base, and be there as a whole."""
    base, tips = handover.base_commit, sorted(set(handover.refs.values()))
    wanted = "".join(f"{oid}\n" for oid in tips) + f"^{base}\n"
    try:
        for oid in tips:
            repo.read_commit(oid)
        repo.git("rev-list", "--objects", "--quiet", "--stdin", stdin=wanted.encode())
        new = repo.git("rev-list", "--stdin", stdin=wanted.encode()).out
        based = repo.git("rev-list", "--ancestry-path", "--stdin", stdin=wanted.encode()).out
    except PipelineError as error:
        raise HandoverError(
            f"its commits are not all there: {error.what[-300:].rstrip('.')}"
        ) from error
    foreign = set(new.split()) - set(based.split())
    if foreign:
        oid = min(foreign).decode("ascii")
        raise HandoverError(f"it brings the commit {oid[:12]}, which is not based on {base[:12]}")
    for oid in tips:
        if not is_ancestor(repo, base, oid):
            raise HandoverError(f"its commit {oid[:12]} is not based on {base[:12]}")


@contextmanager
def _moved(repo: Repository, handover: Handover, ours: RunRefs) -> Iterator[RunJournal]:
    """Have our refs where the handover's are; on any trouble they go back."""
    staged = handover.run_refs
    if staged.refs != ours.refs:
        told = take_over(repo, "the job that packed it", staged, ours)
        if told.received not in (Received.NEW, Received.UPDATED):
            raise HandoverError(told.detail.rstrip("."))
    try:
        try:
            journal = read(repo, staged.head)
        except JournalError as error:
            raise HandoverError(error.what.rstrip(".")) from error
        _require_run(journal, handover)
        yield journal
    except BaseException:
        _take_back(repo, handover.run_id, ours)
        raise


def _take_back(repo: Repository, run_id: str, before: RunRefs) -> None:
    now = look_here(repo).run(run_id)
    names = sorted({*now.refs, *before.refs})
    moves = [
        RefUpdate(now.name(rest), before.refs.get(rest), now.refs.get(rest))
        for rest in names
        if before.refs.get(rest) != now.refs.get(rest)
    ]
    repo.refs.update(moves, message="git-pipeline: handover refused")


def _require_run(journal: RunJournal, handover: Handover) -> None:
    (row,) = journal.rows["runs"]
    if row["base_commit"] != handover.base_commit:
        raise HandoverError(
            f"its journal starts from {str(row['base_commit'])[:12]}, not from "
            f"{handover.base_commit[:12]}"
        )
    if journal.plan is None:
        raise HandoverError("its run has no plan")


def _judge(repo: Repository, layout: Layout, journal: RunJournal) -> Accepted:
    """Verify a run in a database of its own, and hold it against its base commit.

    Work and verdicts that it took from older runs are proved by the journals of these that are
    here; without them it is not sound.
    """
    journals = [*_older(repo, journal), journal]
    named = Named.of(journal)
    # First: git itself would unfold a tree that a few objects make endless.
    changed_paths(repo, named.base, filter(repo.objects.has, named.commits))
    with tempfile.TemporaryDirectory(prefix="handover-", dir=repo.temporary) as name:
        aside = replace(layout, top=Path(name))
        with RunLock(aside, command=_COMMAND) as lock, Ledger(aside, lock) as ledger:
            rebuild(ledger, repo, aside, journals)
        with Records(aside) as records:
            verified = verify(records, repo, aside, journal.run_id)
            plan = records.plan(journal.run_id)
    return _accepted(repo, journal, plan, verified)


def require_few(other_bundles: Sequence[str]) -> None:
    """Refuse a run with very many bundles that only the other job knows: each is published."""
    if len(other_bundles) > _MOST_OTHER:
        raise HandoverError(
            f"it has {len(other_bundles)} bundles that are not those of the base commit, and "
            f"{_MOST_OTHER} are the most",
            remedy="Commit the bundles before the run.",
        )


def _older(repo: Repository, journal: RunJournal) -> list[RunJournal]:
    found = []
    heads = journal_heads(repo)
    for run_id in [one for one in heads if one < journal.run_id][-_MOST_OLDER:]:
        with suppress(JournalError):  # what cannot be read proves nothing
            older = read(repo, heads[run_id])
            if older.run_id == run_id:
                found.append(older)
    return found


def _accepted(
    repo: Repository, journal: RunJournal, plan: Plan, verified: Verification
) -> Accepted:
    named, base = Named.of(journal), plan.base_commit
    difference = differences(repo, plan)
    if difference.unprotected:  # whatever comes next believes the plan about that
        raise HandoverError(
            f"its configuration does not protect {safe(difference.unprotected[0], 80)!r}, and that "
            "of the base commit does",
            remedy="Commit what policy.protected is to be before the run.",
        )
    if difference.has_other_branches:  # these are pushed to
        raise HandoverError(
            "its branches do not begin as the configuration of the base commit says",
            remedy="Commit what paths.ws_prefix and paths.run_prefix are to be before the run.",
        )
    require_few(difference.bundles)
    work = {*named.needed, *folded_refs(repo, journal.commit).values()}
    paths = changed_paths(repo, base, work)
    answered = {row["ws_id"] for row in journal.rows["reviews"] if row["state"] != "open"}
    return Accepted(
        journal.run_id,
        verified.status.value,
        base,
        verified.is_sound,
        sum(check.count for check in verified.checks),
        tuple(what for check in verified.checks for what in check.disagreements),
        tuple(sorted({*guarded(paths, difference.protected), *difference.sources})),
        difference.bundles,
        difference.is_config_other,
        tuple(sorted(answered)),
    )
