"""JSON of issues, pull requests, comments, reviews and reactions."""

from typing import Any

from . import shapes
from .routing import Call
from .state import Comment, Issue, Reaction, Repository, Review, ReviewComment

_ROLLUP = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def rollup(at: Call, address: str, on: tuple[str, int]) -> dict[str, Any]:
    """How often each reaction was given."""
    given = [one.content for one in at.repo.reactions.values() if one.on == on]
    counts = {content: given.count(content) for content in _ROLLUP}
    return {"url": f"{address}/reactions", "total_count": len(given), **counts}


def association(at: Call, login: str) -> str:
    """What somebody is to the repository."""
    if login == at.repo.owner:
        return "OWNER"
    role = at.repo.collaborators.get(login, "none")
    return "COLLABORATOR" if role not in ("none", "read") else "NONE"


def issue(at: Call, one: Issue) -> dict[str, Any]:
    """An issue, or a pull request as the issues API shows it."""
    own = f"{at.root}/issues/{one.number}"
    kind = "pull" if one.pull else "issues"
    found = {
        "url": own,
        "repository_url": at.root,
        "labels_url": f"{own}/labels{{/name}}",
        "comments_url": f"{own}/comments",
        "events_url": f"{own}/events",
        "timeline_url": f"{own}/timeline",
        "html_url": f"{at.page}/{kind}/{one.number}",
        "closed_by": None,
        "performed_via_github_app": None,
        "reactions": rollup(at, own, ("issue", one.number)),
        **_both(at, one),
    }
    found["comments"] = sum(c.number == one.number for c in at.repo.comments.values())
    if one.pull:
        page = f"{at.page}/pull/{one.number}"
        found["draft"] = one.pull.draft
        found["pull_request"] = {
            "url": f"{at.root}/pulls/{one.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": one.pull.merged_at,
        }
    return found


def _both(at: Call, one: Issue) -> dict[str, Any]:
    """What issues and pull requests have in common."""
    return {
        "id": one.id,
        "node_id": shapes.node("PR" if one.pull else "I", one.id),
        "number": one.number,
        "title": one.title,
        "body": one.body,
        "user": shapes.user(at, one.login),
        "labels": [shapes.label(at, at.repo.labels[name.lower()]) for name in one.labels],
        "assignee": shapes.user(at, one.assignees[0] if one.assignees else None),
        "assignees": [shapes.user(at, login) for login in one.assignees],
        "milestone": None,
        "state": one.state,
        **({} if one.pull else {"state_reason": one.state_reason}),
        "locked": False,
        "active_lock_reason": None,
        "author_association": association(at, one.login),
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "closed_at": one.closed_at,
    }


def pull(at: Call, one: Issue, *, is_full: bool = True) -> dict[str, Any]:
    """A pull request; the short form is that of lists."""
    assert one.pull is not None
    own, page = f"{at.root}/pulls/{one.number}", f"{at.page}/pull/{one.number}"
    as_issue = f"{at.root}/issues/{one.number}"
    urls = {
        "self": own,
        "html": page,
        "issue": as_issue,
        "comments": f"{as_issue}/comments",
        "review_comments": f"{own}/comments",
        "review_comment": f"{at.root}/pulls/comments{{/number}}",
        "commits": f"{own}/commits",
        "statuses": f"{at.root}/statuses/{one.pull.head_sha}",
    }
    found = {
        **_both(at, one),
        "url": own,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        **{
            f"{name}_url": address for name, address in urls.items() if name not in ("self", "html")
        },
        "merged_at": one.pull.merged_at,
        "merge_commit_sha": one.pull.merge_sha,
        "requested_reviewers": [shapes.user(at, login) for login in one.pull.reviewers],
        "requested_teams": [],
        "head": _side(at, one, is_head=True),
        "base": _side(at, one, is_head=False),
        "_links": {name: {"href": address} for name, address in urls.items()},
        "auto_merge": None,
        "draft": one.pull.draft,
    }
    return {**found, **_measured(at, one)} if is_full else found


