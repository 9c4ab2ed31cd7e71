"""Pull requests: list, create, edit, files, commits, reviews, reviewers, merging."""

from typing import Any

from .. import shapes, shapes_issues
from ..routing import Answer, Call, ProblemError, endpoint, invalid, listed, missing
from ..state import Issue, Pull, Repository, Review, ReviewComment, now
from .issues import next_number

READ, WRITE = "pull_requests=read", "pull_requests=write"
PULL = "./pulls/{pull_number}"


def found(call: Call) -> Issue:
    """The pull request of the path. 404 for a number without one."""
    issue = call.repo.issues.get(call.number("pull_number"))
    if issue is None or issue.pull is None:
        raise missing()
    return issue


def branch_of(repo: Repository, name: str) -> str:
    """A branch's commit; empty where there is none."""
    ref = f"refs/heads/{name}"
    return repo.bare.refs(ref).get(ref, "")


@endpoint("GET", "./pulls", READ)
def list_pulls(call: Call) -> Answer:
    """Filtered by state, head and base, newest first unless asked otherwise."""
    query = call.query
    some = [one for one in call.repo.issues.values() if one.pull]
    if query.get("state", "open") != "all":
        some = [one for one in some if one.state == query.get("state", "open")]
    if query.get("base"):
        some = [one for one in some if one.pull and one.pull.base == query["base"]]
    if ":" in query.get("head", ""):  # GitHub ignores a head without its owner
        some = [one for one in some if one.pull and _label(one.pull) == query["head"].lower()]
    by = "updated_at" if query.get("sort") == "updated" else "created_at"
    some.sort(key=lambda one: (getattr(one, by), one.number))
    if query.get("direction", "desc" if by == "created_at" else "asc") == "desc":
        some.reverse()
    return listed(call, [shapes_issues.pull(call, one, is_full=False) for one in some])


def _label(pull: Pull) -> str:
    return f"{pull.head_repo.partition('/')[0].lower()}:{pull.head}"


@endpoint("POST", "./pulls", WRITE)
def create_pull(call: Call) -> Answer:
    """Create one; head and base have to exist, differ, and have no open pull request yet."""
    body, repo = call.body, call.repo
    _allow_new(call)
    source, head = _head(call, body["head"])
    head_sha = branch_of(source, head) if source else ""
    if not head_sha or source is None:
        raise invalid("PullRequest", "head", "invalid")
    base_sha = branch_of(repo, body["base"])
    if not base_sha:
        raise invalid("PullRequest", "base", "invalid")
    if not body.get("title"):
        raise invalid("PullRequest", "title", "missing_field")
    if source is not repo:
        repo.bare.git("fetch", "-q", str(source.bare.path), head_sha)
    pull = Pull(head, body["base"], source.full_name, head_sha, base_sha, body.get("draft", False))
    _refuse_twins(call, pull)
    if not repo.bare.log(head_sha, base_sha, 1):
        message = f"No commits between {body['base']} and {body['head']}"
        raise invalid("PullRequest", "", "custom", message)
    pull.maintainer_can_modify = source is not repo and body.get("maintainer_can_modify", True)
    number = next_number(repo)
    issue = Issue(call.world.new_id(), number, body["title"], body.get("body"), call.login)
    issue.pull = pull
    repo.issues[number] = issue
    repo.bare.git("update-ref", f"refs/pull/{number}/head", head_sha)
    pull.merge_sha = repo.bare.text(
        "commit-tree", f"{head_sha}^{{tree}}", "-p", base_sha, "-p", head_sha, "-m", "Test merge"
    )
    return Answer(201, shapes_issues.pull(call, issue))


def _allow_new(call: Call) -> None:
    """Two switches of the owner's; status and words are those of GitHub's answers.

    github/docs #36525 (Actions, 403) and SWE-agent #179 (drafts, 422 without `errors`).
    """
    settings = call.repo.settings
    if call.app == "github-actions" and not settings.actions_may_create_pulls:
        message = "GitHub Actions is not permitted to create or approve pull requests."
        raise ProblemError(403, message)
    if call.body.get("draft") and not settings.has_drafts:
        raise ProblemError(422, "Draft pull requests are not supported in this repository.")


def _head(call: Call, name: str) -> tuple[Repository | None, str]:
    """The repository and branch that `branch` or `owner:branch` mean."""
    owner, colon, branch = name.partition(":")
    if not colon or owner.lower() == call.repo.owner.lower():
        return call.repo, branch if colon else name
    network = (
        one
        for one in call.world.repositories.values()
        if one.owner.lower() == owner.lower() and one.fork_of.lower() == call.repo.full_name.lower()
    )
    return next(network, None), branch


