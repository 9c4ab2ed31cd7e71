"""Where a run's journal is, and its newest batch as the writer needs to know it."""

import re
from dataclasses import dataclass, field

from pipeline.base.git import MissingObjectError, Repository
from pipeline.base.git.history import CommitInfo
from pipeline.store.journal.format import (
    EVENTS,
    MANIFEST,
    MAX_FILE,
    MAX_MANIFEST,
    VERDICTS,
    JournalError,
    digest_of,
    kind_of,
    read_manifest,
)
from pipeline.store.journal.lines import CorruptLineError, parse_line
from pipeline.store.journal.tree import FileTree
from pipeline.store.layout import Layout
from pipeline.store.records import Records

_UP_TO = re.compile(r"^Up to event ([0-9]{1,18})[.]$", re.MULTILINE)


def up_to(last_event: int) -> str:
    """How far a journal goes, as its commits say it."""
    return f"Up to event {last_event}."


@dataclass(slots=True)
class Tip:
    """The newest batch of a run's journal; without a ``commit`` there is none yet.

    ``lost`` is where the ref is then, if what it names is gone. ``last_event_id`` is the id of
    the last event in it. ``verdicts`` are those in it, by digest and time, ``verdict_lines``
    how many lines tell of them.
    """

    ref: str
    commit: str = ""
    lost: str = ""
    batch: int = 0
    digest: str = ""
    last_event: int = 0
    last_event_id: str = ""
    seconds: int = 0
    verdicts: set[tuple[str, str]] = field(default_factory=set)
    verdict_lines: int = 0
    verdict_number: int = 0
    tree: FileTree = field(default_factory=FileTree)


def head_of(repo: Repository, layout: Layout, run_id: str) -> tuple[str, str | None]:
    """The ref that holds a run's journal, and where it is; ``None`` where there is none yet."""
    archive, journal = layout.archive_ref(run_id), layout.journal_ref(run_id)
    refs = repo.refs.list(archive, journal)
    return (archive, refs[archive]) if archive in refs else (journal, refs.get(journal))


def is_fold(repo: Repository, commit: CommitInfo) -> bool:
    """Whether a commit of a journal is no batch: it only brings refs together."""
    if not commit.parents:
        return False
    try:
        return repo.commit_tree(commit.parents[0]) == commit.tree
    except MissingObjectError:
        return False


def read_tip(repo: Repository, layout: Layout, run_id: str) -> Tip:
    """The newest batch of a run's journal, for going on from it; it is not verified as a whole.

    One whose objects are gone (a disk that lost them) is begun anew: the database knows it all.
    Raises ``JournalError`` where it is none of ours.
    """
    ref, commit = head_of(repo, layout, run_id)
    if commit is None:
        return Tip(ref)
    try:
        return _read_tip(repo, run_id, ref, commit)
    except MissingObjectError:
        return Tip(ref, lost=commit)


def _read_tip(repo: Repository, run_id: str, ref: str, commit: str) -> Tip:
    found = repo.read_commit(commit)
    files = repo.trees.flatten(found.tree)
    entry = files.get(MANIFEST)
    if entry is None or any(kind_of(path) is None for path in files):
        raise refuse(run_id, commit, "it holds files that are not a journal's")
    try:
        manifest = read_manifest(repo.objects.read_kind(entry.oid, "blob", MAX_MANIFEST))
    except JournalError as error:
        raise refuse(run_id, commit, error.what, error.remedy) from None
    if manifest.run != run_id:
        raise refuse(run_id, commit, f"it is that of the run {manifest.run[:40]!r}")
    tip = Tip(
        ref,
        commit,
        batch=manifest.batch,
        digest=digest_of(manifest),
        last_event=manifest.last_event,
        seconds=found.committer.seconds if found.committer else 0,
        tree=FileTree((path, entry.oid) for path, entry in files.items()),
    )
    try:
        _read_slices(repo, tip)
    except CorruptLineError as error:
        raise refuse(run_id, commit, str(error)) from None
    return tip


def lags(repo: Repository, records: Records, run_id: str, commit: str) -> bool:
    """Whether the database knows events that the journal does not; quick, and not all there is."""
    try:
        found = _UP_TO.search(repo.read_commit(commit).message)
    except MissingObjectError:
        return True
    ((last,),) = records.query(
        "SELECT coalesce(max(seq), 0) FROM events WHERE run_id = ?", (run_id,)
    ) or ((0,),)
    return found is None or int(found[1]) < int(last)


def refuse(run_id: str, commit: str, why: str, remedy: str = "") -> JournalError:
    """The error that names a run, as far as it is known, a commit and what is wrong with it."""
    whose = f" of run {run_id}" if run_id else ""
    return JournalError(
        f"The journal{whose} is refused at the commit {commit[:12]}: {why}.",
        remedy=remedy
        or "Do not use it: fetch it anew from where it was written, or delete its ref below "
        "refs/pipeline/ and start with `pipeline run --fresh`.",
    )


def _read_slices(repo: Repository, tip: Tip) -> None:
    newest = [*tip.tree.below(EVENTS)][-1:]
    for path in (*newest, *tip.tree.below(VERDICTS)):
        oid = tip.tree.get(path) or ""
        for line in repo.objects.read_kind(oid, "blob", MAX_FILE).splitlines(keepends=True):
            table, row = parse_line(line)
            if table == "events":
                tip.last_event_id = row["id"]
            elif table == "verdicts":
                tip.verdicts.add((row["digest"], row["created_at"]))
                tip.verdict_lines += 1
