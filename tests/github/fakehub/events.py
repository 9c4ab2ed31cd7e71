"""Payloads of webhook events as GITHUB_EVENT_PATH holds them, made from the fake's present state.

Each is held against the description's schema of that event before it is given out.
"""

from typing import TYPE_CHECKING, Any

from . import contract, shapes, shapes_issues
from .endpoints import actions, checks
from .routing import Call

if TYPE_CHECKING:
    from .world import World


def payload(world: "World", url: str, name: str, values: dict[str, Any]) -> dict[str, Any]:
    """The payload of an event, named as in `issue_comment.created`.

    ``values`` give what it is about: repo, sender, and number, comment, review, run, check, ref,
    before, inputs, or client_payload. ValueError where the description does not have it so.
    """
    repo = world.repositories[values["repo"].lower()]
    world.notice_pushes(repo)
    call = Call(world, contract.Request("GET", "/"), None, {}, None, url, url, repo)
    kind, _, action = name.partition(".")
    about = _ABOUT[kind](call, values)
    made = {
        **({"action": action} if action else {}),
        **about,
        "repository": _repository(call),
        "sender": shapes.user(call, values["sender"]),
    }
    schema = name.replace("_", "-").replace(".", "-")
    if kind == "repository_dispatch":
        schema = "repository-dispatch-sample.collected"
    wrong = contract.event_violations(schema, made)
    if wrong:
        raise ValueError("\n".join(wrong))
    return made


def _repository(call: Call) -> dict[str, Any]:
    return {**shapes.repository(call, call.repo), "custom_properties": {}}


def _issue(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    return {"issue": shapes_issues.issue(call, call.repo.issues[values["number"]])}


def _issue_comment(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    comment = call.repo.comments[values["comment"]]
    about = {
        **_issue(call, {"number": comment.number}),
        "comment": shapes_issues.comment(call, comment),
    }
    if "old_body" in values:
        about["changes"] = {"body": {"from": values["old_body"]}}
    return about


def _pull_request(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    issue = call.repo.issues[values["number"]]
    about = {"number": issue.number, "pull_request": shapes_issues.pull(call, issue)}
    if "before" in values and issue.pull:
        about |= {"before": values["before"], "after": issue.pull.head_sha}
    return about


def _review(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    review = call.repo.reviews[values["review"]]
    issue = call.repo.issues[review.number]
    made = shapes_issues.review(call, review)
    return {
        "review": {**made, "state": made["state"].lower()},
        "pull_request": shapes_issues.pull(call, issue, is_full=False),
    }


def _workflow_run(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    run = call.repo.runs[values["run"]]
    made = actions.run_shape(call, run)
    made |= {
        "check_suite_node_id": shapes.node("CS", run["suite"]),
        "repository": _minimal(made["repository"]),
        "head_repository": _minimal(made["head_repository"]),
        "referenced_workflows": [],
    }
    workflow = actions.workflow_shape(call, call.repo.workflows[run["workflow_id"]])
    return {"workflow_run": made, "workflow": workflow}


def _minimal(repository: dict[str, Any]) -> dict[str, Any]:
    """The short repository inside of events: no counts, dates or switches."""
    names = {"id", "node_id", "name", "full_name", "private", "owner", "description", "fork", "url"}
    other = {"git_url", "ssh_url", "clone_url", "svn_url", "mirror_url"}
    return {
        key: value
        for key, value in repository.items()
        if key in names or (key.endswith("_url") and key not in other)
    }


def _check_run(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    run = call.repo.check_runs[values["check"]]
    made = checks.run_shape(call, run)
    suite = checks.suite_shape(call, call.repo.check_suites[run.suite])
    left_out = ("latest_check_runs_count", "check_runs_url", "head_commit")
    return {
        "check_run": {
            **made,
            "check_suite": {k: v for k, v in suite.items() if k not in left_out},
        }
    }


def _push(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    bare, ref = call.repo.bare, values["ref"]
    after, before = bare.refs(ref)[ref], values.get("before", "0" * 40)
    is_new = set(before) == {"0"}
    head = _pushed(call, after)
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "created": is_new,
        "deleted": False,
        "forced": False,
        "base_ref": None,
        "compare": f"{call.page}/compare/{before[:12]}...{after[:12]}",
        "commits": [_pushed(call, sha) for sha in bare.log(after, "" if is_new else before)[::-1]],
        "head_commit": head,
        "pusher": {"name": values["sender"], "email": "octocat@example.com"},
    }


def _pushed(call: Call, sha: str) -> dict[str, Any]:
    commit = call.repo.bare.commit(sha)
    empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    files = call.repo.bare.changed(commit.parents[0] if commit.parents else empty, sha)

    def of(status: str) -> list[str]:
        return [entry["filename"] for entry in files if entry["status"] == status]

    return {
        **shapes.simple_commit(commit),
        **{status: of(status) for status in ("added", "removed", "modified")},
        "distinct": True,
        "url": f"{call.page}/commit/{sha}",
    }


def _workflow_dispatch(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    return {
        "inputs": values.get("inputs", {}),
        "ref": values.get("ref", f"refs/heads/{call.repo.default_branch}"),
        "workflow": values.get("workflow", ".github/workflows/pipeline.yml"),
    }


def _repository_dispatch(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    return {
        "branch": call.repo.default_branch,
        "client_payload": values.get("client_payload", {}),
        "installation": {"id": 1, "node_id": shapes.node("I", 1)},
    }


_ABOUT = {
    "issues": _issue,
    "issue_comment": _issue_comment,
    "pull_request": _pull_request,
    "pull_request_review": _review,
    "workflow_run": _workflow_run,
    "check_run": _check_run,
    "push": _push,
    "workflow_dispatch": _workflow_dispatch,
    "repository_dispatch": _repository_dispatch,
}
