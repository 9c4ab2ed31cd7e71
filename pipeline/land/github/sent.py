"""What came of publishing one thing, and what has to hold of it before it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.base.console import safe
from pipeline.land.github.errors import InvalidError
from pipeline.model.publishing import Outcome

BODY = 65_536
"""Bodies of issues, pull requests and comments (422 "body is too long")."""
CHECK_TEXT = 65_535
"""``output.summary`` and ``output.text`` of a check run (REST "Create a check run")."""
ANNOTATIONS = 50
"""Annotations in one request (REST "Create a check run"; more are appended by updates)."""
MESSAGE = 64 * 1024
"""``annotations[].message``, bytes (REST "Create a check run")."""
TITLE = 256
"""Titles of issues and pull requests."""
LABEL = 50
"""Names of labels."""
DESCRIPTION = 140
"""Descriptions of commit statuses."""
SARIF = 10 * 1024 * 1024
"""A SARIF file after gzip ("SARIF results exceed limits")."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One thing as it now is on GitHub; ``reason`` says why where it was left alone.

    ``author`` is who GitHub says made it, empty where it was not asked.
    """

    outcome: Outcome
    number: int = 0
    url: str = ""
    state: str = ""
    reason: str = ""
    author: str = ""


def of(
    answer: Mapping[str, Any], outcome: Outcome, *, key: str = "number", state: str = ""
) -> Sent:
    """What an answer says of itself; nothing in it is believed to be of the right kind."""
    return Sent(
        outcome,
        number(answer, key),
        url(answer),
        state or text(answer, "state"),
        author=login(answer),
    )


def number(answer: Mapping[str, Any], key: str = "number") -> int:
    """A number of an answer, 0 where it has none."""
    value = answer.get(key)
    return value if isinstance(value, int) and value > 0 else 0


def text(answer: Mapping[str, Any], key: str) -> str:
    """A text of an answer, empty where it has none."""
    value = answer.get(key)
    return value if isinstance(value, str) else ""


def url(answer: Mapping[str, Any]) -> str:
    """The page of what an answer is about; one that is no plain web address is dropped."""
    value = text(answer, "html_url")
    is_plain = value.startswith(("https://", "http://")) and value.isprintable()
    return value if is_plain and " " not in value and len(value) <= 2048 else ""


def login(answer: Mapping[str, Any]) -> str:
    """Who made it."""
    user = answer.get("user")
    return text(user, "login") if isinstance(user, dict) else ""


def is_same_text(one: object, other: str) -> bool:
    """Whether two bodies say the same: a web form sends other line ends than we do."""
    if not isinstance(one, str):
        return not other.strip()
    return _plain(one) == _plain(other)


def require_size(what: str, value: str, limit: int) -> None:
    """Raise ``InvalidError`` for a text that GitHub would refuse."""
    if len(value) > limit:
        raise InvalidError(
            f"{safe(what, 100)} has {len(value):,} characters, and GitHub takes {limit:,}."
        )


def _plain(body: str) -> str:
    return body.replace("\r\n", "\n").rstrip()
