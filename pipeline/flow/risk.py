"""What is so risky that a person may want to see it before it lands."""

from pipeline.flow.context import RunContext
from pipeline.flow.judging import effective_policy
from pipeline.model.record import WorkstreamRecord
from pipeline.model.review import ReviewKind


def why_risky(context: RunContext, record: WorkstreamRecord) -> str:
    """Why a person is asked before checked work lands, as a sentence; empty where nobody is.

    Asked about are changes of protected names, which only a literal grant lets in, and changes of
    more than half of the files or lines that the policy permits; nothing that was approved.
    """
    if ReviewKind.RISK.value not in context.config.review.on:
        return ""
    if context.answered.approval(record) is not None:
        return ""
    repo = context.repo
    start, own = repo.commit_tree(record.start_commit), record.tree
    paths = [change.path for change in repo.trees.diff(start, own)]
    guarded = [path for path in paths if context.protected.matches(path)]
    if guarded:
        name = guarded[0].decode("utf-8", "backslashreplace")
        more = f" and {len(guarded) - 1} more" if len(guarded) > 1 else ""
        return f"it changes {name}{more}, which is protected."
    policy = effective_policy(context.config.policy, context.workstream(record.ws_id))
    if len(paths) * 2 > policy.max_files_changed:
        return f"it changes {len(paths)} files, more than half of what the policy permits."
    lines = _lines(context, record)
    if lines * 2 > policy.max_lines_changed:
        return f"it changes {lines} lines, more than half of what the policy permits."
    return ""


def _lines(context: RunContext, record: WorkstreamRecord) -> int:
    """The lines that the newest accepted patch adds and removes."""
    patches = context.ledger.patches(context.run_id)
    own = [p.patch for p in patches if p.ws_id == record.ws_id and p.patch.id == record.patch_id]
    return own[-1].added + own[-1].removed if own else 0
