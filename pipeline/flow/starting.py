"""From ``pending`` to ``editing``: find the starting point and write it down."""

from collections.abc import Mapping

from pipeline.flow.context import RunContext
from pipeline.land.merge import conflict_sentence
from pipeline.land.start import StartingPoint, Work, starting_point
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.record import WorkstreamRecord
from pipeline.model.states import WorkstreamState


def start(
    context: RunContext, record: WorkstreamRecord, dependencies: Mapping[str, WorkstreamRecord]
) -> WorkstreamRecord:
    """Move a workstream to ``editing``, from the base with its dependencies merged."""
    ledger, run_id, ws_id = context.ledger, context.run_id, record.ws_id
    if record.state is WorkstreamState.PENDING:
        record = ledger.move(
            run_id, ws_id, record.state, WorkstreamState.READY, "All dependencies are checked."
        )
    point = _find(context, record, dependencies)
    if not point.is_clean:
        reason = (
            f"its dependencies cannot be merged: {point.conflicting} conflicts with those before "
            f"it in {conflict_sentence(point.conflicts)}."
        )
        return _refuse(context, record, reason, point.conflicting)
    problem = context.why_no_set_up(point.tree)
    if problem:
        reason = f"its dependencies merged have no set-up: {problem}"
        return _refuse(context, record, reason, ", ".join(dependencies))
    context.anchor(ws_id, point.commit)
    return ledger.move(
        run_id,
        ws_id,
        WorkstreamState.READY,
        WorkstreamState.EDITING,
        f"Starts from {point.commit[:12]}.",
        changes={"start_commit": point.commit, "commit": point.commit, "tree": point.tree},
        payload={"start_commit": point.commit, "start_tree": point.tree},
    )


def work_of(context: RunContext, ws_id: str, start_commit: str, commit: str) -> Work:
    """A workstream as merging sees it: from ``start_commit`` to ``commit``."""
    return Work(
        ws_id,
        context.repo.commit_tree(start_commit),
        context.repo.commit_tree(commit),
        commit,
        frozenset(context.graph.closures[ws_id]),
    )


def _find(
    context: RunContext, record: WorkstreamRecord, dependencies: Mapping[str, WorkstreamRecord]
) -> StartingPoint:
    closure = [dependencies[dep] for dep in context.graph.closures[record.ws_id]]
    return starting_point(
        context.repo,
        context.plan.base_commit,
        # A dependency that landing sent back has a newer commit; its first checked one counts,
        # so that the start does not depend on when this workstream was taken up.
        [work_of(context, d.ws_id, d.checked_start, d.checked_commit) for d in closure],
        ws_id=record.ws_id,
        identity=context.author(),
    )


def _refuse(
    context: RunContext, record: WorkstreamRecord, reason: str, dependency: str
) -> WorkstreamRecord:
    return context.ledger.move(
        context.run_id,
        record.ws_id,
        record.state,
        WorkstreamState.BLOCKED,
        f"{record.ws_id} is blocked: {reason}",
        changes={"reason": reason, "reason_code": "dependency_conflict"},
        events=(
            EventDraft(
                EventType.DEPENDENCY_BLOCKED,
                f"{record.ws_id} is blocked: {reason}",
                level=Level.WARNING,
                payload={"dependency": dependency},
            ),
        ),
    )
