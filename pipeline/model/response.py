"""What answering a comment came to, as a value."""

from dataclasses import dataclass
from enum import StrEnum


class ResponseOutcome(StrEnum):
    """How it ended.

    ``IGNORED``: the comment is no command. ``REFUSED``: it may not be one. ``MISREAD``: its line
    has none of the forms. ``MOVED``: what it was said about has changed since. ``IMPOSSIBLE``:
    what it asks for cannot be done. ``REPEATED``: it was answered before.
    """

    DONE = "done"
    REPEATED = "repeated"
    IGNORED = "ignored"
    REFUSED = "refused"
    MISREAD = "misread"
    MOVED = "moved"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Response:
    """A comment and what was made of it.

    ``accepted`` is whether it is a command whose author may give it; ``sha`` the head of the pull
    request when it was read, empty for an issue; ``reply_url`` the page of the reply.
    """

    outcome: ResponseOutcome
    reason: str = ""
    accepted: bool = False
    verb: str = ""
    workstream: str = ""
    run_id: str = ""
    sha: str = ""
    repository: str = ""
    number: int = 0
    comment_id: int = 0
    login: str = ""
    reply_url: str = ""
