"""Answering a comment: who may say it, what it says, whether it still holds; then a reply.

Nothing of a pull request is checked out or run here, and nothing of a comment is more than data: a
fixed verb, an id, a commit, and words that are stored. Whatever is interrupted can be done again by
delivering the same event again: what was answered is found by its reply, and by the review itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.base.errors import InputError
from pipeline.base.git import Repository
from pipeline.flow.responding_event import CommentEvent, read_event
from pipeline.flow.responding_github import (
    Head,
    MovedError,
    Reaction,
    has_replied,
    head_of,
    may_command,
    moved,
    react,
    reply,
    why_not_heard,
)
from pipeline.flow.responding_texts import problem, refused_person
from pipeline.flow.responding_words import STARTING, Asked, MisreadError, is_command, parse
from pipeline.land.github.client import GitHub
from pipeline.land.github.errors import DeniedError
from pipeline.land.github.identity import author_of
from pipeline.model.config import Config
from pipeline.model.response import Response, ResponseOutcome
from pipeline.store.layout import Layout

_O = ResponseOutcome
_SIGNS = {
    _O.DONE: Reaction.DONE,
    _O.REFUSED: Reaction.REFUSED,
    _O.MISREAD: Reaction.CONFUSED,
    _O.MOVED: Reaction.CONFUSED,
    _O.IMPOSSIBLE: Reaction.CONFUSED,
}


@dataclass(frozen=True, slots=True)
class Responding:
    """Where a comment is answered, and as whom.

    ``workflow`` is the file name of the workflow that runs what a comment asks for; ``warn`` is
    given what could not be told.
    """

    repo: Repository
    layout: Layout
    config: Config
    environ: Mapping[str, str]
    hub: GitHub
    workflow: str
    warn: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Heard:
    """A command that may be given: the comment, what it says, and the head that it was said at."""

    event: CommentEvent
    asked: Asked
    head: Head | None


@dataclass(frozen=True, slots=True)
class Carried:
    """What was done: the text of the reply, and what it was about."""

    text: str
    run_id: str = ""


Carry = Callable[[Responding, Heard], Carried]


def respond(job: Responding, event_file: Path, carry: Carry) -> Response:
    """Answer the comment of an event; ``carry`` does what a command asks for.

    Raises ``InputError`` for what is no event, and whatever keeps GitHub or the record of runs
    from being reached: then the comment has no reply, and the event can be delivered again.
    """
    event = read_event(event_file, job.hub.repository)
    done = Response(
        _O.IGNORED,
        repository=event.repository,
        number=event.number,
        comment_id=event.comment_id,
        login=event.login,
    )
    if not is_command(event.body):
        return replace(done, reason="The first line of the comment is no command.")
    why = event.refusal or why_not_heard(job.hub, event)
    if why:
        # Without a reply: to answer programs, or what was taken back, would begin a loop.
        return replace(done, outcome=_O.REFUSED, reason=why)
    author = author_of(job.hub, job.environ)
    url = has_replied(job.hub, event, author)
    if url:
        return replace(done, outcome=_O.REPEATED, reply_url=url, reason="It was answered before.")
    if not may_command(job.hub, event):
        why = "The author may not write to this repository."
        done = replace(done, outcome=_O.REFUSED, reason=why)
        return _told(job, event, author, done, refused_person(event.login))
    _sign(job, event, Reaction.SEEN)
    done, text = _done(job, event, replace(done, accepted=True), carry)
    return _told(job, event, author, done, text)


def _done(
    job: Responding, event: CommentEvent, done: Response, carry: Carry
) -> tuple[Response, str]:
    """Read the command and carry it out; the outcome, and the text of the reply."""
    try:
        asked = parse(event.body)
        done = replace(done, verb=asked.verb.value, workstream=asked.workstream)
        head = head_of(job.hub, event)
        done = replace(done, sha=head.sha if head else "")
        _require_named(asked, head)
        carried = carry(job, Heard(event, asked, head))
    except MisreadError as error:
        return replace(done, outcome=_O.MISREAD, reason=error.what), problem(error)
    except MovedError as error:
        return replace(done, outcome=_O.MOVED, reason=error.what), problem(error)
    except InputError as error:
        return replace(done, outcome=_O.IMPOSSIBLE, reason=error.what), problem(error)
    return replace(done, outcome=_O.DONE, run_id=carried.run_id), carried.text


def _require_named(asked: Asked, head: Head | None) -> None:
    """Raise where the commit that was named is not the head, or one has to be named and is not."""
    if asked.verb not in STARTING:
        return
    if head is None:
        if asked.sha:
            raise InputError("A commit can only be named on a pull request.")
        return
    if not asked.means(head.sha):
        raise moved(Head(asked.sha, head.is_fork), head)
    if head.is_fork and not asked.is_sha_whole:
        # Whoever makes commits can make two that begin alike, and exchange them.
        raise InputError(
            "The pull request comes from another repository, whose author may push at any time.",
            remedy=f"Name the commit that you looked at, in full, such as "
            f"`/pipeline {asked.verb.value} … {head.sha}`.",
        )


def _told(job: Responding, event: CommentEvent, author: str, done: Response, text: str) -> Response:
    """Reply, then put the sign on the comment; the reply is what says that it was answered."""
    url = reply(job.hub, event, author, text)
    _sign(job, event, _SIGNS[done.outcome])
    return replace(done, reply_url=url)


def _sign(job: Responding, event: CommentEvent, reaction: Reaction) -> None:
    try:
        react(job.hub, event, reaction)
    except DeniedError as error:
        job.warn(f"The comment has no reaction {reaction.value}: {error.what}")
