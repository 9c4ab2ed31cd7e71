"""What a change was held to, found again: with answers, and with both sides of a conflict."""

from collections.abc import Sequence

from pipeline.base.git.witness import CommitFacts
from pipeline.flow.conflicts import meets, sent_back, widened
from pipeline.flow.verify_case import Case
from pipeline.model.codec import decode_bytes
from pipeline.model.event import EventType
from pipeline.model.protected import DEFAULT_PROTECTED
from pipeline.model.record import StepAttempt, WorkstreamRecord
from pipeline.model.scope import Protected
from pipeline.model.workstream import Workstream

_LIMIT = 100_000


def bundle_at(case: Case, attempt: StepAttempt, start: str) -> Workstream | None:
    """The bundle that an accepted change was held to; ``None`` where the plan has none."""
    returns = int(attempt.details.get("returns", 0))
    return _bundle(case, attempt.ws_id, attempt.generation, returns=returns, start=start)


def landing_bundle(case: Case, ws: WorkstreamRecord) -> Workstream | None:
    """The bundle whose checks had to pass before a workstream landed."""
    return _bundle(case, ws.ws_id, ws.generation, returns=ws.returns, start=ws.start_commit)


def is_known_start(case: Case, ws: WorkstreamRecord, start: str) -> bool:
    """Whether a workstream really began there: its events or the integration branch tell of it."""
    told = {
        event.payload.get(key)
        for event in case.events
        if event.ws_id == ws.ws_id
        and event.type in (EventType.STATE_TRANSITION, EventType.MERGE_CONFLICT)
        for key in ("start_commit", "onto")
    }
    if start in (ws.start_commit, ws.checked_start) or start in told:
        return True
    tip = case.run.integration_commit
    return start in {link.oid for link in _links(case, tip)}


def _bundle(
    case: Case, ws_id: str, generation: int, *, returns: int, start: str
) -> Workstream | None:
    bundle = case.bundle(ws_id, generation)
    if bundle is None or not returns:
        return bundle
    merges = [a for a in case.attempts_of(ws_id) if a.generation == generation]
    conflict = sent_back(merges, returns)
    if conflict is None or case.plan is None:
        return bundle
    along = _others(case, ws_id, conflict, start)
    base_tree, start_tree = case.tree_of(case.run.base_commit), case.tree_of(start)
    changes = case.witness.changes(base_tree, start_tree) if base_tree and start_tree else ()
    created = [change.path for change in changes if change.before is None]
    protected = Protected(case.plan.config.policy.protected or DEFAULT_PROTECTED)
    return widened(bundle, along, created, protected)


def _others(case: Case, ws_id: str, conflict: StepAttempt, start: str) -> list[Workstream]:
    """Who, of those that the record names, really landed before and changed a path at odds."""
    named = conflict.details.get("others", ())
    paths = [decode_bytes(item["path"]) for item in conflict.details.get("files", ())]
    by_commit = {ws.commit: ws for ws in case.workstreams}
    known = {ws_id, *(case.plan.closure(ws_id) if case.plan else ())}
    found: list[Workstream] = []
    before = case.tree_of(case.run.base_commit)
    for link in _links(case, start):
        other = by_commit.get(link.parents[1]) if len(link.parents) > 1 else None
        changed = [change.path for change in case.witness.changes(before, link.tree)]
        before = link.tree
        if other is None or other.ws_id not in named or other.ws_id in known:
            continue
        bundle = case.bundle(other.ws_id, other.generation)
        if bundle is not None and meets(paths, changed):
            found.append(bundle)
    return found


def _links(case: Case, tip: str) -> Sequence[CommitFacts]:
    base = case.run.base_commit
    if not tip or tip == base or tip not in case.witness.commits([tip]):
        return ()
    return case.witness.first_parents(base, tip, _LIMIT)