def _refuse_twins(call: Call, pull: Pull) -> None:
    """422, as observed from GitHub's answers: "A pull request already exists for octo:branch."."""
    for one in call.repo.issues.values():
        other = one.pull
        if (
            other
            and one.state == "open"
            and (_label(other), other.base) == (_label(pull), pull.base)
        ):
            owner = pull.head_repo.partition("/")[0]
            message = f"A pull request already exists for {owner}:{pull.head}."
            raise invalid("PullRequest", "", "custom", message)


@endpoint("GET", PULL, READ)
def get_pull(call: Call) -> Answer:
    """One pull request in full."""
    return Answer(200, shapes_issues.pull(call, found(call)))


@endpoint("PATCH", PULL, WRITE)
def edit_pull(call: Call) -> Answer:
    """Title, body, state and base; draft is not among what REST can change."""
    issue, body = found(call), call.body or {}
    assert issue.pull is not None
    if "base" in body and body["base"] != issue.pull.base:
        sha = branch_of(call.repo, body["base"])
        if not sha:
            raise invalid("PullRequest", "base", "invalid")
        issue.pull.base, issue.pull.base_sha = body["base"], sha
    if body.get("state") == "open" and issue.state == "closed":
        source = call.world.repositories.get(issue.pull.head_repo.lower())
        if issue.pull.merged_at or not source or not branch_of(source, issue.pull.head):
            raise invalid("PullRequest", "state", "invalid", "state cannot be changed.")
        _refuse_twins(call, issue.pull)
        issue.closed_at = None
    if body.get("state") == "closed" and issue.state == "open":
        issue.closed_at = now()
    issue.state = body.get("state", issue.state)
    issue.title = body.get("title", issue.title)
    issue.body = body.get("body", issue.body)
    issue.updated_at = now()
    return Answer(200, shapes_issues.pull(call, issue))


@endpoint("GET", PULL + "/files", READ)
def list_files(call: Call) -> Answer:
    """What the head changed since it left the base."""
    pull = found(call).pull
    assert pull is not None
    start = call.repo.bare.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
    entries = call.repo.bare.changed(start, pull.head_sha)
    return listed(call, [shapes.diff_entry(call, one, pull.head_sha) for one in entries])


@endpoint("GET", PULL + "/commits", READ)
def list_commits(call: Call) -> Answer:
    """Its commits, oldest first."""
    pull, bare = found(call).pull, call.repo.bare
    assert pull is not None
    ids = bare.log(pull.head_sha, pull.base_sha)[::-1]
    return listed(call, [shapes.commit(call, bare.commit(sha)) for sha in ids])


@endpoint("GET", "./commits/{commit_sha}/pulls", READ)
def pulls_of_commit(call: Call) -> Answer:
    """Pull requests that a commit is part of: open ones of a branch, merged ones of the base."""
    bare = call.repo.bare
    sha = bare.resolve(call.text("commit_sha"))
    if not sha:
        raise ProblemError(422, f"No commit found for SHA: {call.text('commit_sha')}")
    some = [
        one
        for one in call.repo.issues.values()
        if one.pull and sha in bare.log(one.pull.head_sha, one.pull.base_sha)
    ]
    return listed(call, [shapes_issues.pull(call, one, is_full=False) for one in some])


@endpoint("GET", PULL + "/merge", READ)
def is_merged(call: Call) -> Answer:
    """204 where it is merged."""
    pull = found(call).pull
    if pull is None or not pull.merged_at:
        raise missing()
    return Answer(204)


