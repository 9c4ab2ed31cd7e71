"""What is asked of GitHub about a comment, and how it is answered there."""

from dataclasses import dataclass
from enum import StrEnum

from pipeline.base.errors import InputError
from pipeline.flow.responding_event import CommentEvent, is_person
from pipeline.land.github import sent
from pipeline.land.github.client import GitHub, segment
from pipeline.land.github.comments import find_comment, publish_comment
from pipeline.land.github.errors import DeniedError, UnavailableError
from pipeline.model.publication import CommentText
from pipeline.report.github import markers

MAY = frozenset({"write", "maintain", "admin"})
"""The permissions that allow commands (REST "Get repository permissions for a user": ``maintain``
comes as ``write``, ``triage`` as ``read``, a role of one's own as what it is based on)."""


class Reaction(StrEnum):
    """A sign on the comment, in GitHub's words."""

    SEEN = "eyes"
    DONE = "+1"
    REFUSED = "-1"
    CONFUSED = "confused"


class MovedError(InputError):
    """What a comment was said about is not what is there now."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a pull request: its commit, and whether it lies in another repository."""

    sha: str
    is_fork: bool


def why_not_heard(hub: GitHub, event: CommentEvent) -> str:
    """Why the comment as it is now is not heard; empty where it is the one of the event."""
    try:
        now = hub.request("GET", f"issues/comments/{event.comment_id}")
    except DeniedError as error:
        if error.status == 404:
            return "The comment is not there any more."
        raise
    if not isinstance(now, dict):
        raise UnavailableError("GitHub's answer is no comment.")
    user = now.get("user")
    is_same = (
        isinstance(user, dict)
        and user.get("id") == event.user_id
        and is_person(user)
        and now.get("performed_via_github_app") is None
        and sent.text(now, "issue_url").endswith(f"/issues/{event.number}")
    )
    if not is_same:
        return "The comment is not the one of the event."
    if sent.text(now, "body") != event.body or now.get("updated_at") != event.created_at:
        return "The comment was edited; only what was first written is heard."
    return ""


def may_command(hub: GitHub, event: CommentEvent) -> bool:
    """Whether the author of a comment may write to the repository, as GitHub says now.

    What a comment says of its author (``author_association``) is not asked: an owner's
    organisation, a past contribution and an invitation are no permission.
    """
    path = f"collaborators/{segment(event.login)}/permission"
    try:
        answer = hub.request("GET", path)
    except DeniedError as error:
        if error.status == 404:
            return False
        raise
    if not isinstance(answer, dict):
        return False
    user = answer.get("user")
    is_same = isinstance(user, dict) and user.get("id") == event.user_id
    return is_same and sent.text(answer, "permission") in MAY


def head_of(hub: GitHub, event: CommentEvent) -> Head | None:
    """The head of the pull request that a comment is on, ``None`` for an issue."""
    if not event.is_pull_request:
        return None
    pull = hub.request("GET", f"pulls/{event.number}")
    head, base = pull.get("head"), pull.get("base")
    sha = sent.text(head, "sha") if isinstance(head, dict) else ""
    if not sha or not isinstance(base, dict):
        raise UnavailableError(f"GitHub's answer is no pull request: {event.number}.")
    if sent.text(pull, "state") != "open":
        raise InputError(
            f"The pull request #{event.number} is closed.",
            remedy="Open it again, or ask elsewhere.",
        )
    return Head(sha, _repository_id(head) != _repository_id(base))


def require_unmoved(hub: GitHub, event: CommentEvent, head: Head | None) -> None:
    """Look again, right before anything is written: the comment and the head as they were.

    Raises ``MovedError``.
    """
    why = why_not_heard(hub, event)
    if why:
        raise MovedError(why)
    now = head_of(hub, event)
    if now != head:
        raise moved(head, now)


def moved(seen: Head | None, now: Head | None) -> MovedError:
    """The error for a head that is another one than the comment was said about."""
    was, is_now = ((one.sha[:12] if one else "nothing") for one in (seen, now))
    return MovedError(
        f"The pull request was at {was}, and is at {is_now} now: nothing was done.",
        remedy="Look at what is new, then say it again.",
    )


def reply_marker(event: CommentEvent) -> str:
    """The hidden first line of the reply to a comment."""
    return markers.marker(f"reply:{event.comment_id}")


def has_replied(hub: GitHub, event: CommentEvent, author: str) -> str:
    """The page of our reply to a comment; empty where there is none."""
    found = find_comment(hub, event.number, reply_marker(event), author)
    return "" if found is None else sent.url(found) or "?"


def reply(hub: GitHub, event: CommentEvent, author: str, body: str) -> str:
    """Reply to a comment, once; the page of the reply. Raises ``GitHubError``."""
    text = CommentText(reply_marker(event), body)
    return publish_comment(hub, event.number, text, author).url


def react(hub: GitHub, event: CommentEvent, reaction: Reaction) -> None:
    """Put a sign on the comment; once more of the same changes nothing. ``GitHubError``."""
    path = f"issues/comments/{event.comment_id}/reactions"
    hub.request("POST", path, body={"content": reaction.value}, is_repeatable=True)


def _repository_id(side: object) -> object:
    """What tells a repository, whatever it is called; a deleted fork has none."""
    repository = side.get("repo") if isinstance(side, dict) else None
    return repository.get("id") if isinstance(repository, dict) else None
