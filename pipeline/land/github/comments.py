"""Sticky comments: one for each marker, found by marker and author, kept up to date in place."""

from collections.abc import Mapping
from typing import Any

from pipeline.land.github import sent
from pipeline.land.github.client import GitHub
from pipeline.land.github.errors import InvalidError
from pipeline.land.github.sent import Sent, is_same_text, require_size
from pipeline.model.publication import CommentText
from pipeline.model.publishing import Outcome


def publish_comment(
    hub: GitHub, issue: int, text: CommentText, author: str, *, known: int = 0
) -> Sent:
    """Create or update the comment of this marker on an issue or pull request.

    Everybody can write a marker, so a comment is ours only where ``author`` wrote it, or where it
    is the one that the store knows (``known``). All pages are looked through. Raises
    ``GitHubError``.
    """
    body = marked(text.marker, text.body)
    require_size("A comment", body, sent.BODY)
    found = find_comment(hub, issue, text.marker, author, known)
    if found is None:
        made = hub.create(
            f"issues/{issue}/comments",
            {"body": body},
            look=lambda: find_comment(hub, issue, text.marker, author),
        )
        return sent.of(made, Outcome.CREATED, key="id", state="posted")
    if is_same_text(found.get("body"), body):
        return sent.of(found, Outcome.UNCHANGED, key="id", state="posted")
    number = sent.number(found, "id")
    hub.request("PATCH", f"issues/comments/{number}", body={"body": body}, is_repeatable=True)
    return sent.of(found, Outcome.UPDATED, key="id", state="posted")


def find_comment(
    hub: GitHub, issue: int, marker: str, author: str, known: int = 0
) -> Mapping[str, Any] | None:
    """Our oldest comment with this marker."""
    own = [
        one
        for one in hub.pages(f"issues/{issue}/comments")
        if is_ours(one, marker, author)
        or (known == sent.number(one, "id") and has_marker(one, marker))
    ]
    return min(own, key=lambda one: sent.number(one, "id"), default=None)


def is_ours(one: Mapping[str, Any], marker: str, author: str) -> bool:
    """Whether a comment or issue carries the marker as its first line, and we wrote it."""
    is_author = bool(author) and sent.login(one).lower() == author.lower()
    return is_author and has_marker(one, marker)


def has_marker(one: Mapping[str, Any], marker: str) -> bool:
    """Whether a comment or issue carries the marker; that alone says nothing of who wrote it."""
    first = sent.text(one, "body").lstrip("\ufeff").partition("\n")[0]
    return first.rstrip() == marker


def marked(marker: str, body: str) -> str:
    """A body with its marker as the first line, once."""
    if not marker.startswith("<!--") or not marker.endswith("-->") or "\n" in marker:
        raise InvalidError(f"{marker!r} is no hidden marker.")
    return body if body.partition("\n")[0].rstrip() == marker else f"{marker}\n{body}"
