"""The round after a merge conflict: whose work it is with, and what the answer is held to.

Landing sends a workstream back once. What is made then may touch what either side may touch, and
has to pass the acceptance tests of both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.base.git import Conflict, TreeEntry
from pipeline.flow.attempts import past
from pipeline.flow.context import RunContext
from pipeline.model.codec import decode_bytes, encode_bytes
from pipeline.model.edit import ConflictFile, ConflictSides, OtherWork
from pipeline.model.glob import escape
from pipeline.model.record import Step, StepAttempt, WorkstreamRecord
from pipeline.model.scope import Protected, Scope
from pipeline.model.states import WorkstreamState
from pipeline.model.workstream import Workstream

CODE = "merge_conflict"
_MAX_BYTES = 256 * 1024


def conflict_of(context: RunContext, record: WorkstreamRecord) -> StepAttempt | None:
    """The landing whose conflict a workstream was sent back for; ``None`` where it was not."""
    if not record.returns:
        return None
    return sent_back(past(context, record, Step.MERGE), record.returns)


def sent_back(merges: Iterable[StepAttempt], returns: int) -> StepAttempt | None:
    """The attempt to land, among those of a generation, that led to a round by a conflict."""
    of_round = [a for a in merges if a.step is Step.MERGE and a.number == returns]
    return next((a for a in of_round[:1] if a.details.get("code") == CODE), None)


def is_conflict_round(context: RunContext, record: WorkstreamRecord) -> bool:
    """Whether a workstream is being edited because it conflicted with what landed."""
    return conflict_of(context, record) is not None


def others(context: RunContext, record: WorkstreamRecord) -> tuple[Workstream, ...]:
    """The workstreams whose landed work the conflict is with, in the order of their landing."""
    conflict = conflict_of(context, record)
    ids = conflict.details.get("others", ()) if conflict else ()
    return tuple(context.workstream(ws_id) for ws_id in ids)


def held_to(context: RunContext, record: WorkstreamRecord) -> Workstream:
    """The bundle that work on a workstream is held to, in the round that it is in."""
    ws = context.workstream(record.ws_id)
    along = others(context, record)
    if not along:
        return ws
    trees, repo = context.repo.trees, context.repo
    base = repo.commit_tree(context.plan.base_commit)
    changes = trees.diff(base, repo.commit_tree(record.start_commit))
    created = [change.path for change in changes if change.before is None]
    return widened(ws, along, created, context.protected)


def widened(
    ws: Workstream, along: Sequence[Workstream], created: Iterable[bytes], protected: Protected
) -> Workstream:
    """A bundle with the scopes and the acceptance tests of others.

    ``created`` are the paths that are new since the run's base: who may create such a path may
    now change it. No glob of either side grants a protected name.
    """
    sides = (ws, *along)
    scope = [pattern for side in sides for pattern in side.files_scope]
    create = [pattern for side in sides for pattern in side.files_create]
    union = Scope(scope, create)
    new = [
        escape(path.decode("utf-8", "surrogateescape"))
        for path in created
        if union.may_create(path) and (union.grants_literally(path) or not protected.matches(path))
    ]
    tests = [
        replace(check, name=f"{other.id}: {check.name}")
        for other in along
        for check in other.acceptance_tests
    ]
    return replace(
        ws,
        files_scope=tuple(dict.fromkeys((*scope, *new))),
        files_create=tuple(dict.fromkeys(create)),
        acceptance_tests=(*ws.acceptance_tests, *tests),
    )


def found_others(
    context: RunContext, record: WorkstreamRecord, tip: str, conflicts: Sequence[Conflict]
) -> tuple[str, ...]:
    """The ids of the workstreams that landed beside this one and changed a conflicting path."""
    base = context.plan.base_commit
    if tip == base:
        return ()
    done = {
        r.commit: r.ws_id
        for r in context.ledger.workstreams(context.run_id)
        if r.state in (WorkstreamState.DONE, WorkstreamState.MERGING)
    }
    known = {record.ws_id, *context.graph.closures[record.ws_id]}
    found = []
    before = context.repo.commit_tree(base)
    for link in context.repo.first_parents(base, tip):
        ws_id = done.get(link.parents[1]) if len(link.parents) > 1 else None
        changed = [change.path for change in context.repo.trees.diff(before, link.tree)]
        if ws_id and ws_id not in known and meets([c.path for c in conflicts], changed):
            found.append(ws_id)
        before = link.tree
    return tuple(found)


def meets(conflicting: Iterable[bytes], changed: Iterable[bytes]) -> bool:
    """Whether one of the paths is, or lies in, one of the others, where case does not count."""
    ones, others_ = ({_folded(path) for path in paths} for paths in (conflicting, changed))
    return bool(ones & others_) or any(
        one.startswith(other + "/") or other.startswith(one + "/")
        for one in ones
        for other in others_
    )


def details_of(conflicts: Sequence[Conflict], along: Sequence[str]) -> dict[str, Any]:
    """What the attempt to land keeps of a conflict, so that both sides can be shown later."""
    files = [
        {
            "path": encode_bytes(c.path),
            "kind": c.kind.value,
            **{side: _oid(getattr(c, side)) for side in ("base", "ours", "theirs")},
        }
        for c in conflicts
    ]
    return {"others": list(along), "files": files}


def sides_of(context: RunContext, record: WorkstreamRecord) -> ConflictSides | None:
    """Both sides of the conflict that a workstream was sent back for; ``None`` where it was not."""
    conflict = conflict_of(context, record)
    if conflict is None:
        return None
    works = tuple(OtherWork(ws.id, ws.title, ws.tasks) for ws in others(context, record))
    files = tuple(_file(context, item) for item in conflict.details.get("files", ()))
    return ConflictSides(works, files)


def _file(context: RunContext, item: Mapping[str, Any]) -> ConflictFile:
    base, ours, theirs = (_text(context, str(item[side])) for side in ("base", "ours", "theirs"))
    return ConflictFile(decode_bytes(item["path"]), str(item["kind"]), base, ours, theirs)


def _text(context: RunContext, oid: str) -> bytes | None:
    objects = context.repo.objects
    if not oid or not objects.has(oid) or objects.size(oid) > _MAX_BYTES:
        return None
    return objects.read_kind(oid, "blob")


def _oid(entry: TreeEntry | None) -> str:
    return entry.oid if entry is not None and not entry.is_directory else ""


def _folded(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape").casefold()
