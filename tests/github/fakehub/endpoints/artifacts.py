"""Artifacts of workflow runs."""

from typing import Any

from .. import shapes
from ..routing import Answer, Call, ProblemError, endpoint, invalid, listed
from .actions import READ, RUN, WRITE, record, redirect, run_of


def _artifact_shape(call: Call, one: dict[str, Any]) -> dict[str, Any]:
    own, run = f"{call.root}/actions/artifacts/{one['id']}", call.repo.runs[one["run_id"]]
    head = call.world.repositories[(run["head_repo"] or call.repo.full_name).lower()]
    return {
        **{name: one[name] for name in ("id", "name", "expired")},
        "node_id": shapes.node("MDg6", one["id"]),
        "size_in_bytes": one["size"],
        "url": own,
        "archive_download_url": f"{own}/zip",
        **dict.fromkeys(("created_at", "updated_at", "expires_at"), one["at"]),
        "workflow_run": {
            "id": run["id"],
            "repository_id": call.repo.id,
            "head_repository_id": head.id,
            "head_branch": run["head_branch"],
            "head_sha": run["head_sha"],
        },
    }


def _listed_artifacts(call: Call, some: list[dict[str, Any]]) -> Answer:
    if call.query.get("name"):
        some = [one for one in some if one["name"] == call.query["name"]]
    return listed(call, [_artifact_shape(call, one) for one in some[::-1]], "artifacts")


@endpoint("GET", "./actions/artifacts", READ)
def list_artifacts(call: Call) -> Answer:
    """Those of the repository."""
    return _listed_artifacts(call, list(call.repo.artifacts.values()))


@endpoint("GET", RUN + "/artifacts", READ)
def artifacts_of_run(call: Call) -> Answer:
    """Those of a run."""
    number = run_of(call)["id"]
    return _listed_artifacts(
        call, [one for one in call.repo.artifacts.values() if one["run_id"] == number]
    )


def _artifact(call: Call) -> dict[str, Any]:
    return record(call, call.repo.artifacts, "artifact_id")


@endpoint("GET", "./actions/artifacts/{artifact_id}", READ)
def get_artifact(call: Call) -> Answer:
    """One artifact."""
    return Answer(200, _artifact_shape(call, _artifact(call)))


@endpoint("DELETE", "./actions/artifacts/{artifact_id}", WRITE)
def delete_artifact(call: Call) -> Answer:
    """Delete it."""
    del call.repo.artifacts[_artifact(call)["id"]]
    return Answer(204)


@endpoint("GET", "./actions/artifacts/{artifact_id}/{archive_format}", READ)
def download_artifact(call: Call) -> Answer:
    """A redirect to the zip; 410 for one that has expired."""
    one = _artifact(call)
    if call.text("archive_format") != "zip":
        raise invalid("Artifact", "archive_format", "invalid")
    if call.token is None:
        raise ProblemError(401, "Requires authentication")
    if one["expired"]:
        raise ProblemError(410, "Artifact has expired")
    return redirect(call, f"artifact-{one['id']}", "application/zip")
