"""Searching issues and pull requests: words and the qualifiers that tools use."""

import shlex

from .. import shapes_issues
from ..routing import Answer, Call, endpoint, listed
from ..state import Issue, Repository


@endpoint("GET", "/search/issues")
def search_issues(call: Call) -> Answer:
    """repo, is, state, type, author, label and in:title/body are understood; others find nothing.

    GitHub's index lags by seconds to minutes: code that has to be right lists instead.
    """
    found = []
    for repo in call.world.repositories.values():
        if repo.private and not call.world.knows(call.token, repo):
            continue
        call.repository = repo
        for one in repo.issues.values():
            if all(_fits(repo, one, word) for word in shlex.split(call.query.get("q", ""))):
                found.append({**shapes_issues.issue(call, one), "score": 1.0})
    return listed(call, found[::-1], "items", incomplete_results=False, search_type="lexical")


def _fits(repo: Repository, one: Issue, word: str) -> bool:
    name, colon, value = word.partition(":")
    if not colon:
        return word.lower() in f"{one.title}\n{one.body or ''}".lower()
    kinds = {"pr": one.pull is not None, "issue": one.pull is None}
    facts = {
        "repo": repo.full_name.lower() == value.lower(),
        "state": one.state == value,
        "type": kinds.get(value, False),
        "is": kinds.get(value, one.state == value),
        "author": one.login == value or one.login == f"{value.removeprefix('app/')}[bot]",
        "label": value.lower() in [label.lower() for label in one.labels],
        "in": True,
    }
    return facts.get(name, False)
