"""Issues for what waits for a person: one for each marker, closed when its reason is gone."""

from collections.abc import Mapping
from typing import Any

from pipeline.land.github import sent
from pipeline.land.github.client import GitHub
from pipeline.land.github.comments import has_marker, is_ours, marked
from pipeline.land.github.labels import add_labels, names_of
from pipeline.land.github.sent import LABEL, Sent, is_same_text, require_size
from pipeline.model.publication import IssueText
from pipeline.model.publishing import Outcome

CLOSED, LEFT = "closed", "left"
"""How an issue's state is stored: closed by us, or by somebody who need not be asked again."""


class Issues:
    """The issues that one author wrote in a repository; what is listed is listed once."""

    def __init__(self, hub: GitHub, author: str) -> None:
        self._hub = hub
        self._author = author
        self._listed: dict[str, list[Mapping[str, Any]]] = {}

    def publish(
        self, text: IssueText, *, was_closed_by_us: bool = False, known: int = 0
    ) -> Sent | None:
        """Create, update, close or leave the issue of a marker.

        ``None`` where there is none and need not be. One that a person closed although its reason
        holds stays closed; one that we closed (``was_closed_by_us``) is opened again. ``known`` is
        the number of the one that the store knows. Raises ``GitHubError``.
        """
        body = marked(text.marker, text.body)
        require_size("An issue's title", text.title, sent.TITLE)
        require_size("An issue's body", body, sent.BODY)
        found = self._find(text, known=known)
        if found is None:
            return self._create(text, body) if text.is_open else None
        is_open = found.get("state") == "open"
        if not text.is_open:
            return self._close(found, text, body) if is_open else _as_it_is(found)
        if not is_open and not was_closed_by_us:
            number, url = sent.number(found), sent.url(found)
            return Sent(Outcome.LEFT_ALONE, number, url, LEFT, "Somebody closed it.")
        return self._update(found, text, body)

    def _create(self, text: IssueText, body: str) -> Sent:
        for label in text.labels:
            require_size("A label", label, LABEL)
        made = self._hub.create(
            "issues",
            {"title": text.title, "body": body, "labels": list(text.labels)},
            look=lambda: self._find(text, is_fresh=True),
        )
        return sent.of(made, Outcome.CREATED, state="open")

    def _update(self, found: Mapping[str, Any], text: IssueText, body: str) -> Sent:
        changes = _changes(found, text, body)
        if found.get("state") != "open":
            changes["state"] = "open"
        number = sent.number(found)
        if changes:
            self._hub.request("PATCH", f"issues/{number}", body=changes, is_repeatable=True)
        is_changed = add_labels(self._hub, number, text.labels, names_of(found)) or bool(changes)
        outcome = Outcome.UPDATED if is_changed else Outcome.UNCHANGED
        return sent.of(found, outcome, state="open")

    def _close(self, found: Mapping[str, Any], text: IssueText, body: str) -> Sent:
        changes = _changes(found, text, body) | {"state": "closed", "state_reason": "completed"}
        number = sent.number(found)
        self._hub.request("PATCH", f"issues/{number}", body=changes, is_repeatable=True)
        return sent.of(found, Outcome.CLOSED, state=CLOSED)

    def _find(
        self, text: IssueText, *, is_fresh: bool = False, known: int = 0
    ) -> Mapping[str, Any] | None:
        """Our oldest issue with this marker; found by label, author and marker together."""
        label = text.labels[0] if text.labels else ""
        if is_fresh or label not in self._listed:
            query = {"state": "all", "labels": label} if label else {"state": "all"}
            # Whose they are is looked at here: GitHub spells apps as creators in another way.
            self._listed[label] = [
                one for one in self._hub.pages("issues", query) if "pull_request" not in one
            ]
        own = [
            one
            for one in self._listed[label]
            if is_ours(one, text.marker, self._author)
            or (known == sent.number(one) and has_marker(one, text.marker))
        ]
        return min(own, key=sent.number, default=None)


def _changes(found: Mapping[str, Any], text: IssueText, body: str) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if found.get("title") != text.title:
        changes["title"] = text.title
    if not is_same_text(found.get("body"), body):
        changes["body"] = body
    return changes


def _as_it_is(found: Mapping[str, Any]) -> Sent:
    return sent.of(found, Outcome.UNCHANGED, state=CLOSED)
