"""Issues, which pull requests are too, with their labels, assignees and comments."""

from typing import Any

from .. import shapes, shapes_issues
from ..routing import Answer, Call, ProblemError, endpoint, invalid, listed, missing
from ..state import Comment, Issue, Label, Repository, now

READ = "issues=read; pull_requests=read"
WRITE = "issues=write; pull_requests=write"
ISSUE = "./issues/{issue_number}"
COMMENT = "./issues/comments/{comment_id}"


def next_number(repo: Repository) -> int:
    """Issues and pull requests are numbered together."""
    return max(repo.issues, default=0) + 1


def found(call: Call) -> Issue:
    """The issue or pull request of the path."""
    issue = call.repo.issues.get(call.number("issue_number"))
    if issue is None:
        raise missing()
    return issue


def ensure_labels(call: Call, names: list[str]) -> list[str]:
    """Labels that are not there yet are made, as GitHub does; each name once."""
    kept: list[str] = []
    for one in names:
        name = one["name"] if isinstance(one, dict) else one
        label = call.repo.labels.get(name.lower())
        if label is None:
            label = Label(call.world.new_id(), name)
            call.repo.labels[name.lower()] = label
        if label.name not in kept:
            kept.append(label.name)
    return kept


@endpoint("GET", "./issues", "issues=read")
def list_issues(call: Call) -> Answer:
    """Issues and pull requests, newest first; state, labels, creator and assignee filter."""
    query = call.query
    some = list(call.repo.issues.values())
    if query.get("state", "open") != "all":
        some = [one for one in some if one.state == query.get("state", "open")]
    if query.get("creator"):
        some = [one for one in some if one.login == query["creator"]]
    if query.get("labels"):
        wanted = {name.strip().lower() for name in query["labels"].split(",")}
        some = [one for one in some if wanted <= {name.lower() for name in one.labels}]
    if query.get("since"):
        some = [one for one in some if one.updated_at >= query["since"]]
    some.sort(key=lambda one: one.number, reverse=query.get("direction", "desc") == "desc")
    return listed(call, [shapes_issues.issue(call, one) for one in some])


@endpoint("POST", "./issues", "issues=write")
def create_issue(call: Call) -> Answer:
    """Create an issue."""
    if not call.repo.settings.has_issues:
        raise ProblemError(410, "Issues are disabled for this repo")
    body, number = call.body, next_number(call.repo)
    issue = Issue(call.world.new_id(), number, str(body["title"]), body.get("body"), call.login)
    issue.labels = ensure_labels(call, body.get("labels") or [])
    issue.assignees = _assignable(call, body.get("assignees", []))
    call.repo.issues[number] = issue
    return Answer(201, shapes_issues.issue(call, issue))


@endpoint("GET", ISSUE, "issues=read")
def get_issue(call: Call) -> Answer:
    """One, pull requests too."""
    return Answer(200, shapes_issues.issue(call, found(call)))


@endpoint("PATCH", ISSUE, WRITE)
def edit_issue(call: Call) -> Answer:
    """Title, body, state, labels and assignees."""
    issue, body = found(call), call.body or {}
    issue.title, issue.body = str(body.get("title") or issue.title), body.get("body", issue.body)
    state = body.get("state") or issue.state
    if state != issue.state:
        issue.closed_at = now() if state == "closed" else None
        issue.state_reason = "completed" if state == "closed" else "reopened"
    issue.state = state
    issue.state_reason = body.get("state_reason", issue.state_reason)
    if "labels" in body:
        issue.labels = ensure_labels(call, body["labels"])
    if "assignees" in body:
        issue.assignees = _assignable(call, body["assignees"])
    issue.updated_at = now()
    return Answer(200, shapes_issues.issue(call, issue))


def _assignable(call: Call, wanted: list[Any]) -> list[str]:
    """Collaborators among those who are named; others are left out without a word."""
    logins = [one.get("login") if isinstance(one, dict) else one for one in wanted]
    return [one for one in logins if one in call.repo.collaborators]


def _labels(call: Call) -> Answer:
    named = [call.repo.labels[name.lower()] for name in found(call).labels]
    return listed(call, [shapes.label(call, one) for one in named])


@endpoint("GET", ISSUE + "/labels", READ)
def issue_labels(call: Call) -> Answer:
    """Its labels."""
    return _labels(call)


def _names(call: Call) -> list[str]:
    """A bare list, or an object with one: GitHub takes both."""
    body = call.body or []
    return list(body.get("labels", []) if isinstance(body, dict) else body)


@endpoint("POST", ISSUE + "/labels", WRITE)
def add_labels(call: Call) -> Answer:
    """Add to those it has."""
    issue = found(call)
    issue.labels = ensure_labels(call, [*issue.labels, *_names(call)])
    return _labels(call)


@endpoint("PUT", ISSUE + "/labels", WRITE)
def set_labels(call: Call) -> Answer:
    """Replace those it has."""
    found(call).labels = ensure_labels(call, _names(call))
    return _labels(call)


