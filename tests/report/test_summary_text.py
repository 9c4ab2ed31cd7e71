"""The summary on a terminal: complete, compact where there is much, and it ends with what to do."""

import re
from collections.abc import Callable

import pytest

from pipeline.base.console import Paint
from pipeline.model.states import RunState
from pipeline.model.states import WorkstreamState as W
from pipeline.model.summary import RunSummary
from pipeline.report.summary_text import render_text


def test_it_counts_shows_reasons_and_ends_with_the_next_step(
    make_summary: Callable[..., RunSummary],
) -> None:
    summary = make_summary(
        {"good": W.DONE, "bad": (W.QUARANTINED, "Wrote outside.\x1b[2J")},
        errors={"ruff::F401::unused": 4},
    )
    lines = render_text(summary).splitlines()
    assert lines[0] == f"Run {summary.run_id}  partial: 1 of 2 done, 1 quarantined"
    assert "3 min 05 s, 4 jobs, 9 gates run, 2 verdicts reused" in lines[2]
    assert re.search(r"^  good +done +1 +3$", "\n".join(lines), re.MULTILINE)
    assert "      Wrote outside.\\x1b[2J" in lines
    assert "      4 x ruff::F401::unused" in lines
    assert lines[-1].startswith("  pipeline run ")
    assert any(f"pipeline quarantine show {'d' * 12}" in line for line in lines)


@pytest.mark.parametrize(
    ("status", "command"),
    [
        (RunState.COMPLETED, "git merge pipeline/"),
        (RunState.PARTIAL, "pipeline run"),
        (RunState.FAILED, "pipeline run"),
        (RunState.INTERRUPTED, "pipeline run"),
        (RunState.CANCELLED, "pipeline run"),
        (RunState.RUNNING, "pipeline cancel "),
    ],
)
def test_each_ending_has_its_next_step(
    make_summary: Callable[..., RunSummary], status: RunState, command: str
) -> None:
    last = render_text(make_summary({"a": W.DONE}, status=status)).splitlines()[-1]
    assert last.strip().startswith(command)


def test_an_abandoned_run_ends_without_advice(make_summary: Callable[..., RunSummary]) -> None:
    assert "Next" not in render_text(make_summary({"a": W.PENDING}, status=RunState.ABANDONED))


def test_many_workstreams_are_shown_short_only_where_asked(
    make_summary: Callable[..., RunSummary],
) -> None:
    states = {f"w{i}": W.DONE for i in range(100)} | {"bad": (W.FAILED, "Broke.")}
    summary = make_summary(states, errors={f"t::c::{i}": 1 for i in range(50)})
    assert "w57" in render_text(summary)
    short = render_text(summary, is_short=True)
    assert "w57" not in short and "bad" in short and "Broke." in short
    assert f"42 more: pipeline show-errors {summary.run_id}" in short


def test_a_reason_is_cut_to_the_width_of_the_terminal(
    make_summary: Callable[..., RunSummary],
) -> None:
    summary = make_summary({"a": (W.FAILED, "x" * 500)}, errors={"s" * 500: 1})
    assert "x" * 500 in render_text(summary)
    longest = max(len(line) for line in render_text(summary, width=60).splitlines() if "…" in line)
    assert longest <= 60


def test_colour_comes_from_the_paint_alone(make_summary: Callable[..., RunSummary]) -> None:
    summary = make_summary({"a": W.DONE, "b": (W.FAILED, "No.")})
    painted = render_text(summary, paint=Paint(is_on=True))
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == render_text(summary)
    assert "\x1b[32mdone\x1b[0m" in painted
