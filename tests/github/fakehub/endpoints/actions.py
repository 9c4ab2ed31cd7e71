"""Workflows, their runs, jobs and logs."""

import io
import secrets
import zipfile
from typing import Any

from .. import shapes
from ..routing import Answer, Call, ProblemError, endpoint, listed, missing
from ..runs import add_job, add_run
from ..state import now
from .checks import pull_stubs

READ, WRITE = "actions=read", "actions=write"
RUN = "./actions/runs/{run_id}"


def run_shape(call: Call, one: dict[str, Any], attempt: int = 0) -> dict[str, Any]:
    """A workflow run."""
    own, page = f"{call.root}/actions/runs/{one['id']}", f"{call.page}/actions/runs/{one['id']}"
    commit = call.repo.bare.commit(one["head_sha"])
    actor = shapes.user(call, one["actor"])
    head = call.world.repositories[(one["head_repo"] or call.repo.full_name).lower()]
    names = ("id", "name", "path", "workflow_id", "run_number", "head_branch", "head_sha")
    more = ("event", "status", "conclusion")
    tails = ("jobs", "logs", "artifacts", "cancel", "rerun")
    return {
        **{name: one[name] for name in (*names, *more)},
        **{f"{tail}_url": f"{own}/{tail}" for tail in tails},
        "run_attempt": attempt or one["run_attempt"],
        "node_id": shapes.node("WFR", one["id"]),
        "check_suite_id": one["suite"],
        "display_title": commit.message.partition("\n")[0],
        "url": own,
        "html_url": page,
        "pull_requests": [] if one["head_repo"] else pull_stubs(call, one["head_sha"]),
        "created_at": one["at"],
        "updated_at": one["at"],
        "run_started_at": one["at"],
        "actor": actor,
        "triggering_actor": actor,
        "check_suite_url": f"{call.root}/check-suites/{one['suite']}",
        "previous_attempt_url": None,
        "workflow_url": f"{call.root}/actions/workflows/{one['workflow_id']}",
        "head_commit": shapes.simple_commit(commit),
        "repository": shapes.repository(call, call.repo),
        "head_repository": shapes.repository(call, head),
    }


def _job_shape(call: Call, one: dict[str, Any]) -> dict[str, Any]:
    run = call.repo.runs[one["run_id"]]
    steps = [
        {
            "name": step["name"],
            "status": "completed",
            "conclusion": step.get("conclusion", "success"),
            "number": number,
            "started_at": one["at"],
            "completed_at": one["at"],
        }
        for number, step in enumerate(one["steps"], 1)
    ]
    return {
        **{name: one[name] for name in ("id", "run_id", "run_attempt", "name", "status")},
        "conclusion": one["conclusion"],
        "run_url": f"{call.root}/actions/runs/{run['id']}",
        "node_id": shapes.node("J", one["id"]),
        "head_sha": run["head_sha"],
        "head_branch": run["head_branch"],
        "workflow_name": run["name"],
        "url": f"{call.root}/actions/jobs/{one['id']}",
        "html_url": f"{call.page}/actions/runs/{run['id']}/job/{one['id']}",
        "created_at": one["at"],
        "started_at": one["at"],
        "completed_at": one["at"] if one["status"] == "completed" else None,
        "steps": steps,
        "check_run_url": f"{call.root}/check-runs/{one['id']}",
        "labels": ["ubuntu-latest"],
        "runner_id": 1,
        "runner_name": "GitHub Actions 1",
        "runner_group_id": 0,
        "runner_group_name": "GitHub Actions",
    }


def record(call: Call, records: dict[int, dict[str, Any]], name: str) -> dict[str, Any]:
    """What a number of the path stands for. 404 where there is nothing."""
    one = records.get(call.number(name))
    if one is None:
        raise missing()
    return one


def run_of(call: Call) -> dict[str, Any]:
    """The workflow run of the path."""
    return record(call, call.repo.runs, "run_id")


