"""Making workflow runs, their jobs and artifacts: GitHub's runners are not played."""

import io
import zipfile
from typing import TYPE_CHECKING, Any

from .state import CheckRun, CheckSuite, Repository, now

if TYPE_CHECKING:
    from .world import World


def add_workflow(world: "World", repo: Repository, path: str, name: str) -> dict[str, Any]:
    """The workflow at a path such as .github/workflows/ci.yml, made on first use."""
    for one in repo.workflows.values():
        if one["path"] == path:
            return one
    one = {"id": world.new_id(), "name": name, "path": path, "state": "active", "at": now()}
    repo.workflows[one["id"]] = one
    return one


def add_run(world: "World", repo: Repository, values: dict[str, Any]) -> dict[str, Any]:
    """A workflow run as `Fake.add_run` describes it; gives its ids."""
    workflow = add_workflow(world, repo, values["path"], values["name"])
    number = 1 + sum(one["workflow_id"] == workflow["id"] for one in repo.runs.values())
    run = {
        "id": world.new_id(),
        "name": values["name"],
        "path": values["path"],
        "workflow_id": workflow["id"],
        "run_number": number,
        "run_attempt": 1,
        "suite": world.new_id(),
        "at": now(),
        **{key: values[key] for key in ("head_branch", "head_sha", "event", "actor")},
        **{key: values[key] for key in ("status", "conclusion", "head_repo")},
    }
    repo.runs[run["id"]] = run
    jobs = [add_job(world, repo, run, one) for one in values["jobs"]]
    artifacts = [
        add_artifact(world, repo, name, files, run["id"])["id"]
        for name, files in values["artifacts"].items()
    ]
    return {"id": run["id"], "jobs": jobs, "artifacts": artifacts, "workflow": workflow["id"]}


def _add_check(
    world: "World",
    repo: Repository,
    run: dict[str, Any],
    job: dict[str, Any],
    annotations: list[dict[str, Any]],
) -> None:
    """A job's check run has the job's number, and holds its annotations."""
    suite = repo.check_suites.setdefault(
        run["suite"], CheckSuite(run["suite"], run["head_sha"], "github-actions")
    )
    check = CheckRun(job["id"], job["name"], run["head_sha"], "github-actions", suite.id)
    check.status, check.conclusion = job["status"], job["conclusion"]
    check.started_at = check.completed_at = job["at"]
    check.annotations = annotations
    repo.check_runs[check.id] = check


def add_job(world: "World", repo: Repository, run: dict[str, Any], one: dict[str, Any]) -> int:
    """A job of a run, with its check run; its number."""
    job = {
        "id": world.new_id(),
        "run_id": run["id"],
        "run_attempt": run["run_attempt"],
        "name": one["name"],
        "conclusion": one.get("conclusion", "success"),
        "status": one.get("status", "completed"),
        "steps": one.get("steps", []),
        "log": one.get("log", ""),
        "at": now(),
    }
    repo.jobs[job["id"]] = job
    _add_check(world, repo, run, job, one.get("annotations", []))
    return int(job["id"])


def add_artifact(
    world: "World", repo: Repository, name: str, files: dict[str, str], run: int
) -> dict[str, Any]:
    """An artifact of a run: a zip of these files, whatever their names are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    one = {"id": world.new_id(), "name": name, "run_id": run, "expired": False, "at": now()}
    one["size"] = buffer.tell()
    world.blobs[f"artifact-{one['id']}"] = ("application/zip", buffer.getvalue())
    repo.artifacts[one["id"]] = one
    return one
