"""Check runs with their annotations and suites, and commit statuses."""

from typing import Any

from .. import shapes
from ..routing import Answer, Call, ProblemError, endpoint, listed, missing
from ..state import CheckRun, CheckSuite, now

READ, WRITE = "checks=read", "checks=write"
RUN = "./check-runs/{check_run_id}"
SUITE = "./check-suites/{check_suite_id}"


def _only_apps(call: Call) -> None:
    """docs.github.com/rest/checks/runs: "Write permission for the REST API to interact with checks
    is only available to GitHub Apps"; its words: EnricoMi/publish-unit-test-result-action #53."""
    if not call.app:
        raise ProblemError(403, "You must authenticate via a GitHub App.")


def commit_of(call: Call, name: str) -> str:
    """The commit that a value of the path means. 422 for none, as GitHub answers."""
    sha = call.repo.bare.resolve(call.text(name))
    if not sha:
        raise ProblemError(422, f"No commit found for SHA: {call.text(name)}")
    return sha


def run_shape(call: Call, one: CheckRun) -> dict[str, Any]:
    """A check run."""
    own = f"{call.root}/check-runs/{one.id}"
    return {
        "id": one.id,
        "node_id": shapes.node("CR", one.id),
        "head_sha": one.head_sha,
        "external_id": one.external_id,
        "url": own,
        "html_url": f"{call.page}/runs/{one.id}",
        "details_url": one.details_url or f"{call.page}/runs/{one.id}",
        "status": one.status,
        "conclusion": one.conclusion,
        "started_at": one.started_at,
        "completed_at": one.completed_at,
        "output": {
            "title": one.output.get("title"),
            "summary": one.output.get("summary"),
            "text": one.output.get("text"),
            "annotations_count": len(one.annotations),
            "annotations_url": f"{own}/annotations",
        },
        "name": one.name,
        "check_suite": {"id": one.suite},
        "app": shapes.app(call, one.app),
        "pull_requests": pull_stubs(call, one.head_sha),
    }


def pull_stubs(call: Call, sha: str) -> list[dict[str, Any]]:
    """Open pull requests from this repository whose head is the commit."""

    def side(ref: str, commit: str) -> dict[str, Any]:
        repo = call.repo
        return {
            "ref": ref,
            "sha": commit,
            "repo": {"id": repo.id, "url": call.root, "name": repo.name},
        }

    return [
        {
            "url": f"{call.root}/pulls/{one.number}",
            "id": one.id,
            "number": one.number,
            "head": side(one.pull.head, one.pull.head_sha),
            "base": side(one.pull.base, one.pull.base_sha),
        }
        for one in call.repo.issues.values()
        if one.pull
        and one.state == "open"
        and one.pull.head_sha == sha
        and one.pull.head_repo == call.repo.full_name
    ]


def suite_shape(call: Call, one: CheckSuite) -> dict[str, Any]:
    """A check suite; its status and conclusion follow from its runs."""
    runs = [run for run in call.repo.check_runs.values() if run.suite == one.id]
    own = f"{call.root}/check-suites/{one.id}"
    is_done = bool(runs) and all(run.status == "completed" for run in runs)
    is_bad = any(run.conclusion not in ("success", "neutral", "skipped") for run in runs)
    heads = call.repo.bare.refs("refs/heads/")
    branch = next((ref for ref, sha in heads.items() if sha == one.head_sha), None)
    return {
        "id": one.id,
        "node_id": shapes.node("CS", one.id),
        "head_branch": branch.removeprefix("refs/heads/") if branch else None,
        "head_sha": one.head_sha,
        "status": "completed" if is_done else "in_progress" if runs else "queued",
        "conclusion": ("failure" if is_bad else "success") if is_done else None,
        "url": own,
        "before": None,
        "after": one.head_sha,
        "pull_requests": pull_stubs(call, one.head_sha),
        "app": shapes.app(call, one.app),
        "repository": shapes.repository(call, call.repo),
        "created_at": one.created_at,
        "updated_at": one.created_at,
        "head_commit": shapes.simple_commit(call.repo.bare.commit(one.head_sha)),
        "latest_check_runs_count": len(runs),
        "check_runs_url": f"{own}/check-runs",
    }


def suite_for(call: Call, sha: str) -> CheckSuite:
    """The app's suite on a commit, made on first use."""
    for one in call.repo.check_suites.values():
        if (one.head_sha, one.app) == (sha, call.app):
            return one
    one = CheckSuite(call.world.new_id(), sha, call.app)
    call.repo.check_suites[one.id] = one
    return one


