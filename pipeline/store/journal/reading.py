"""Reading a journal that may come from anywhere: every batch is checked before a row is believed.

A chain is walked from its newest commit to its first, then checked the other way round: each batch
changes exactly the files that its manifest names, to exactly the bytes that it names, and names the
manifest before it. What was written once and never changes may not change later.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.base.errors import PipelineError
from pipeline.base.files import sha256
from pipeline.base.git import (
    FILE,
    MalformedObjectError,
    MissingObjectError,
    ObjectTooLargeError,
    Repository,
)
from pipeline.base.git.history import CommitInfo
from pipeline.base.ids import is_id
from pipeline.store.journal.chain import is_fold, refuse
from pipeline.store.journal.checking import RunRows
from pipeline.store.journal.format import (
    ERRORS,
    EVENTS,
    LOGS,
    MANIFEST,
    MAX_BATCHES,
    MAX_FILE,
    MAX_FILES,
    MAX_MANIFEST,
    MAX_TOTAL,
    PLAN,
    PUBLICATIONS,
    RUN,
    TEXTS,
    VERDICTS,
    WORKSTREAMS,
    JournalError,
    Manifest,
    digest_of,
    kind_of,
    never_changes,
    read_manifest,
    slice_of,
)
from pipeline.store.journal.lines import CorruptLineError, Row

_SEQUENCES = (EVENTS, VERDICTS)


@dataclass(frozen=True, slots=True)
class RunJournal:
    """What a journal says of a run, checked.

    ``rows`` are its rows by table, in the order in which they came; ``plan`` and ``texts`` (by
    patch id) are bytes, ``logs`` the kept part of each log by its path below ``tool_outputs``.
    """

    run_id: str
    commit: str
    batches: int
    last_event: int
    is_folded: bool
    rows: Mapping[str, tuple[Row, ...]]
    plan: bytes | None
    texts: Mapping[str, bytes]
    logs: Mapping[bytes, bytes]


@dataclass(slots=True)
class _Walk:
    """What is known after the batches that were checked so far."""

    run_id: str = ""
    previous: str = ""
    batch: int = 0
    last_event: int = 0
    total: int = 0
    tree: str = ""
    parents: tuple[str, ...] = ()
    files: dict[bytes, str] = field(default_factory=dict)
    ends: dict[bytes, int] = field(default_factory=lambda: dict.fromkeys(_SEQUENCES, 0))
    sequences: dict[bytes, list[bytes]] = field(
        default_factory=lambda: {kind: [] for kind in _SEQUENCES}
    )


def read(repo: Repository, commit: str) -> RunJournal:
    """Read and check the journal whose newest commit this is; nothing is changed.

    Raises ``JournalError`` for an unknown format, a gap, anything that was changed afterwards,
    names and sizes that are not a journal's, and rows that are not as their schema wants them.
    """
    batches, is_folded = _line(repo, commit)
    walk = _Walk(tree=repo.objects.empty_tree)
    for batch in batches:
        try:
            _check_batch(repo, walk, batch)
        except (CorruptLineError, JournalError) as error:
            remedy = error.remedy if isinstance(error, JournalError) else ""
            what = error.what if isinstance(error, JournalError) else str(error)
            raise refuse(walk.run_id, batch.oid, what, remedy) from None
        except (MalformedObjectError, MissingObjectError, ObjectTooLargeError) as error:
            raise refuse(walk.run_id, batch.oid, error.what.rstrip(".")) from error
    try:
        return _journal(repo, walk, commit, is_folded=is_folded)
    except (CorruptLineError, JournalError) as error:
        raise refuse(walk.run_id, commit, str(error).rstrip(".")) from None


def _line(repo: Repository, commit: str) -> tuple[list[CommitInfo], bool]:
    """The batches up to a commit, the oldest first, and whether the run was folded."""
    batches: list[CommitInfo] = []
    is_folded = False
    at = commit
    while True:
        try:
            found = repo.read_commit(at)
            entry = repo.trees.entries(found.tree).get(MANIFEST)
            if entry is None:
                raise JournalError("it has no manifest")
            if is_fold(repo, found):
                is_folded, at = True, found.parents[0]
                continue
            manifest = read_manifest(repo.objects.read_kind(entry.oid, "blob", MAX_MANIFEST))
        except JournalError as error:
            raise refuse("", at, error.what, error.remedy) from None
        except PipelineError as error:
            raise refuse("", at, f"it cannot be read: {error.what.rstrip('.')}") from error
        batches.append(found)
        if manifest.batch == 1:
            return batches[::-1], is_folded
        if len(found.parents) != 1 or len(batches) > MAX_BATCHES:
            raise refuse(manifest.run, at, f"no single batch comes before its {manifest.batch}th")
        at = found.parents[0]


def _check_batch(repo: Repository, walk: _Walk, commit: CommitInfo) -> None:
    changed = _changed(repo, walk, commit.tree)
    manifest = _manifest(repo, walk, changed.pop(MANIFEST, None))
    named = {path.encode("utf-8", "replace") for path in manifest.files}
    if named != changed.keys():
        odd = min(named ^ changed.keys())
        raise JournalError(f"its manifest and its files differ about {odd[:80]!r}")
    for path in sorted(changed):
        _check_file(repo, walk, path, changed[path], manifest.files[path.decode()])
    if walk.ends[EVENTS] != manifest.last_event:
        raise JournalError(f"it should go up to event {manifest.last_event}, and does not")
    if manifest.batch == 1:
        walk.parents = commit.parents
    walk.files |= changed
    walk.tree, walk.batch, walk.previous = commit.tree, manifest.batch, digest_of(manifest)
    walk.last_event = manifest.last_event


def _changed(repo: Repository, walk: _Walk, tree: str) -> dict[bytes, str]:
    """The blobs that are new or other than before, by path; refuses what may not be."""
    changed: dict[bytes, str] = {}
    for change in repo.trees.diff(walk.tree, tree):
        path, after = change.path, change.after
        if after is None:
            raise JournalError(f"{path[:80]!r} is gone")
        if kind_of(path) is None or after.mode != FILE:
            raise JournalError(f"it holds {path[:80]!r}, which is not a journal's file")
        if change.before is not None and never_changes(path):
            raise JournalError(f"{path.decode()} was changed after it was written")
        changed[path] = after.oid
    if len(walk.files) + len(changed) > MAX_FILES:
        raise JournalError(f"it has more than {MAX_FILES} files")
    return changed


def _manifest(repo: Repository, walk: _Walk, oid: str | None) -> Manifest:
    if oid is None:
        raise JournalError("it brings no manifest")
    manifest = read_manifest(repo.objects.read_kind(oid, "blob", MAX_MANIFEST))
    if not is_id(manifest.run) or manifest.run != (walk.run_id or manifest.run):
        raise JournalError(f"it is of another run, {manifest.run[:40]!r}")
    walk.run_id = manifest.run
    if manifest.batch != walk.batch + 1:
        raise JournalError(f"batch {walk.batch + 1} is missing; {manifest.batch} is in its place")
    if manifest.previous != walk.previous:
        raise JournalError("the batch before it is not the one that it was written after")
    return manifest


def _check_file(repo: Repository, walk: _Walk, path: bytes, oid: str, digest: str) -> None:
    data = repo.objects.read_kind(oid, "blob", MAX_FILE)
    walk.total += len(data)
    if walk.total > MAX_TOTAL:
        raise JournalError("it is larger than any journal of ours")
    if sha256(data) != digest:
        raise JournalError(f"{path.decode()} does not have the hash that its manifest names")
    kind = kind_of(path) or b""
    if kind in _SEQUENCES:
        part, end = slice_of(path), walk.ends[kind]
        if part.first != end + 1 or part.last < part.first:
            raise JournalError(f"{path.decode()} does not follow number {end}")
        if data.count(b"\n") != part.last - part.first + 1 or not data.endswith(b"\n"):
            raise JournalError(f"{path.decode()} does not have as many lines as its name says")
        walk.ends[kind] = part.last
        walk.sequences[kind].append(path)
    elif kind == TEXTS and sha256(data) != path.partition(b"/")[2].decode():
        raise JournalError(f"{path.decode()} is another patch than its name says")


def _in_order(walk: _Walk) -> Iterator[bytes]:
    """The files that hold rows; sequences in their order, the others by name."""
    for kind in _SEQUENCES:
        yield from walk.sequences[kind]
    yield from (path for path in (RUN, ERRORS, PUBLICATIONS) if path in walk.files)
    yield from _below(walk, WORKSTREAMS)


def _below(walk: _Walk, kind: bytes) -> Iterator[bytes]:
    return (path for path in sorted(walk.files) if kind_of(path) == kind)


def _journal(repo: Repository, walk: _Walk, commit: str, *, is_folded: bool) -> RunJournal:
    def content(path: bytes) -> bytes:
        return repo.objects.read_kind(walk.files[path], "blob", MAX_FILE)

    rows = RunRows(walk.run_id)
    for path in _in_order(walk):
        rows.take(path, content(path))
    plan = content(PLAN) if PLAN in walk.files else None
    texts = {p.partition(b"/")[2].decode(): content(p) for p in _below(walk, TEXTS)}
    rows.require_whole(plan, texts)
    base = rows.by_table()["runs"][0]["base_commit"]
    if walk.parents not in ((), (base,)):
        raise JournalError("its first batch follows a commit that is not the run's base")
    return RunJournal(
        walk.run_id,
        commit,
        walk.batch,
        walk.last_event,
        is_folded,
        rows.by_table(),
        plan,
        texts,
        {p.partition(b"/")[2]: content(p) for p in _below(walk, LOGS)},
    )
