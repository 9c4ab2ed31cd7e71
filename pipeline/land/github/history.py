"""Who made the commits of a branch on GitHub, where the store does not know them."""

from collections.abc import Mapping
from typing import Any

from pipeline.land.github import sent
from pipeline.land.github.client import GitHub
from pipeline.land.github.errors import GitHubError
from pipeline.model.config import RunConfig

ENGINE = RunConfig().author_email
"""The address that the engine commits with unless another is configured: it is nobody's."""
_MOST = 100


def is_made_by_engine(hub: GitHub, base: str, tip: str) -> bool:
    """Whether each commit that ``tip`` has beyond ``base`` was made by an engine of ours.

    A clone that has not fetched the record of older runs does not know their branches; this tells
    them from a person's work. False where it cannot be told.
    """
    try:
        answer = hub.request("GET", f"compare/{base}...{tip}", query={"per_page": _MOST})
    except GitHubError:
        return False
    commits = answer.get("commits") if isinstance(answer, dict) else None
    if not isinstance(commits, list) or not 0 < len(commits) == answer.get("total_commits"):
        return False
    return all(isinstance(one, dict) and _emails(one) == {ENGINE} for one in commits)


def _emails(one: Mapping[str, Any]) -> set[str]:
    commit = one.get("commit")
    people = (
        [commit.get(who) for who in ("author", "committer")] if isinstance(commit, dict) else []
    )
    return {sent.text(who, "email") if isinstance(who, dict) else "" for who in people}