def _update(one: CheckRun, body: dict[str, Any]) -> None:
    """Take over what a create or update names; annotations are added to those that are there."""
    for name in ("name", "details_url", "external_id", "started_at", "actions"):
        if name in body:
            setattr(one, name, body[name])
    one.status = body.get("status", one.status)
    if body.get("conclusion"):
        one.conclusion, one.status = body["conclusion"], "completed"
        one.completed_at = body.get("completed_at") or now()
    elif one.status != "completed":
        one.conclusion = one.completed_at = None
    output = dict(body.get("output") or {})
    one.annotations += output.pop("annotations", [])
    one.output |= output


@endpoint("POST", "./check-runs", WRITE)
def create_run(call: Call) -> Answer:
    """Create a check run on a commit that is there."""
    _only_apps(call)
    body = call.body
    sha = body["head_sha"]
    if call.repo.bare.kind(sha) != "commit":
        raise ProblemError(422, f"No commit found for SHA: {sha}")
    suite = suite_for(call, sha)
    one = CheckRun(call.world.new_id(), body["name"], sha, call.app, suite.id)
    one.started_at = now()
    _update(one, body)
    call.repo.check_runs[one.id] = one
    return Answer(201, run_shape(call, one))


def _run(call: Call) -> CheckRun:
    one = call.repo.check_runs.get(call.number("check_run_id"))
    if one is None:
        raise missing()
    return one


@endpoint("GET", RUN, READ)
def get_run(call: Call) -> Answer:
    """One check run."""
    return Answer(200, run_shape(call, _run(call)))


@endpoint("PATCH", RUN, WRITE)
def update_run(call: Call) -> Answer:
    """Update a check run of one's own."""
    _only_apps(call)
    one = _run(call)
    if one.app != call.app:
        own = shapes.app(call, call.app)["id"]
        message = f"Invalid app_id `{own}` - check run can only be modified by the GitHub App"
        raise ProblemError(403, f"{message} that created it.")
    _update(one, call.body or {})
    return Answer(200, run_shape(call, one))


@endpoint("GET", RUN + "/annotations", READ)
def list_annotations(call: Call) -> Answer:
    """Its annotations: a bare list."""
    one = _run(call)
    defaults = dict.fromkeys(("start_column", "end_column", "title", "raw_details"))
    some = [
        {**defaults, **each, "blob_href": f"{call.root}/git/blobs/{one.head_sha}"}
        for each in one.annotations
    ]
    return listed(call, some)


@endpoint("POST", RUN + "/rerequest", WRITE)
def rerequest_run(call: Call) -> Answer:
    """Ask the app to run it again."""
    one = _run(call)
    one.status, one.conclusion, one.completed_at = "queued", None, None
    return Answer(201, {})


def _listed_runs(call: Call, runs: list[CheckRun]) -> Answer:
    """The latest of each name unless all are asked for, filtered."""
    query = call.query
    if query.get("filter", "latest") == "latest":
        runs = list({(one.app, one.name): one for one in runs}.values())
    if query.get("check_name"):
        runs = [one for one in runs if one.name == query["check_name"]]
    if query.get("status"):
        runs = [one for one in runs if one.status == query["status"]]
    return listed(call, [run_shape(call, one) for one in runs], "check_runs")


@endpoint("GET", "./commits/{ref}/check-runs", READ)
def runs_of_commit(call: Call) -> Answer:
    """Check runs of a commit."""
    sha = commit_of(call, "ref")
    return _listed_runs(call, [o for o in call.repo.check_runs.values() if o.head_sha == sha])


@endpoint("GET", "./commits/{ref}/check-suites", READ)
def suites_of_commit(call: Call) -> Answer:
    """Check suites of a commit."""
    sha = commit_of(call, "ref")
    some = [one for one in call.repo.check_suites.values() if one.head_sha == sha]
    return listed(call, [suite_shape(call, one) for one in some], "check_suites")


@endpoint("POST", "./check-suites", WRITE)
def create_suite(call: Call) -> Answer:
    """The suite of this app, 200 where it was there."""
    _only_apps(call)
    count = len(call.repo.check_suites)
    one = suite_for(call, call.body["head_sha"])
    status = 201 if len(call.repo.check_suites) > count else 200
    return Answer(status, suite_shape(call, one))


def _suite(call: Call) -> CheckSuite:
    one = call.repo.check_suites.get(call.number("check_suite_id"))
    if one is None:
        raise missing()
    return one


@endpoint("GET", SUITE, READ)
def get_suite(call: Call) -> Answer:
    """One suite."""
    return Answer(200, suite_shape(call, _suite(call)))


@endpoint("GET", SUITE + "/check-runs", READ)
def runs_of_suite(call: Call) -> Answer:
    """Check runs of a suite."""
    suite = _suite(call).id
    return _listed_runs(call, [o for o in call.repo.check_runs.values() if o.suite == suite])
