"""Pull requests say what and why, build on one another, and are drafts while something is open."""

from dataclasses import replace

import pytest
from github_views import RUN, Told, make_view, oid

from pipeline.model.check import Check
from pipeline.model.config import PublishConfig
from pipeline.model.finding import Finding
from pipeline.model.publication import Publication, PublicationKind
from pipeline.model.states import RunState, WorkstreamState
from pipeline.model.verdict import Result
from pipeline.report.github.pull_requests import pull_requests, run_pull_request
from pipeline.report.github.view import RunView

W = WorkstreamState
RED = Finding("ruff", "F401", "unused", b"a.py", 3)


def test_each_builds_on_what_it_depends_on() -> None:
    view = make_view(
        {
            "base": Told(),
            "other": Told(),
            "top": Told(bundle={"depends_on": ("base", "other")}),
            "lost": Told(W.BLOCKED, bundle={"depends_on": ("none",)}),
        }
    )
    found = {one.ws_id: (one.head, one.base) for one in pull_requests(view)}
    assert found == {
        "base": ("ws/plan/base", "main"),
        "other": ("ws/plan/other", "main"),
        "top": ("ws/plan/top", "ws/plan/other"),
        "lost": ("ws/plan/lost", "main"),
    }


def test_dependencies_link_to_their_pull_requests() -> None:
    known = Publication(RUN, "base", PublicationKind.PULL_REQUEST, "x", "octo/shop", 12)
    told = {"base": Told(), "top": Told(bundle={"depends_on": ("base",)})}
    top = pull_requests(make_view(told, published=(known,)))[1]
    assert (
        "Builds on `base` [#12](https://github.com/octo/shop/pull/12); merge those first."
        in top.body
    )
    without = pull_requests(make_view(told))[1]
    assert "Builds on `base`; merge those first." in without.body
    elsewhere = replace(known, repository="evil/shop")
    assert "#12" not in pull_requests(make_view(told, published=(elsewhere,)))[1].body


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (Told(), ""),
        (Told(W.CHECKED), ""),
        (Told(W.AWAITING_REVIEW), "a review is open"),
        (Told(W.QUARANTINED, (RED,)), "the runtime gate: red; it did not land"),
        (Told(W.QUARANTINED, result=Result.FAULT), "could not run (infrastructure)"),
        (Told(protected=(b".github/workflows/x.yml",)), "1 protected name: needs a human"),
    ],
)
def test_it_is_a_draft_while_something_is_open(told: Told, why: str) -> None:
    (one,) = pull_requests(make_view({"a": told}))
    assert one.is_draft == bool(why)
    assert why in one.body
    for draft in ("always", "never"):
        (one,) = pull_requests(make_view({"a": told}, publish=PublishConfig(draft=draft)))
        assert one.is_draft == (draft == "always")


def test_labels_are_the_configured_ones_and_the_epic() -> None:
    told = Told(bundle={"openspec_change": "loader-2"})
    (one,) = pull_requests(make_view({"a": told}, publish=PublishConfig(labels=("x", "y", "x"))))
    assert one.labels == ("x", "y", "epic:loader-2")


def test_what_and_why_stand_in_it() -> None:
    bundle = {
        "title": "Load faster",
        "description": "Because it was slow.",
        "tasks": ("Cache it", "Measure it"),
        "ccpm_issue": "#142",
        "openspec_change": "loader-2",
        "acceptance_tests": (Check("runtime-check", ("pytest", "-q")), Check("later", "x | y")),
    }
    (one,) = pull_requests(make_view({"a": Told(bundle=bundle)}))
    assert one.title == "Load faster (a)"
    for part in (
        "Because it was slow.",
        "- [x] Cache it",
        "- Issue: [#142](https://github.com/octo/shop/issues/142)",
        f"(https://github.com/octo/shop/tree/{oid('a')}/openspec/changes/loader-2)",
        "- ✅ green `runtime-check`: `pytest -q`",
        "- ⏳ not run yet `later`: <code>x \\| y</code>",
        "| **runtime** | ✅ green | ✅ `runtime-check` | 2.5 s |",
    ):
        assert part in one.body
    (open_one,) = pull_requests(make_view({"a": Told(W.QUARANTINED, (RED,), bundle=bundle)}))
    assert "- [ ] Cache it" in open_one.body


def test_none_where_there_is_nothing_to_merge() -> None:
    nothing = Told(W.QUARANTINED, record={"commit": "b" * 40})
    assert not pull_requests(make_view({"a": Told(W.EDITING), "b": Told(W.FIXING), "c": nothing}))


def test_one_for_the_run_where_that_is_configured() -> None:
    def of(state: RunState, mode: str = "run") -> RunView:
        publish = PublishConfig(pull_requests=mode)
        return make_view({"a": Told(), "b": Told(W.FAILED)}, state=state, publish=publish)

    (one,) = pull_requests(of(RunState.PARTIAL))
    assert (one.head, one.base, one.ws_id) == (f"pipeline/{RUN}", "main", "")
    assert one.title == f"Run {RUN}: 1 of 2 done, 1 failed"
    assert one.is_draft and not run_pull_request(of(RunState.COMPLETED)).is_draft
    assert "### Do a" in one.body and "### Do b" not in one.body
    assert pull_requests(of(RunState.PARTIAL, "none")) == ()
