"""Whole texts: nothing foreign in them is more than text, and every limit holds."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from github_hostile import hostile
from github_views import PATCH, RUN, Told, make_view
from hypothesis import given, settings
from hypothesis import strategies as st
from rendered import render

from pipeline.model.check import Check
from pipeline.model.config import PublishConfig
from pipeline.model.finding import Finding, Severity
from pipeline.model.patch import Patch
from pipeline.model.publication import Publication, PublicationKind
from pipeline.model.review import Review, ReviewKind, ReviewState
from pipeline.model.states import RunState, WorkstreamState
from pipeline.report.github import limits
from pipeline.report.github.checks import checks, workstream_checks
from pipeline.report.github.comments import progress_comments, sticky_comment
from pipeline.report.github.issues import issues
from pipeline.report.github.limits import size
from pipeline.report.github.pull_requests import (
    pull_requests,
    run_pull_request,
    workstream_pull_request,
)
from pipeline.report.github.statuses import statuses
from pipeline.report.github.summary import job_summary
from pipeline.report.github.view import RunView

W = WorkstreamState


def a_view(say: Callable[[], str]) -> RunView:
    """A view in which everything that somebody else wrote is what ``say`` says."""
    path = say().encode("utf-8", "surrogatepass")
    found = tuple(
        Finding(say(), say(), say(), path, line, 1, severity=severity)
        for line, severity in enumerate(Severity)
    )
    review = Review(
        "r", RUN, "ask", 1, ReviewKind.LADDER, ReviewState.OPEN, say(), found, advice=(say(),)
    )
    bundle = {
        "title": say(),
        "description": say() + "\n\n" + say(),
        "tasks": (say(), say()),
        "acceptance_tests": (Check(say(), say()), Check("runtime-check", (say(), say()))),
        "ccpm_issue": say(),
        "openspec_change": say(),
        "source": say(),
    }
    patch = Patch("d" * 64, PATCH.base_tree, PATCH.result_tree, (path,), 5, 1, 200)
    told = {
        "done": Told(bundle=bundle, patch=patch, protected=(path,)),
        "kept": Told(W.QUARANTINED, found, say(), {**bundle, "depends_on": ("done",)},
                     record={"reason_code": say()}, patch=patch),
        "ask": Told(W.AWAITING_REVIEW, found, say(), bundle, review=review),
    }  # fmt: skip  # the three stand side by side
    published = Publication(
        RUN, "done", PublicationKind.PULL_REQUEST, "x", "octo/shop", 7, say(), state=say()
    )
    publish = PublishConfig(labels=(say(), say()))
    return make_view(told, state=RunState.PARTIAL, published=(published,), publish=publish)


def documents(view: RunView) -> Iterator[tuple[str, str, int]]:
    """Every Markdown text of a view: what it is, the text, its limit."""
    for one in (*pull_requests(view), run_pull_request(view)):
        yield f"pull request {one.ws_id}", one.body, 65_536
    for ws_id in ("", *(ws.id for ws in view.workstreams)):
        yield f"comment {ws_id}", sticky_comment(view, ws_id).body, 65_536
    for number, comment in progress_comments(view).items():
        yield f"progress {number}", comment.body, 65_536
    for issue in issues(view):
        yield f"issue {issue.marker}", issue.body, 65_536
    for check in checks(view):
        yield f"summary of {check.name}", check.summary, 65_535
        yield f"text of {check.name}", check.text, 65_535
    yield "job summary", job_summary(view), 1024 * 1024


@settings(max_examples=25, deadline=None)
@given(st.lists(hostile, min_size=5, max_size=30))
def test_nothing_foreign_is_more_than_text(values: list[str]) -> None:
    said = itertools.cycle(values)
    for name, text, _ in documents(a_view(lambda: next(said))):
        found = render(text)
        assert not (found.live or found.images or found.foreign_elements), name
        assert all(link.startswith("https://github.com/octo/shop/") for link in found.links), name
        for tag in ("details", "summary", "sub", "code"):
            assert found.elements.count(f"<{tag}>") == found.elements.count(f"</{tag}>"), name
        assert len([one for one in found.elements if one.startswith("<!--")]) <= 1, name
        assert "\x1b" not in text and "\u202e" not in text, name


def test_titles_and_labels_keep_their_limits() -> None:
    view = a_view(lambda: "@octocat #1 " * 200)
    for one in (*pull_requests(view), *issues(view)):
        assert 0 < len(one.title) <= 256
        assert "@octocat" not in one.title and "#1" not in one.title
        assert all(0 < len(label) <= 50 for label in one.labels)
    assert all(len(one.description) <= 140 for one in statuses(view))
    assert all(0 < len(one.name) <= 255 for one in checks(view))


@pytest.fixture(scope="module")
def many() -> RunView:
    """5,000 long findings in one workstream, and 400 workstreams beside it."""
    found = tuple(
        Finding("tool", f"E{n}", f"@x {n} " * 50, f"src/{n}.py".encode(), n + 1,
                severity=Severity.WARNING if n % 7 else Severity.ERROR)
        for n in range(5000)
    )  # fmt: skip  # one finding in a row
    bundle = {"description": "word " * 20_000, "tasks": ("do it " * 300,) * 500, "ccpm_issue": "7"}
    told = {"big": Told(W.QUARANTINED, found, "because " * 5000, bundle)}
    told |= {f"w{n}": Told(W.FAILED, reason="no " * 200, bundle=bundle) for n in range(400)}
    return make_view(told, state=RunState.FAILED)


def test_every_limit_holds_for_thousands_of_findings(many: RunView) -> None:
    for text, name, limit in ((text, name, limit) for name, text, limit in documents_of_big(many)):
        assert size(text) <= limit, name
        assert render(text).foreign_elements == []


def documents_of_big(view: RunView) -> Iterator[tuple[str, str, int]]:
    """As ``documents``, but of the large workstream and of the run only."""
    few = make_view({}, state=RunState.FAILED)
    big = view.workstreams[0]
    yield "pull request", workstream_pull_request(view, big).body, limits.BODY
    yield "run", run_pull_request(view).body, limits.BODY
    yield "comment", sticky_comment(view).body, limits.BODY
    yield "own comment", sticky_comment(view, big.id).body, limits.BODY
    yield "progress", progress_comments(view)[7].body, limits.BODY
    yield "issue", issues(view)[0].body, limits.BODY
    yield "job summary", job_summary(view), limits.SUMMARY
    yield "little room", job_summary(view, 5000), 5000
    yield "nothing", job_summary(few), limits.SUMMARY
    for check in workstream_checks(view, big):
        yield "check", check.summary, limits.CHECK_TEXT
        yield "check", check.text, limits.CHECK_TEXT


def test_what_is_left_out_is_counted(many: RunView) -> None:
    assert "4,970 more findings" in workstream_pull_request(many, many.workstreams[0]).body
    assert "sections left out for want of room" in job_summary(many, 20_000)
    runtime = next(
        one
        for one in workstream_checks(many, many.workstreams[0])
        if one.name == "pipeline / runtime / big"
    )
    assert len(runtime.annotations) == 200
    assert "4,800 findings without an annotation" in runtime.summary
    assert {one.level.value for one in runtime.annotations} == {"failure"}


def test_a_graph_that_mermaid_would_not_draw_is_left_out() -> None:
    def summary(number: int, needs: int) -> str:
        told = {
            f"w{n}": Told(
                bundle={"depends_on": tuple(f"w{i}" for i in range(max(0, n - needs), n))}
            )
            for n in range(number)
        }
        return job_summary(make_view(told))

    assert "```mermaid" in summary(60, 1)
    assert "```mermaid" not in summary(61, 1)
    assert "```mermaid" not in summary(40, 20)
