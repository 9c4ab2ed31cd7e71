"""The event of a new comment, as GitHub hands it to a workflow; nothing in it is trusted yet."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.base.errors import InputError
from pipeline.base.git.address import is_same, repository_of

_MAX_BYTES = 8 * 1024 * 1024
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|[-_](?=[A-Za-z0-9])){0,38}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MARKER = "<!-- git-pipeline:"
"""What the first line of everything that we write begins with."""


@dataclass(frozen=True, slots=True)
class CommentEvent:
    """A comment on an issue or pull request; times as GitHub has them, ids as numbers.

    ``refusal`` says why nothing is done whatever it asks for, empty where that is not so.
    """

    action: str
    repository: str
    number: int
    comment_id: int
    body: str
    login: str
    user_id: int
    created_at: str
    updated_at: str
    is_pull_request: bool
    is_by_person: bool
    is_by_sender: bool

    @property
    def refusal(self) -> str:
        """Why this comment is not heard at all."""
        if self.action != "created":
            return f"Only new comments are heard; this one was {self.action or 'changed'}."
        if self.updated_at != self.created_at:
            return "The comment was edited; only what was first written is heard."
        if not self.is_by_person or not self.is_by_sender:
            return "Only comments that a person wrote are heard, not those of programs."
        if self.body.startswith(MARKER):
            return "The comment is one of git-pipeline's own."
        if not _LOGIN.fullmatch(self.login):
            return "The account that wrote the comment has no name that GitHub gives to people."
        return ""


def read_event(path: Path, repository: str) -> CommentEvent:
    """Read the file with an event; ``repository`` is the one that is answered for.

    Raises ``InputError`` for what is no event of a comment there.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        if len(data) > _MAX_BYTES:
            raise ValueError(f"it has more than {_MAX_BYTES} bytes")
        return _event(json.loads(data), repository)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is no event of a comment: {error}.",
            remedy="Give the file that GITHUB_EVENT_PATH names, in a workflow on issue_comment.",
        ) from error


def _event(document: Any, repository: str) -> CommentEvent:
    comment, issue = _object(document, "comment"), _object(document, "issue")
    where = _text(_object(document, "repository"), "full_name")
    if repository_of(where) is None or not is_same(where, repository):
        raise ValueError("it is one of another repository")
    user = _object(comment, "user")
    # Who names a comment by its id has no event with a sender: it then is the comment's author.
    sender = _object(document, "sender") if "sender" in document else user
    times = [_text(comment, name) for name in ("created_at", "updated_at")]
    if not all(map(_TIME.fullmatch, times)):
        raise ValueError("it has no times")
    return CommentEvent(
        action=_word(document, "action"),
        repository=where,
        number=_number(issue, "number"),
        comment_id=_number(comment, "id"),
        body=_text(comment, "body"),
        login=_text(user, "login"),
        user_id=_number(user, "id"),
        created_at=times[0],
        updated_at=times[1],
        is_pull_request=isinstance(issue.get("pull_request"), dict),
        is_by_person=is_person(user) and comment.get("performed_via_github_app") is None,
        is_by_sender=_number(sender, "id") == _number(user, "id") and is_person(sender),
    )


def is_person(user: Mapping[str, Any]) -> bool:
    """Whether an account is a person's, as far as GitHub tells."""
    return user.get("type") == "User" and not str(user.get("login", "")).endswith("[bot]")


def _object(document: Any, name: str) -> Mapping[str, Any]:
    found = document.get(name) if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise ValueError(f"it has no {name}")
    return found


def _text(document: Mapping[str, Any], name: str) -> str:
    found = document.get(name)
    if not isinstance(found, str):
        raise ValueError(f"its {name} is no text")
    return found


def _word(document: Mapping[str, Any], name: str) -> str:
    found = _text(document, name)
    return found if re.fullmatch("[a-z_]{1,40}", found) else ""


def _number(document: Mapping[str, Any], name: str) -> int:
    found = document.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 < found < 2**63:
        raise ValueError(f"its {name} is no number")
    return found
