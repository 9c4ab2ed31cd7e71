"""Reactions on issues, pull requests and comments."""

from .. import shapes_issues
from ..routing import Answer, Call, endpoint, listed, missing
from ..state import Reaction
from .issues import COMMENT, ISSUE, comment_of, found

# Not the right to pull requests: reactions are listed under "Issues" alone.
READ, WRITE = "issues=read", "issues=write"


def _list(call: Call, on: tuple[str, int]) -> Answer:
    some = [one for one in call.repo.reactions.values() if one.on == on]
    if call.query.get("content"):
        some = [one for one in some if one.content == call.query["content"]]
    return listed(call, [shapes_issues.reaction(call, one) for one in some])


def _react(call: Call, on: tuple[str, int]) -> Answer:
    """201, or 200 with the one that was there: nobody reacts twice with the same."""
    content = call.body["content"]
    for one in call.repo.reactions.values():
        if (one.on, one.content, one.login) == (on, content, call.login):
            return Answer(200, shapes_issues.reaction(call, one))
    one = Reaction(call.world.new_id(), on, content, call.login)
    call.repo.reactions[one.id] = one
    return Answer(201, shapes_issues.reaction(call, one))


def _take_back(call: Call, on: tuple[str, int]) -> Answer:
    one = call.repo.reactions.get(call.number("reaction_id"))
    if one is None or one.on != on:
        raise missing()
    del call.repo.reactions[one.id]
    return Answer(204)


@endpoint("GET", COMMENT + "/reactions", READ)
def on_comment(call: Call) -> Answer:
    """Those on a comment."""
    return _list(call, ("comment", comment_of(call).id))


@endpoint("POST", COMMENT + "/reactions", WRITE)
def react_to_comment(call: Call) -> Answer:
    """React to a comment."""
    return _react(call, ("comment", comment_of(call).id))


@endpoint("DELETE", COMMENT + "/reactions/{reaction_id}", WRITE)
def unreact_to_comment(call: Call) -> Answer:
    """Take a reaction to a comment back."""
    return _take_back(call, ("comment", comment_of(call).id))


@endpoint("GET", ISSUE + "/reactions", READ)
def on_issue(call: Call) -> Answer:
    """Those on an issue or pull request."""
    return _list(call, ("issue", found(call).number))


@endpoint("POST", ISSUE + "/reactions", WRITE)
def react_to_issue(call: Call) -> Answer:
    """React to an issue or pull request."""
    return _react(call, ("issue", found(call).number))


@endpoint("DELETE", ISSUE + "/reactions/{reaction_id}", WRITE)
def unreact_to_issue(call: Call) -> Answer:
    """Take a reaction to an issue back."""
    return _take_back(call, ("issue", found(call).number))