def _side(at: Call, one: Issue, *, is_head: bool) -> dict[str, Any]:
    assert one.pull is not None
    repo: Repository | None = at.repo
    owner = at.repo.owner
    if is_head:
        repo = at.world.repositories.get(one.pull.head_repo.lower())
        owner = one.pull.head_repo.partition("/")[0]
    name = one.pull.head if is_head else one.pull.base
    return {
        "label": f"{owner}:{name}",
        "ref": name,
        "sha": one.pull.head_sha if is_head else one.pull.base_sha,
        "user": shapes.user(at, owner),
        "repo": shapes.repository(at, repo) if repo else None,
    }


def _measured(at: Call, one: Issue) -> dict[str, Any]:
    """What GitHub works out for one pull request alone."""
    assert one.pull is not None
    bare, (base, head) = at.repo.bare, (one.pull.base_sha, one.pull.head_sha)
    start = bare.merge_base(base, head) or base
    files = bare.changed(start, head)
    is_merged = one.pull.merged_at is not None
    return {
        "merged": is_merged,
        "mergeable": None if is_merged else True,
        "rebaseable": None if is_merged else True,
        "mergeable_state": "unknown" if is_merged else "draft" if one.pull.draft else "clean",
        "merged_by": shapes.user(at, one.pull.merged_by),
        "comments": sum(c.number == one.number for c in at.repo.comments.values()),
        "review_comments": sum(c.number == one.number for c in at.repo.review_comments.values()),
        "maintainer_can_modify": one.pull.maintainer_can_modify,
        "commits": len(bare.log(head, base)),
        "additions": sum(entry["additions"] for entry in files),
        "deletions": sum(entry["deletions"] for entry in files),
        "changed_files": len(files),
    }


def comment(at: Call, one: Comment) -> dict[str, Any]:
    """A comment on an issue or pull request."""
    own = f"{at.root}/issues/comments/{one.id}"
    kind = "pull" if at.repo.issues[one.number].pull else "issues"
    return {
        "id": one.id,
        "node_id": shapes.node("IC", one.id),
        "url": own,
        "html_url": f"{at.page}/{kind}/{one.number}#issuecomment-{one.id}",
        "issue_url": f"{at.root}/issues/{one.number}",
        "body": one.body,
        "user": shapes.user(at, one.login),
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "author_association": association(at, one.login),
        "performed_via_github_app": shapes.app(at, one.app),
        "reactions": rollup(at, own, ("comment", one.id)),
    }


def reaction(at: Call, one: Reaction) -> dict[str, Any]:
    """A reaction."""
    return {
        "id": one.id,
        "node_id": shapes.node("REA", one.id),
        "user": shapes.user(at, one.login),
        "content": one.content,
        "created_at": one.created_at,
    }


def review(at: Call, one: Review) -> dict[str, Any]:
    """A review of a pull request."""
    page = f"{at.page}/pull/{one.number}#pullrequestreview-{one.id}"
    own = f"{at.root}/pulls/{one.number}"
    return {
        "id": one.id,
        "node_id": shapes.node("PRR", one.id),
        "user": shapes.user(at, one.login),
        "body": one.body,
        "state": one.state,
        "html_url": page,
        "pull_request_url": own,
        "_links": {"html": {"href": page}, "pull_request": {"href": own}},
        "submitted_at": one.submitted_at,
        "commit_id": one.commit,
        "author_association": association(at, one.login),
    }


def review_comment(at: Call, one: ReviewComment) -> dict[str, Any]:
    """A comment on a line."""
    own = f"{at.root}/pulls/comments/{one.id}"
    page = f"{at.page}/pull/{one.number}#discussion_r{one.id}"
    about = f"{at.root}/pulls/{one.number}"
    return {
        "id": one.id,
        "node_id": shapes.node("PRRC", one.id),
        "url": own,
        "pull_request_review_id": one.review,
        "diff_hunk": "@@ -1 +1 @@",
        "path": one.path,
        "commit_id": one.commit,
        "original_commit_id": one.commit,
        "user": shapes.user(at, one.login),
        "body": one.body,
        "created_at": one.created_at,
        "updated_at": one.created_at,
        "html_url": page,
        "pull_request_url": about,
        "author_association": association(at, one.login),
        "_links": {
            "self": {"href": own},
            "html": {"href": page},
            "pull_request": {"href": about},
        },
        "start_line": one.start_line,
        "start_side": one.start_side,
        "line": one.line or 1,
        "side": one.side,
        "subject_type": "line" if one.line else "file",
    }
