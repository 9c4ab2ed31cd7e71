"""Judging a stored change again, as it was judged when it was made."""

from collections.abc import Callable, Sequence

from pipeline.base.git import Repository, TreeChange
from pipeline.check.policy import judge_changes
from pipeline.flow.judging import effective_policy
from pipeline.model.patch import Objection
from pipeline.model.plan import Plan
from pipeline.model.protected import DEFAULT_PROTECTED
from pipeline.model.record import StepAttempt, WorkstreamRecord
from pipeline.model.scope import Protected, Scope
from pipeline.model.workstream import Workstream


def origin_commit(ws: WorkstreamRecord, attempt: StepAttempt) -> str:
    """Where the work began that an attempt belongs to: it may have been sent back since."""
    origin = str(attempt.details.get("origin", ""))
    if origin:
        return origin
    is_newest = attempt.details.get("returns", 0) == ws.returns
    return ws.start_commit if is_newest else ws.checked_start


def judge_again(
    repo: Repository,
    plan: Plan,
    bundle: Workstream,
    changes: Sequence[TreeChange],
    *,
    origin_tree: str,
    read: Callable[[str], bytes],
    size: Callable[[str], int],
) -> tuple[Objection, ...]:
    """What a bundle and the plan's policy have against a change since ``origin_tree``.

    ``read`` and ``size`` give a blob's bytes and number of bytes.
    """
    return judge_changes(
        changes,
        read=read,
        size=size,
        siblings=lambda folder: repo.trees.names(origin_tree, folder),
        scope=Scope(bundle.files_scope, bundle.files_create),
        protected=Protected(plan.config.policy.protected or DEFAULT_PROTECTED),
        policy=effective_policy(plan.config.policy, bundle),
    )