def redirect(call: Call, name: str, kind: str, content: bytes | None = None) -> Answer:
    """302 to an address that is good without a token, and on another host, as GitHub's is."""
    if content is not None:
        name = f"{name}-{secrets.token_hex(8)}"
        call.world.blobs[name] = (kind, content)
    address = f"{call.web}/_blobs/{name}".replace("//127.0.0.1:", "//localhost:")
    return Answer(302, None, {"Location": address})


@endpoint("GET", "./actions/workflows", READ)
def list_workflows(call: Call) -> Answer:
    """All workflows."""
    some = [workflow_shape(call, one) for one in call.repo.workflows.values()]
    return listed(call, some, "workflows")


def workflow_shape(call: Call, one: dict[str, Any]) -> dict[str, Any]:
    """A workflow."""
    return {
        **{name: one[name] for name in ("id", "name", "path", "state")},
        "node_id": shapes.node("W", one["id"]),
        "created_at": one["at"],
        "updated_at": one["at"],
        "url": f"{call.root}/actions/workflows/{one['id']}",
        "html_url": f"{call.page}/blob/{call.repo.default_branch}/{one['path']}",
        "badge_url": f"{call.page}/workflows/{one['name']}/badge.svg",
    }


def _workflow(call: Call) -> dict[str, Any]:
    """By number or by file name."""
    wanted = call.text("workflow_id")
    for one in call.repo.workflows.values():
        if wanted in (str(one["id"]), one["path"].rpartition("/")[2]):
            return one
    raise missing()


@endpoint("GET", "./actions/workflows/{workflow_id}", READ)
def get_workflow(call: Call) -> Answer:
    """One workflow."""
    return Answer(200, workflow_shape(call, _workflow(call)))


@endpoint("POST", "./actions/workflows/{workflow_id}/dispatches", WRITE)
def dispatch(call: Call) -> Answer:
    """Recorded, and a queued run is made; the workflow has to be known and the ref there."""
    workflow, body = _workflow(call), call.body
    sha = call.repo.bare.resolve(body["ref"].removeprefix("refs/heads/"))
    if not sha:
        raise ProblemError(422, f"No ref found for: {body['ref']}")
    call.repo.dispatches.append(
        {"kind": "workflow", "path": workflow["path"], "login": call.login, "at": now(), **body}
    )
    add_run(
        call.world,
        call.repo,
        {
            "path": workflow["path"],
            "name": workflow["name"],
            "head_branch": body["ref"].removeprefix("refs/heads/"),
            "head_sha": sha,
            "event": "workflow_dispatch",
            "actor": call.login,
            "status": "queued",
            "conclusion": None,
            "head_repo": "",
            "jobs": [],
            "artifacts": {},
        },
    )
    return Answer(204)


def _listed_runs(call: Call, runs: list[dict[str, Any]]) -> Answer:
    query = call.query
    names = {"branch": "head_branch", "event": "event", "head_sha": "head_sha", "actor": "actor"}
    for name, key in names.items():
        if query.get(name):
            runs = [one for one in runs if one[key] == query[name]]
    if query.get("status"):
        runs = [one for one in runs if query["status"] in (one["status"], one["conclusion"])]
    return listed(call, [run_shape(call, one) for one in runs[::-1]], "workflow_runs")


@endpoint("GET", "./actions/runs", READ)
def list_runs(call: Call) -> Answer:
    """Newest first."""
    return _listed_runs(call, list(call.repo.runs.values()))


@endpoint("GET", "./actions/workflows/{workflow_id}/runs", READ)
def runs_of_workflow(call: Call) -> Answer:
    """Those of one workflow."""
    number = _workflow(call)["id"]
    return _listed_runs(call, [o for o in call.repo.runs.values() if o["workflow_id"] == number])


@endpoint("GET", RUN, READ)
def get_run(call: Call) -> Answer:
    """One run."""
    return Answer(200, run_shape(call, run_of(call)))


@endpoint("GET", RUN + "/attempts/{attempt_number}", READ)
def get_attempt(call: Call) -> Answer:
    """One attempt."""
    run, attempt = run_of(call), call.number("attempt_number")
    if not 1 <= attempt <= run["run_attempt"]:
        raise missing()
    return Answer(200, run_shape(call, run, attempt))


