"""What GitHub's REST API cannot do: make a pull request a draft, or ready for review.

There is no description of GraphQL here: the mutation is found by its name, the pull request by its
node id among the variables. An error is an answer with `errors` and status 200, as on GitHub.
"""

from typing import TYPE_CHECKING, Any

from . import shapes
from .routing import Answer, ProblemError
from .state import Issue, Repository, Token

if TYPE_CHECKING:
    from .world import World

_MUTATIONS = {"convertPullRequestToDraft": True, "markPullRequestReadyForReview": False}


def answer(world: "World", token: Token | None, body: Any) -> Answer:
    """The answer to a query. ProblemError 401 without a token."""
    if token is None:
        raise ProblemError(401, "Requires authentication")
    query = str(body.get("query", "")) if isinstance(body, dict) else ""
    name = next((one for one in _MUTATIONS if one in query), "")
    if not name:
        return _error("undefinedField", "This fake knows the mutations of drafts alone")
    found = _pull(world, _ids(body.get("variables") or {}))
    if found is None:
        return _error("NOT_FOUND", "Could not resolve to a node with the global id")
    repo, issue = found
    if not token.may("pull_requests", "write") or not world.knows(token, repo):
        return _error("FORBIDDEN", "Resource not accessible by integration")
    assert issue.pull is not None
    issue.pull.draft = _MUTATIONS[name]
    pull = {"id": shapes.node("PR", issue.id), "isDraft": issue.pull.draft, "number": issue.number}
    return Answer(200, {"data": {name: {"clientMutationId": None, "pullRequest": pull}}})


def _error(kind: str, message: str) -> Answer:
    return Answer(200, {"data": None, "errors": [{"type": kind, "message": message}]})


def _ids(value: Any) -> list[str]:
    """Every text among the variables, however deep."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in _ids(one)]
    return [value] if isinstance(value, str) else []


def _pull(world: "World", ids: list[str]) -> tuple[Repository, Issue] | None:
    for repo in world.repositories.values():
        for issue in repo.issues.values():
            if issue.pull and shapes.node("PR", issue.id) in ids:
                return repo, issue
    return None