@endpoint("DELETE", ISSUE + "/labels", WRITE)
def clear_labels(call: Call) -> Answer:
    """Take all off."""
    found(call).labels = []
    return Answer(204)


@endpoint("DELETE", ISSUE + "/labels/{name}", WRITE)
def remove_label(call: Call) -> Answer:
    """Take one off; 404 where it was not on."""
    issue, name = found(call), call.text("name").lower()
    if name not in [one.lower() for one in issue.labels]:
        raise missing("Label does not exist")
    issue.labels = [one for one in issue.labels if one.lower() != name]
    return _labels(call)


@endpoint("POST", ISSUE + "/assignees", WRITE)
def add_assignees(call: Call) -> Answer:
    """Assign collaborators; others are left out without a word, as GitHub does."""
    issue = found(call)
    wanted = _assignable(call, (call.body or {}).get("assignees", []))
    issue.assignees += [login for login in wanted if login not in issue.assignees]
    return Answer(201, shapes_issues.issue(call, issue))


@endpoint("DELETE", ISSUE + "/assignees", WRITE)
def remove_assignees(call: Call) -> Answer:
    """Unassign."""
    issue, gone = found(call), (call.body or {}).get("assignees", [])
    issue.assignees = [one for one in issue.assignees if one not in gone]
    return Answer(200, shapes_issues.issue(call, issue))


@endpoint("GET", ISSUE + "/comments", READ)
def list_comments(call: Call) -> Answer:
    """Oldest first."""
    number = found(call).number
    some = [one for one in call.repo.comments.values() if one.number == number]
    if call.query.get("since"):
        some = [one for one in some if one.updated_at >= call.query["since"]]
    return listed(call, [shapes_issues.comment(call, one) for one in some])


@endpoint("GET", "./issues/comments", READ)
def list_all_comments(call: Call) -> Answer:
    """Those of all issues."""
    some = list(call.repo.comments.values())
    return listed(call, [shapes_issues.comment(call, one) for one in some])


@endpoint("POST", ISSUE + "/comments", WRITE)
def create_comment(call: Call) -> Answer:
    """Write a comment."""
    issue = found(call)
    one = Comment(call.world.new_id(), issue.number, call.body["body"], call.login, app=call.app)
    call.repo.comments[one.id] = one
    return Answer(201, shapes_issues.comment(call, one))


def comment_of(call: Call) -> Comment:
    """The comment of the path. 404 where there is none."""
    one = call.repo.comments.get(call.number("comment_id"))
    if one is None:
        raise missing()
    return one


@endpoint("GET", COMMENT, READ)
def get_comment(call: Call) -> Answer:
    """One comment."""
    return Answer(200, shapes_issues.comment(call, comment_of(call)))


@endpoint("PATCH", COMMENT, WRITE)
def edit_comment(call: Call) -> Answer:
    """Change its text."""
    one = comment_of(call)
    one.body, one.updated_at = call.body["body"], now()
    return Answer(200, shapes_issues.comment(call, one))


@endpoint("DELETE", COMMENT, WRITE)
def delete_comment(call: Call) -> Answer:
    """Delete it."""
    del call.repo.comments[comment_of(call).id]
    return Answer(204)


@endpoint("GET", "./labels", READ)
def list_labels(call: Call) -> Answer:
    """All labels of the repository."""
    return listed(call, [shapes.label(call, one) for one in call.repo.labels.values()])


@endpoint("POST", "./labels", WRITE)
def create_label(call: Call) -> Answer:
    """Make a label; names are the same whatever their case."""
    body, name = call.body, call.body["name"]
    if name.lower() in call.repo.labels:
        raise invalid("Label", "name", "already_exists")
    one = Label(call.world.new_id(), name, body.get("color", "ededed"), body.get("description"))
    call.repo.labels[name.lower()] = one
    return Answer(201, shapes.label(call, one))


def _label(call: Call) -> Label:
    one = call.repo.labels.get(call.text("name").lower())
    if one is None:
        raise missing()
    return one


@endpoint("GET", "./labels/{name}", READ)
def get_label(call: Call) -> Answer:
    """One label."""
    return Answer(200, shapes.label(call, _label(call)))


@endpoint("PATCH", "./labels/{name}", WRITE)
def edit_label(call: Call) -> Answer:
    """Name, colour, description."""
    one, body = _label(call), call.body or {}
    old, one.name = one.name, body.get("new_name", one.name)
    one.color, one.description = (
        body.get("color", one.color),
        body.get("description", one.description),
    )
    del call.repo.labels[old.lower()]
    call.repo.labels[one.name.lower()] = one
    for issue in call.repo.issues.values():
        issue.labels = [one.name if name == old else name for name in issue.labels]
    return Answer(200, shapes.label(call, one))


@endpoint("DELETE", "./labels/{name}", WRITE)
def delete_label(call: Call) -> Answer:
    """Delete it, and take it off everything."""
    name = _label(call).name
    del call.repo.labels[name.lower()]
    for issue in call.repo.issues.values():
        issue.labels = [one for one in issue.labels if one != name]
    return Answer(204)