def _jobs(call: Call, attempt: int) -> list[dict[str, Any]]:
    """The jobs of an attempt; 0 for the latest of each name."""
    some = [one for one in call.repo.jobs.values() if one["run_id"] == run_of(call)["id"]]
    if attempt:
        return [one for one in some if one["run_attempt"] == attempt]
    return list({one["name"]: one for one in some}.values())


@endpoint("GET", RUN + "/jobs", READ)
def list_jobs(call: Call) -> Answer:
    """The latest of each, or all."""
    some = _jobs(call, 0)
    if call.query.get("filter") == "all":
        some = [one for one in call.repo.jobs.values() if one["run_id"] == run_of(call)["id"]]
    return listed(call, [_job_shape(call, one) for one in some], "jobs")


@endpoint("GET", RUN + "/attempts/{attempt_number}/jobs", READ)
def jobs_of_attempt(call: Call) -> Answer:
    """Those of one attempt."""
    some = _jobs(call, call.number("attempt_number"))
    return listed(call, [_job_shape(call, one) for one in some], "jobs")


def _zip_of_logs(call: Call, jobs: list[dict[str, Any]]) -> Answer:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, one in enumerate(jobs):
            archive.writestr(f"{number}_{one['name']}.txt", one["log"])
    return redirect(call, "logs", "application/zip", buffer.getvalue())


@endpoint("GET", RUN + "/logs", READ)
def run_logs(call: Call) -> Answer:
    """A redirect to a zip with a text for each job."""
    return _zip_of_logs(call, _jobs(call, 0))


@endpoint("GET", RUN + "/attempts/{attempt_number}/logs", READ)
def attempt_logs(call: Call) -> Answer:
    """The same for one attempt."""
    return _zip_of_logs(call, _jobs(call, call.number("attempt_number")))


@endpoint("GET", "./actions/jobs/{job_id}", READ)
def get_job(call: Call) -> Answer:
    """One job."""
    return Answer(200, _job_shape(call, record(call, call.repo.jobs, "job_id")))


@endpoint("GET", "./actions/jobs/{job_id}/logs", READ)
def job_logs(call: Call) -> Answer:
    """A redirect to the text."""
    log = record(call, call.repo.jobs, "job_id")["log"]
    return redirect(call, "log", "text/plain", log.encode())


def _rerun(call: Call, run: dict[str, Any], jobs: list[dict[str, Any]]) -> Answer:
    """A further attempt with these jobs, queued."""
    if run["status"] != "completed":
        raise ProblemError(403, "The workflow run cannot be rerun: it is already running")
    run["run_attempt"] += 1
    run["status"], run["conclusion"] = "queued", None
    for one in jobs:
        again = {"name": one["name"], "status": "queued", "conclusion": None}
        add_job(call.world, call.repo, run, {**again, "steps": [], "log": ""})
    return Answer(201, {})


@endpoint("POST", RUN + "/rerun", WRITE)
def rerun(call: Call) -> Answer:
    """All jobs again."""
    return _rerun(call, run_of(call), _jobs(call, 0))


@endpoint("POST", RUN + "/rerun-failed-jobs", WRITE)
def rerun_failed(call: Call) -> Answer:
    """The failed ones again."""
    failed = [one for one in _jobs(call, 0) if one["conclusion"] not in ("success", "skipped")]
    if not failed:
        raise ProblemError(403, "The workflow run containing these jobs has no failed jobs")
    return _rerun(call, run_of(call), failed)


@endpoint("POST", "./actions/jobs/{job_id}/rerun", WRITE)
def rerun_job(call: Call) -> Answer:
    """One job again."""
    one = record(call, call.repo.jobs, "job_id")
    return _rerun(call, call.repo.runs[one["run_id"]], [one])


@endpoint("POST", RUN + "/cancel", WRITE)
def cancel(call: Call) -> Answer:
    """Stop one that is not done."""
    run = run_of(call)
    if run["status"] == "completed":
        raise ProblemError(409, "Cannot cancel a workflow run that is completed.")
    run["status"], run["conclusion"] = "completed", "cancelled"
    return Answer(202, {})
