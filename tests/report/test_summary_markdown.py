"""The Markdown of a summary is complete, and foreign text in it stays text."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.states import RunState
from pipeline.model.states import WorkstreamState as W
from pipeline.model.summary import RunSummary
from pipeline.report import markdown
from pipeline.report.summary_markdown import Places, markdown_summary

PLACES = Places(Path("/repo/logs"), Path("/repo/kept"))


def test_it_says_what_happened_and_what_to_do(make_summary: Callable[..., RunSummary]) -> None:
    summary = make_summary(
        {"good": W.DONE, "bad": (W.QUARANTINED, "Wrote outside its scope."), "late": W.BLOCKED},
        errors={"ruff::F401::unused": 4},
    )
    text = markdown_summary(summary, PLACES)
    assert "| `bad` | quarantined | 1 | 3 | Wrote outside its scope. |" in text
    assert f"- `bad`: `pipeline quarantine show {'d' * 12}`" in text
    assert f"`git log --first-parent pipeline/{summary.run_id}`" in text
    assert "| 4 | `ruff::F401::unused` |" in text
    assert "```mermaid\ngantt\n" in text
    assert "`/repo/logs`" in text and "`/repo/kept`" in text


def test_a_clean_run_is_to_be_merged_and_has_no_errors(
    make_summary: Callable[..., RunSummary],
) -> None:
    text = markdown_summary(make_summary({"a": W.DONE}, status=RunState.COMPLETED), PLACES)
    assert "`git merge pipeline/" in text
    assert "Errors" not in text and "/repo/kept" not in text


def test_a_large_run_has_no_chart(make_summary: Callable[..., RunSummary]) -> None:
    text = markdown_summary(make_summary({f"w{i}": W.DONE for i in range(200)}), PLACES)
    assert "mermaid" not in text


@pytest.mark.parametrize(
    "hostile",
    [
        "| x | y |",
        "</td><script>alert(1)</script>",
        "![i](http://evil.example/x.png)",
        "@everyone see #1 and GH-1",
        "```\n# title",
        "http://evil.example www.evil.example",
        "\x1b[31m\u202e",
        "<!-- hidden -->",
    ],
)
def test_what_a_tool_says_cannot_become_markup(
    make_summary: Callable[..., RunSummary], hostile: str
) -> None:
    states = {"a": (W.FAILED, hostile)}
    text = markdown_summary(make_summary(states, errors={hostile: 1}), PLACES)
    prose = re.sub(r"`[^`\n]*`", "", text.split("## When")[0])
    assert not re.search(r"(?<!\\)[<`]|(?<!\\)!\[|(?<!\\)\]\(|@|://|www\.|\x1b|\u202e", prose)
    rows = [line for line in text.splitlines() if line.startswith("| `a`")]
    assert len(rows) == 1
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 6


@given(st.text())
def test_code_spans_end_where_they_should(text: str) -> None:
    span = markdown.code(text)
    assert span.count("`") in (0, 2)
    assert len(span.splitlines()) <= 1
    assert not re.search(r"(?<!\\)\|", span)
