"""Pull requests of a run: stacked by dependencies, each linking to the others."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace

from pipeline.flow.publishing_branches import is_deleted
from pipeline.flow.publishing_told import Told
from pipeline.land.github.errors import GitHubError
from pipeline.land.github.pulls import MERGED, find_pull, publish_pull
from pipeline.land.github.sent import Sent
from pipeline.model.publication import PublicationKind, PullRequestText
from pipeline.model.publishing import Outcome
from pipeline.report.github.pull_requests import pull_requests
from pipeline.report.github.view import RunView

_PULL = PublicationKind.PULL_REQUEST
_ROUNDS = 2
"""The second tells pull requests the numbers of those that were made after them."""


def publish_pulls(view: RunView, pushed: frozenset[str], told: Told) -> RunView:
    """Create or update the pull requests; returns the view that knows where they are."""
    merged = {ws.id for ws in view.workstreams if is_deleted(told, ws.branch, ws.id)}
    view = _with_known(view, told)
    for _ in range(_ROUNDS):
        texts = pull_requests(view)
        is_news = False
        for text in texts:
            sent = _publish(_stacked(view, text, merged), view, pushed, told)
            if sent is not None:
                is_news |= sent.outcome is Outcome.CREATED
                if sent.state == MERGED:
                    merged.add(text.ws_id)
        view = view.with_publications(told.publications())
        if not is_news or told.hub.is_dry:
            break
    return view


def _with_known(view: RunView, told: Told) -> RunView:
    """The view with the pull requests that are out there and that the store has forgotten.

    Texts tell the numbers of others: without these they would say less than they did.
    """
    for text in pull_requests(view):
        if view.published(_PULL, text.ws_id) is None and told.hub.has_token:
            with contextlib.suppress(GitHubError):  # it is told where it is to be published
                sent = find_pull(told.hub, text.head, text.base)
                if sent is not None:
                    told.learn(_PULL, text.head, sent, ws_id=text.ws_id)
    return view.with_publications(told.publications())


def base_of(view: RunView, ws_id: str, merged: set[str]) -> str:
    """The branch that a workstream's pull request asks to be merged into.

    Its change starts from its dependencies. Where just one of them is not merged yet (one that
    another of them needs is part of that), it is that one's branch, so that only its own change
    shows; else the base branch.
    """
    ws = view.workstream(ws_id)
    there = {one.id: one.branch for one in view.workstreams if one.has_commit}
    needed = [one for one in ws.bundle.depends_on if one in there and one not in merged]
    within = {name for one in needed for name in view.plan.closure(one)}
    outer = [one for one in needed if one not in within]
    return there[outer[0]] if len(outer) == 1 else view.place.base


def _stacked(view: RunView, text: PullRequestText, merged: set[str]) -> PullRequestText:
    return replace(text, base=base_of(view, text.ws_id, merged)) if text.ws_id else text


def _publish(
    text: PullRequestText, view: RunView, pushed: frozenset[str], told: Told
) -> Sent | None:
    commit = _heads(view).get(text.head, "")
    if is_deleted(told, text.head, text.ws_id):
        return None
    if f"refs/heads/{text.head}" not in pushed:
        reason = "Its branch is not on GitHub."
        told.fail(_PULL, text.head, reason, ws_id=text.ws_id, commit=commit)
        return None
    return told.send(
        _PULL,
        text.head,
        lambda: publish_pull(told.hub, text, commit),
        ws_id=text.ws_id,
        commit=commit,
        content=text,
    )


def _heads(view: RunView) -> Mapping[str, str]:
    heads = {ws.branch: ws.record.commit for ws in view.workstreams}
    heads[view.run.integration_branch.removeprefix("refs/heads/")] = view.run.integration_commit
    return heads