@endpoint("PUT", PULL + "/merge", "contents=write")
def merge_pull(call: Call) -> Answer:
    """Merge with a merge commit; 409 where the head has moved, 405 where it cannot be."""
    issue, bare, body = found(call), call.repo.bare, call.body or {}
    pull = issue.pull
    assert pull is not None
    if body.get("sha") and body["sha"] != pull.head_sha:
        raise ProblemError(409, "Head branch was modified. Review and try the merge again.")
    if issue.state != "open" or pull.draft:
        raise ProblemError(405, "Pull Request is not mergeable")
    tree = bare.text("merge-tree", "--write-tree", pull.base_sha, pull.head_sha).splitlines()[0]
    message = body.get("commit_title") or f"Merge pull request #{issue.number}"
    sha = bare.text("commit-tree", tree, "-p", pull.base_sha, "-p", pull.head_sha, "-m", message)
    bare.git("update-ref", f"refs/heads/{pull.base}", sha, pull.base_sha)
    pull.merged_at, pull.merged_by, pull.merge_sha = now(), call.login, sha
    issue.state, issue.closed_at = "closed", now()
    return Answer(200, {"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


_STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


@endpoint("GET", PULL + "/reviews", READ)
def list_reviews(call: Call) -> Answer:
    """Oldest first."""
    some = [one for one in call.repo.reviews.values() if one.number == found(call).number]
    return listed(call, [shapes_issues.review(call, one) for one in some])


@endpoint("GET", PULL + "/reviews/{review_id}", READ)
def get_review(call: Call) -> Answer:
    """One review."""
    one = call.repo.reviews.get(call.number("review_id"))
    if one is None or one.number != found(call).number:
        raise missing()
    return Answer(200, shapes_issues.review(call, one))


@endpoint("POST", PULL + "/reviews", WRITE)
def create_review(call: Call) -> Answer:
    """Review it; nobody approves or blocks what is their own."""
    issue, body = found(call), call.body or {}
    assert issue.pull is not None
    event = body.get("event", "PENDING")
    if event in ("APPROVE", "REQUEST_CHANGES") and issue.login == call.login:
        own = "approve" if event == "APPROVE" else "request changes on"
        raise ProblemError(
            422, "Unprocessable Entity", errors=[f"Can not {own} your own pull request"]
        )
    of_actions = event == "APPROVE" and call.app == "github-actions"
    if of_actions and not call.repo.settings.actions_may_create_pulls:  # github/docs #31550
        message = "GitHub Actions is not permitted to approve pull requests."
        raise ProblemError(422, "Unprocessable Entity", errors=[message])
    commit = body.get("commit_id") or issue.pull.head_sha
    review = Review(
        call.world.new_id(),
        issue.number,
        call.login,
        body.get("body") or "",
        _STATES.get(event, event),
        commit,
    )
    call.repo.reviews[review.id] = review
    for one in body.get("comments", []):
        _add_line_comment(call, issue, {"commit_id": commit, **one}, review.id)
    return Answer(200, shapes_issues.review(call, review))


def _add_line_comment(
    call: Call, issue: Issue, body: dict[str, Any], review: int | None
) -> ReviewComment:
    """A comment on a line, which has to be of a file that the pull request changes."""
    assert issue.pull is not None
    start = call.repo.bare.merge_base(issue.pull.base_sha, issue.pull.head_sha)
    files = call.repo.bare.changed(start or issue.pull.base_sha, issue.pull.head_sha)
    if body["path"] not in [entry["filename"] for entry in files]:
        raise invalid("PullRequestReviewComment", "pull_request_review_thread.path", "invalid")
    one = ReviewComment(
        call.world.new_id(),
        issue.number,
        review,
        call.login,
        body["body"],
        body["path"],
        body["commit_id"],
        body.get("line"),
        body.get("side", "RIGHT"),
        body.get("start_line"),
        body.get("start_side"),
    )
    call.repo.review_comments[one.id] = one
    return one


@endpoint("GET", PULL + "/comments", READ)
def list_line_comments(call: Call) -> Answer:
    """Comments on lines."""
    number = found(call).number
    some = [one for one in call.repo.review_comments.values() if one.number == number]
    return listed(call, [shapes_issues.review_comment(call, one) for one in some])


@endpoint("POST", PULL + "/comments", WRITE)
def create_line_comment(call: Call) -> Answer:
    """A comment on a line of the diff."""
    one = _add_line_comment(call, found(call), call.body, None)
    return Answer(201, shapes_issues.review_comment(call, one))


@endpoint("GET", PULL + "/requested_reviewers", READ)
def list_reviewers(call: Call) -> Answer:
    """Who was asked."""
    pull = found(call).pull
    assert pull is not None
    return Answer(200, {"users": [shapes.user(call, one) for one in pull.reviewers], "teams": []})


@endpoint("POST", PULL + "/requested_reviewers", WRITE)
def ask_reviewers(call: Call) -> Answer:
    """Only collaborators, and not the author."""
    issue = found(call)
    assert issue.pull is not None
    for login in (call.body or {}).get("reviewers", []):
        if login == issue.login:
            raise ProblemError(422, "Review cannot be requested from pull request author.")
        if login not in call.repo.collaborators:
            message = "Reviews may only be requested from collaborators. One or more of the users"
            raise ProblemError(422, f"{message} or teams you specified is not a collaborator.")
        if login not in issue.pull.reviewers:
            issue.pull.reviewers.append(login)
    return Answer(201, shapes_issues.pull(call, issue, is_full=False))


@endpoint("DELETE", PULL + "/requested_reviewers", WRITE)
def unask_reviewers(call: Call) -> Answer:
    """Take them back."""
    issue = found(call)
    assert issue.pull is not None
    gone = call.body.get("reviewers", [])
    issue.pull.reviewers = [one for one in issue.pull.reviewers if one not in gone]
    return Answer(200, shapes_issues.pull(call, issue, is_full=False))
