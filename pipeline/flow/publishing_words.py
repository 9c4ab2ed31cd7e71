"""Comments and issues of a run: where people are told, and asked."""

from collections.abc import Callable, Mapping

from pipeline.flow.publishing_told import Told
from pipeline.land.github.comments import publish_comment
from pipeline.land.github.identity import APP, author_of
from pipeline.land.github.issues import CLOSED, Issues
from pipeline.land.github.sent import Sent
from pipeline.model.publication import CommentText, IssueText, Publication, PublicationKind
from pipeline.model.publishing import Outcome
from pipeline.report.github import markers
from pipeline.report.github.comments import progress_comments, sticky_comment
from pipeline.report.github.issues import issues
from pipeline.report.github.view import RunView

_OPEN = frozenset({"open", "draft"})


class Author:
    """Who we write as, asked once and only where it is needed."""

    def __init__(self, told: Told, environ: Mapping[str, str]) -> None:
        self._told = told
        self._environ = environ
        self._name: str | None = None

    @property
    def name(self) -> str:
        """The login; raises ``GitHubError`` where it cannot be asked for."""
        if self._name is None:
            self._name = author_of(self._told.hub, self._environ)
        return self._name

    def check(self, sent: Sent) -> Sent:
        """Tell where GitHub names another author than was thought: what we wrote is not found."""
        expected = self._name or ""
        is_told = sent.outcome is Outcome.CREATED and bool(sent.author)
        if is_told and sent.author.lower() != expected.lower():
            self._told.degrade(
                f"GitHub says that {sent.author} wrote {sent.url}, and not {expected}: the next "
                f"time it may not be known again. Set {APP} to the App's slug."
            )
            self._name = sent.author
        return sent


def publish_comments(view: RunView, told: Told, author: Author) -> None:
    """One comment on each open pull request, and one on each issue that bundles name."""
    for one in view.publications:
        is_there = bool(one.number) or told.hub.is_dry
        is_open = one.kind is PublicationKind.PULL_REQUEST and one.state in _OPEN
        # A number that only a record tells, which may come from anywhere, can be anybody's.
        if is_open and is_there and told.was_found(one.kind, one.ws_id, one.name):
            text = sticky_comment(view, one.ws_id)
            _comment(one.number, text, told, author, ws_id=one.ws_id)
    for number, text in progress_comments(view).items():
        _comment(number, text, told, author)


def _comment(
    number: int, text: CommentText, told: Told, author: Author, *, ws_id: str = ""
) -> None:
    name = f"{markers.purpose_of(text.marker)} on #{number}"
    before = told.stored(PublicationKind.COMMENT, ws_id, name)
    known = before.number if before else 0

    def go() -> Sent:
        return author.check(publish_comment(told.hub, number, text, author.name, known=known))

    told.send(PublicationKind.COMMENT, name, go, ws_id=ws_id, content=text)


def publish_issues(view: RunView, told: Told, author: Author) -> None:
    """One issue for each quarantine and each open review, closed when its reason is gone."""
    wanted = issues(view)
    if not wanted:
        return
    listed: list[Issues] = []

    def teller(text: IssueText, before: Publication | None) -> Callable[[], Sent | None]:
        was_closed = before is not None and before.state == CLOSED
        known = before.number if before else 0

        def go() -> Sent | None:
            if not listed:
                listed.append(Issues(told.hub, author.name))
            sent = listed[0].publish(text, was_closed_by_us=was_closed, known=known)
            return author.check(sent) if sent else None

        return go

    for text in wanted:
        name = markers.purpose_of(text.marker)
        go = teller(text, _before(view, told, name))
        told.send(PublicationKind.ISSUE, name, go, ws_id=text.ws_id, content=text)


def _before(view: RunView, told: Told, name: str) -> Publication | None:
    """What the store knows of an issue, from whatever run: the newest."""
    repository = told.hub.repository
    known = [one for one in view.earlier if one.name == name and one.repository == repository]
    return known[-1] if known else None
