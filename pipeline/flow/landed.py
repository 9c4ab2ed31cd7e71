"""What has landed already, found by looking at the integration branch; nothing foreign counts."""

from collections.abc import Mapping

from pipeline.base.errors import UnfitError
from pipeline.base.git import CommitInfo
from pipeline.flow.context import RunContext
from pipeline.flow.starting import work_of
from pipeline.land.merge import Integration, merge_work
from pipeline.model.record import WorkstreamRecord
from pipeline.model.states import WorkstreamState


def landed_work(context: RunContext, base: str, tip: str) -> Mapping[str, str]:
    """The landing of each workstream's commit between ``base`` and ``tip``, all commits.

    Raises ``UnfitError`` where these are not all that is stored as landed, and then merges that
    an engine which died made of what it was about to land: somebody moved the branch.
    """
    records = context.ledger.workstreams(context.run_id)
    done = {r.landing_commit for r in records if r.state is WorkstreamState.DONE}
    merging = {r.commit: r for r in records if r.state is WorkstreamState.MERGING}
    commits = context.repo.first_parents(base, tip) if tip != base else ()
    is_ours = done <= {commit.oid for commit in commits}
    before = Integration(base, context.repo.commit_tree(base))
    for commit in commits:
        if not is_ours:
            break
        is_ours = commit.oid in done or _is_landing(context, before, commit, merging)
        before = Integration(commit.oid, commit.tree)
    if not is_ours:
        raise UnfitError(
            f"{context.layout.run_ref(context.run_id)} is not where the engine left it.",
            remedy="Somebody moved it; `pipeline run --fresh` starts anew.",
        )
    return {commit.parents[1]: commit.oid for commit in commits}


def _is_landing(
    context: RunContext,
    before: Integration,
    commit: CommitInfo,
    merging: Mapping[str, WorkstreamRecord],
) -> bool:
    """Whether a commit is the merge of one of these workstreams, with the tree that makes."""
    record = merging.get(commit.parents[1]) if len(commit.parents) == 2 else None
    if record is None:
        return False
    work = work_of(context, record.ws_id, record.start_commit, record.commit)
    return merge_work(context.repo, before, work).tree == commit.tree
