"""Commit statuses."""

from typing import Any

from .. import shapes
from ..routing import Answer, Call, ProblemError, endpoint, listed
from ..state import now
from .checks import commit_of

READ, WRITE = "statuses=read", "statuses=write"


def _shape(call: Call, one: dict[str, Any], *, is_simple: bool = False) -> dict[str, Any]:
    number = one["id"]
    found = {
        "url": f"{call.root}/statuses/{one['sha']}",
        "avatar_url": f"{call.web}/avatars/u/{shapes.user_id(one['login'])}?v=4",
        "id": number,
        "node_id": shapes.node("SC", number),
        "state": one["state"],
        "description": one["description"],
        "target_url": one["target_url"],
        "context": one["context"],
        "created_at": one["created_at"],
        "updated_at": one["created_at"],
    }
    return found if is_simple else {**found, "creator": shapes.user(call, one["login"])}


@endpoint("POST", "./statuses/{sha}", WRITE)
def create_status(call: Call) -> Answer:
    """Set a status on a commit; docs.github.com: 1000 for each sha and context."""
    sha = call.text("sha")
    if call.repo.bare.kind(sha) != "commit":
        raise ProblemError(422, f"No commit found for SHA: {sha}")
    body = call.body
    context = body.get("context") or "default"
    same = [o for o in call.repo.statuses if (o["sha"], o["context"]) == (sha, context)]
    if len(same) >= 1000:
        message = "This SHA and context has reached the maximum number of statuses."
        raise ProblemError(422, "Validation Failed", errors=[message])
    one = {
        "id": call.world.new_id(),
        "sha": sha,
        "state": body["state"],
        "context": context,
        "description": body.get("description"),
        "target_url": body.get("target_url"),
        "login": call.login,
        "created_at": now(),
    }
    call.repo.statuses.append(one)
    return Answer(201, _shape(call, one))


@endpoint("GET", "./commits/{ref}/statuses", READ)
def list_statuses(call: Call) -> Answer:
    """All of a commit, newest first."""
    sha = commit_of(call, "ref")
    some = [one for one in call.repo.statuses if one["sha"] == sha][::-1]
    return listed(call, [_shape(call, one) for one in some])


@endpoint("GET", "./statuses/{sha}", READ)
def list_statuses_the_old_way(call: Call) -> Answer:
    """The same at its former address."""
    call.values["ref"] = call.values["sha"]
    return list_statuses(call)


@endpoint("GET", "./commits/{ref}/status", READ)
def combined_status(call: Call) -> Answer:
    """The latest of each context, and what they come to."""
    sha = commit_of(call, "ref")
    latest = {one["context"]: one for one in call.repo.statuses if one["sha"] == sha}
    states = {one["state"] for one in latest.values()}
    is_bad = states & {"failure", "error"}
    state = "failure" if is_bad else "pending" if not states or "pending" in states else "success"
    return listed(
        call,
        [_shape(call, one, is_simple=True) for one in latest.values()],
        "statuses",
        state=state,
        sha=sha,
        repository=shapes.repository(call, call.repo),
        commit_url=f"{call.root}/commits/{sha}",
        url=f"{call.root}/commits/{sha}/status",
    )
