"""An issue for each quarantine and each question, found again by its marker, closed when over."""

from dataclasses import replace

from github_views import RUN, Told, make_view

from pipeline.model.finding import Finding
from pipeline.model.publication import Publication, PublicationKind
from pipeline.model.review import Option, Review, ReviewKind, ReviewState
from pipeline.model.states import WorkstreamState
from pipeline.report.github import markers
from pipeline.report.github.comments import progress_comments, sticky_comment
from pipeline.report.github.issues import issues

W = WorkstreamState
RED = Finding("pytest", "E", "boom", b"test_a.py", 3)
ASKED = Review(
    "r", RUN, "a", 1, ReviewKind.RISK, ReviewState.OPEN, "May it land?",
    options=(Option.APPROVE, Option.ADJUST), advice=("It is risky.",),
)  # fmt: skip  # in two rows


def known(name: str, run_id: str = "01jdold") -> Publication:
    return Publication(run_id, "a", PublicationKind.ISSUE, name, "octo/shop", 5)


def test_a_quarantine_has_its_evidence_and_the_ways_out() -> None:
    (one,) = issues(make_view({"a": Told(W.QUARANTINED, (RED,), "It is red.")}))
    assert one.is_open and one.ws_id == "a"
    assert one.title == "Quarantined: Do a (a)"
    assert markers.purpose_of(one.body) == "quarantine:a"
    for part in ("> It is red.", "boom", "`test_a.py:3`", "- `src/shop.py`", "`/pipeline retry a`",
                 f"`pipeline quarantine show {'d' * 12}`"):  # fmt: skip
        assert part in one.body


def test_a_question_has_only_the_answers_that_make_sense() -> None:
    (one,) = issues(make_view({"a": Told(W.AWAITING_REVIEW, review=ASKED)}))
    assert one.title == "Review: Do a (a)"
    assert "| `/pipeline approve a` | `pipeline review approve a` |" in one.body
    assert "`pipeline review adjust a --advice 'your advice'`" in one.body
    assert "reject" not in one.body
    assert "- It is risky." in one.body


def test_what_is_over_is_closed_where_it_was_ever_published() -> None:
    told = {"a": Told()}
    assert issues(make_view(told)) == ()
    view = make_view(told, earlier=(known("quarantine:a"), known("review:a")))
    assert [(markers.purpose_of(one.body), one.is_open) for one in issues(view)] == [
        ("quarantine:a", False),
        ("review:a", False),
    ]


def test_the_next_run_finds_the_issue_of_the_one_before() -> None:
    told = {"a": Told(W.QUARANTINED, (RED,))}
    first = issues(make_view(told))
    second = issues(make_view(told, earlier=(known("quarantine:a"),)))
    assert [one.marker for one in first] == [one.marker for one in second]
    assert all(one.is_open for one in second)


def test_what_a_person_dropped_is_over() -> None:
    told = {"a": Told(W.QUARANTINED, (RED,))}
    view = make_view(told, earlier=(known("quarantine:a"),))
    (one,) = issues(replace(view, settled=frozenset({"d" * 64})))
    assert not one.is_open


def test_a_comment_is_the_same_while_nothing_has_happened() -> None:
    told = {"a": Told(W.QUARANTINED, (RED,), "It is red.")}
    one, other = (sticky_comment(make_view(told), "a") for _ in range(2))
    assert one == other
    assert one.body.startswith(f"{one.marker}\n### 🚫 quarantined: `a`\n")
    assert "**Next**: `pipeline quarantine show dddddddddddd`" in one.body
    assert "<details><summary>What was done, 2 steps</summary>" in one.body


def test_an_issue_that_several_workstreams_name_has_one_comment() -> None:
    told = {
        "a": Told(bundle={"ccpm_issue": "142"}),
        "b": Told(W.QUARANTINED, reason="red", bundle={"ccpm_issue": "#142"}),
        "c": Told(bundle={"ccpm_issue": "EPIC-7"}),
        "d": Told(bundle={"ccpm_issue": "143"}),
    }
    found = progress_comments(make_view(told))
    assert sorted(found) == [142, 143]
    assert "### 1 of 2 workstreams done" in found[142].body
    assert "- 🚫 quarantined: `b`: red\n  - [ ] Do b" in found[142].body


def test_only_a_marker_of_ours_on_the_first_line_counts() -> None:
    marker = markers.marker("status")
    assert markers.purpose_of(f"{marker}\r\nx") == "status"
    for body in ("", f"x\n{marker}", f" {marker}", f"{marker} x", "<!-- git-pipeline:a b:v1 -->"):
        assert markers.purpose_of(body) == ""
    assert markers.marker("a--> <b>") == "<!-- git-pipeline:a__b_:v1 -->"
