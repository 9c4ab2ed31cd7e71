"""Fast-forwarding the base branch to a validated integration commit, on request only."""

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git import RefUpdate
from pipeline.flow.prepare import Prepared


def require_clean_base(prepared: Prepared) -> None:
    """Raise where the base could not be moved later: not a branch, or with uncommitted changes."""
    branch = f"refs/heads/{prepared.base_ref}"
    repo = prepared.repo
    if repo.refs.read(branch) is None:
        raise InputError(
            f"--update-base needs a branch, and {prepared.base_ref} is none.",
            remedy="Name one with --base.",
        )
    holder = repo.held_branches().get(branch)
    if holder is None:
        return
    if repo.top is None or holder.resolve() != repo.top.resolve():
        raise UnfitError(
            f"{prepared.base_ref} is checked out in {holder}.",
            remedy="Run there, or check something else out.",
        )
    if repo.changed_paths():
        raise UnfitError(
            f"{prepared.base_ref} has uncommitted changes in this checkout.",
            remedy="Commit or stash them, then run again.",
        )


def update_base(prepared: Prepared, commit: str) -> None:
    """Fast-forward the base branch, and the checkout that holds it.

    Raises ``RefMovedError`` when somebody moved the branch meanwhile; nothing is changed then.
    """
    require_clean_base(prepared)
    branch = f"refs/heads/{prepared.base_ref}"
    repo = prepared.repo
    if branch in repo.held_branches():
        repo.fast_forward(commit)
        return
    old = prepared.plan.base_commit
    repo.refs.update([RefUpdate(branch, commit, old)], message="git-pipeline: update base")
