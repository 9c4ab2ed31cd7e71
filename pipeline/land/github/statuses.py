"""Commit statuses: the one line that is left where check runs are not allowed."""

from collections.abc import Mapping
from typing import Any

from pipeline.land.github import sent
from pipeline.land.github.client import GitHub
from pipeline.land.github.sent import DESCRIPTION, Sent, require_size
from pipeline.model.publication import StatusText
from pipeline.model.publishing import Outcome


def publish_status(hub: GitHub, text: StatusText) -> Sent:
    """Set the status of a commit and context, where the newest one says something else.

    Raises ``GitHubError``.
    """
    require_size("A status's description", text.description, DESCRIPTION)
    newest = _newest(hub, text)
    if newest is not None and _says(newest, text):
        return sent.of(newest, Outcome.UNCHANGED, key="id", state=text.state.value)
    body: dict[str, Any] = {
        "state": text.state.value,
        "context": text.context,
        "description": text.description,
    }
    if text.target_url:
        body["target_url"] = text.target_url

    def look() -> Mapping[str, Any] | None:
        now = _newest(hub, text)
        return now if now is not None and _says(now, text) else None

    made = hub.create(f"statuses/{text.head_sha}", body, look=look)
    outcome = Outcome.CREATED if newest is None else Outcome.UPDATED
    return sent.of(made, outcome, key="id", state=text.state.value)


def _newest(hub: GitHub, text: StatusText) -> Mapping[str, Any] | None:
    """The status that counts: GitHub lists the newest first."""
    listed = hub.pages(f"commits/{text.head_sha}/statuses")
    return next((one for one in listed if one.get("context") == text.context), None)


def _says(one: Mapping[str, Any], text: StatusText) -> bool:
    """Whether a status says this; the address of the job that set it does not count."""
    return one.get("state") == text.state.value and one.get("description") == text.description
