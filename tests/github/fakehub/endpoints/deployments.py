"""Deployments and their statuses."""

from typing import Any

from .. import shapes
from ..routing import Answer, Call, ProblemError, endpoint, listed, missing
from ..state import now

READ, WRITE = "deployments=read", "deployments=write"
ONE = "./deployments/{deployment_id}"


def _shape(call: Call, one: dict[str, Any]) -> dict[str, Any]:
    own = f"{call.root}/deployments/{one['id']}"
    names = ("id", "sha", "ref", "task", "payload", "environment", "description", "created_at")
    return {
        **{name: one[name] for name in names},
        "url": own,
        "node_id": shapes.node("DE", one["id"]),
        "original_environment": one["environment"],
        "creator": shapes.user(call, one["login"]),
        "updated_at": one["created_at"],
        "statuses_url": f"{own}/statuses",
        "repository_url": call.root,
        "transient_environment": one["transient_environment"],
        "production_environment": one["production_environment"],
        "performed_via_github_app": shapes.app(call, one["app"]),
    }


def _status(call: Call, of: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    own = f"{call.root}/deployments/{of['id']}"
    return {
        "url": f"{own}/statuses/{one['id']}",
        "id": one["id"],
        "node_id": shapes.node("DES", one["id"]),
        "state": one["state"],
        "creator": shapes.user(call, one["login"]),
        "description": one.get("description", ""),
        "environment": one.get("environment", of["environment"]),
        "target_url": one.get("target_url", one.get("log_url", "")),
        "created_at": one["created_at"],
        "updated_at": one["created_at"],
        "deployment_url": own,
        "repository_url": call.root,
        "environment_url": one.get("environment_url", ""),
        "log_url": one.get("log_url", one.get("target_url", "")),
        "performed_via_github_app": shapes.app(call, of["app"]),
    }


@endpoint("GET", "./deployments", READ)
def list_deployments(call: Call) -> Answer:
    """Newest first."""
    some = list(call.repo.deployments.values())[::-1]
    for name in ("sha", "ref", "task", "environment"):
        if call.query.get(name):
            some = [one for one in some if one[name] == call.query[name]]
    return listed(call, [_shape(call, one) for one in some])


@endpoint("POST", "./deployments", WRITE)
def create_deployment(call: Call) -> Answer:
    """Create one for a ref whose checks and statuses are as asked: by default all green."""
    body = call.body
    sha = call.repo.bare.resolve(body["ref"])
    if not sha:
        raise ProblemError(422, f"No ref found for: {body['ref']}")
    _need_contexts(call, sha, body)
    environment = body.get("environment", "production")
    one = {
        "id": call.world.new_id(),
        "sha": sha,
        "ref": body["ref"],
        "task": body.get("task", "deploy"),
        "payload": body.get("payload", {}),
        "environment": environment,
        "description": body.get("description"),
        "transient_environment": body.get("transient_environment", False),
        "production_environment": body.get("production_environment", environment == "production"),
        "login": call.login,
        "app": call.app,
        "created_at": now(),
        "statuses": [],
    }
    call.repo.deployments[one["id"]] = one
    return Answer(201, _shape(call, one))


def _need_contexts(call: Call, sha: str, body: dict[str, Any]) -> None:
    """docs.github.com/rest/deployments: 409 "Commit status checks failed for …"."""
    states = {o["context"]: o["state"] for o in call.repo.statuses if o["sha"] == sha}
    for run in call.repo.check_runs.values():
        if run.head_sha == sha:
            is_good = run.conclusion in ("success", "neutral", "skipped")
            states[run.name] = "success" if is_good else "failure"
    wanted = body.get("required_contexts")
    names = list(states) if wanted is None else wanted
    if any(states.get(name) != "success" for name in names):
        raise ProblemError(409, f"Conflict: Commit status checks failed for {body['ref']}.")


def _found(call: Call) -> dict[str, Any]:
    one = call.repo.deployments.get(call.number("deployment_id"))
    if one is None:
        raise missing()
    return one


@endpoint("GET", ONE, READ)
def get_deployment(call: Call) -> Answer:
    """One deployment."""
    return Answer(200, _shape(call, _found(call)))


@endpoint("GET", ONE + "/statuses", READ)
def list_statuses(call: Call) -> Answer:
    """Newest first."""
    of = _found(call)
    return listed(call, [_status(call, of, one) for one in of["statuses"][::-1]])


@endpoint("GET", ONE + "/statuses/{status_id}", READ)
def get_status(call: Call) -> Answer:
    """One status."""
    of, number = _found(call), call.number("status_id")
    for one in of["statuses"]:
        if one["id"] == number:
            return Answer(200, _status(call, of, one))
    raise missing()


@endpoint("POST", ONE + "/statuses", WRITE)
def create_status(call: Call) -> Answer:
    """Add one; success makes earlier ones of the environment inactive, production ones aside."""
    of = _found(call)
    one = _new_status(call, call.body)
    of["statuses"].append(one)
    if one["state"] == "success" and call.body.get("auto_inactive", True):
        for other in call.repo.deployments.values():
            is_earlier = other["id"] < of["id"] and other["environment"] == of["environment"]
            is_kept = other["transient_environment"] or other["production_environment"]
            if is_earlier and not is_kept and other["statuses"]:
                other["statuses"].append(_new_status(call, {"state": "inactive"}))
    return Answer(201, _status(call, of, one))


def _new_status(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "id": call.world.new_id(), "login": call.login, "created_at": now()}
