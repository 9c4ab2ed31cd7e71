"""Pull requests: one for each head branch, created or brought up to date."""

from collections.abc import Mapping
from typing import Any

from pipeline.land.github import sent
from pipeline.land.github.client import GitHub
from pipeline.land.github.errors import InvalidError
from pipeline.land.github.labels import add_labels, names_of
from pipeline.land.github.sent import Sent, is_same_text, require_size
from pipeline.model.publication import PullRequestText
from pipeline.model.publishing import Outcome

MERGED, CLOSED = "merged", "closed"
_TO_DRAFT = """\
mutation($id: ID!) { convertPullRequestToDraft(input: {pullRequestId: $id}) \
{ pullRequest { isDraft } } }"""
_TO_READY = """\
mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) \
{ pullRequest { isDraft } } }"""


def publish_pull(hub: GitHub, text: PullRequestText, head_commit: str) -> Sent:
    """Create or update the pull request of a branch that is pushed.

    One that was merged or closed at this very commit is left alone: a person decided that. Raises
    ``GitHubError``.
    """
    require_size("A pull request's title", text.title, sent.TITLE)
    require_size("A pull request's body", text.body, sent.BODY)
    found = _find(hub, text, head_commit)
    if found is None:
        found = _create(hub, text)
        if found is not None:
            add_labels(hub, sent.number(found), text.labels, names_of(found))
            return sent.of(found, Outcome.CREATED, state=_state(found, text))
        found = _find(hub, text, head_commit)
        if found is None:
            raise InvalidError(f"GitHub says that {text.head} has a pull request, and shows none.")
    if found.get("state") != "open":
        state = MERGED if found.get("merged_at") else CLOSED
        reason = "It was merged already." if state == MERGED else "Somebody closed it."
        return Sent(Outcome.LEFT_ALONE, sent.number(found), sent.url(found), state, reason)
    return _update(hub, found, text)


def find_pull(hub: GitHub, head: str, base: str) -> Sent | None:
    """The open pull request of a branch, of several the one into ``base``; nothing is changed."""
    found = _find(hub, PullRequestText(head, base, "", ""), "")
    state = "draft" if found and found.get("draft") is True else "open"
    return sent.of(found, Outcome.UNCHANGED, state=state) if found else None


def _create(hub: GitHub, text: PullRequestText) -> Mapping[str, Any] | None:
    """The new pull request; ``None`` where GitHub says there is one already."""
    body: dict[str, Any] = {
        "title": text.title,
        "head": text.head,
        "base": text.base,
        "body": text.body,
        "draft": text.is_draft,
    }

    def look() -> Mapping[str, Any] | None:
        return _find(hub, text, "")

    try:
        return hub.create("pulls", body, look=look)
    except InvalidError as error:
        if "already exists" in error.what:
            return None
        # Private repositories of free plans have no drafts.
        if not text.is_draft or "draft" not in error.what.lower():
            raise
    return hub.create("pulls", {**body, "draft": False}, look=look)


def _find(hub: GitHub, text: PullRequestText, head_commit: str) -> Mapping[str, Any] | None:
    """The open pull request of the branch, else an ended one at this commit.

    ``head`` alone is no proof: GitHub ignores a filter that it does not understand.
    """
    label = f"{hub.owner}:{text.head}"
    listed = hub.pages("pulls", {"head": label, "state": "all"})
    own = [one for one in listed if _label(one) == label.lower() and _is_within(one)]
    opened = [one for one in own if one.get("state") == "open"]
    opened.sort(key=lambda one: (_ref(one, "base") != text.base, sent.number(one)))
    ended = [one for one in own if head_commit and _sha(one) == head_commit]
    return next(iter((*opened, *ended)), None)


def _update(hub: GitHub, found: Mapping[str, Any], text: PullRequestText) -> Sent:
    number = sent.number(found)
    changes: dict[str, Any] = {}
    if found.get("title") != text.title:
        changes["title"] = text.title
    if not is_same_text(found.get("body"), text.body):
        changes["body"] = text.body
    if _ref(found, "base") != text.base:
        changes["base"] = text.base
    if changes:
        hub.request("PATCH", f"pulls/{number}", body=changes, is_repeatable=True)
    is_changed = bool(changes)
    is_changed |= add_labels(hub, number, text.labels, names_of(found))
    if found.get("draft") in (True, False) and found["draft"] is not text.is_draft:
        _set_draft(hub, found, is_draft=text.is_draft)
        is_changed = True
    outcome = Outcome.UPDATED if is_changed else Outcome.UNCHANGED
    return sent.of(found, outcome, state="draft" if text.is_draft else "open")


def _set_draft(hub: GitHub, found: Mapping[str, Any], *, is_draft: bool) -> None:
    """Turn a draft into a pull request, or back; only GraphQL can."""
    body = {
        "query": _TO_DRAFT if is_draft else _TO_READY,
        "variables": {"id": sent.text(found, "node_id")},
    }
    answer = hub.request("POST", hub.graphql_path, body=body, is_repeatable=True)
    if isinstance(answer, dict) and answer.get("errors"):
        word = "a draft" if is_draft else "ready for review"
        raise InvalidError(f"GitHub does not make pull request {sent.number(found)} {word}.")


def _state(found: Mapping[str, Any], text: PullRequestText) -> str:
    is_draft = found.get("draft", text.is_draft)
    return "draft" if is_draft is True else "open"


def _label(one: Mapping[str, Any]) -> str:
    head = one.get("head")
    return sent.text(head, "label").lower() if isinstance(head, dict) else ""


def _is_within(one: Mapping[str, Any]) -> bool:
    """Whether head and base lie in one repository: a label names the owner, who may have a fork."""
    sides = [one.get(side) for side in ("head", "base")]
    repos = [side.get("repo") if isinstance(side, dict) else None for side in sides]
    head, base = [sent.number(repo, "id") if isinstance(repo, dict) else 0 for repo in repos]
    return head == base != 0


def _ref(one: Mapping[str, Any], side: str) -> str:
    found = one.get(side)
    return sent.text(found, "ref") if isinstance(found, dict) else ""


def _sha(one: Mapping[str, Any]) -> str:
    head = one.get("head")
    return sent.text(head, "sha") if isinstance(head, dict) else ""
