"""``show-run`` shows a run by its id, its beginning or as the newest, and invents none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.model.states import RunState
from pipeline.model.workstream import Workstream

RUN = "01jd0000000000000000000001"


def test_the_newest_run_with_reasons_and_the_next_step(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path
) -> None:
    shown = pipeline("show-run", "--repo", checkout)
    assert shown.code == 0 and shown.err == ""
    assert shown.lines[0] == f"Run {RUN}  partial: 1 of 3 done, 1 quarantined, 1 blocked"
    assert "      It never passed." in shown.lines
    assert "      2 x ruff::F401::unused" in shown.lines
    assert any(line.startswith("  pipeline quarantine show ") for line in shown.lines)
    assert "ui-1.out" not in shown.out


def test_verbose_shows_each_attempt_with_its_logs(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path
) -> None:
    shown = pipeline("show-run", RUN, "--verbose", "--repo", checkout)
    assert "ui: 1 attempt" in shown.lines
    assert "      ui-1.out" in shown.lines
    assert "      ruff: 1 finding." in shown.lines


def test_json_is_the_run_summary(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path, git: Callable[..., str]
) -> None:
    data = json.loads(pipeline("show-run", "--format", "json", "--repo", checkout).out)
    assert data["run_id"] == RUN
    assert data["totals"] == {"done": 1, "quarantined": 1, "blocked": 1}
    assert data["errors_by_signature"] == {"ruff::F401::unused": 2}
    assert data["integration_tree"] == git(checkout, "rev-parse", "HEAD^{tree}")
    assert [ws["id"] for ws in data["workstreams"]] == ["api", "ui", "docs"]
    assert data["timeline"][0]["state"] == "running"
    assert [e["state"] for e in data["timeline"] if e["workstream"] == "docs"] == ["blocked"]


@pytest.mark.parametrize("name", [RUN, RUN.upper(), RUN[:25], RUN[:4]])
def test_a_run_is_found_by_its_beginning(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path, name: str
) -> None:
    assert RUN in pipeline("show-run", name, "--repo", checkout).out


@pytest.mark.parametrize("name", ["01jd0000000000000000000002", "01jd000000000000000000001", "01"])
def test_an_unknown_run_names_what_is_near(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path, name: str
) -> None:
    shown = pipeline("show-run", name, "--repo", checkout)
    assert shown.code == 2 and shown.out == ""
    assert f"Did you mean {RUN}?" in shown.err


def test_a_run_that_resembles_none_says_where_to_look(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path
) -> None:
    shown = pipeline("show-run", "no\x1b[2Jsuch", "--repo", checkout)
    assert shown.code == 2
    assert "`pipeline runs`" in shown.err and "\x1b" not in shown.err


def test_a_beginning_of_several_runs_is_refused(
    pipeline: Callable[..., Any], story: Any, checkout: Path
) -> None:
    for number in ("1", "2"):
        story.begin(Workstream("a"), run_id=RUN[:-1] + number)
        story.end(RunState.FAILED)
    shown = pipeline("show-run", RUN[:-1], "--repo", checkout)
    assert shown.code == 2
    assert "More than one run" in shown.err and RUN[:-1] + "2" in shown.err
    assert RUN[:-1] + "2" in pipeline("show-run", "--repo", checkout).lines[0]


@pytest.mark.parametrize("verb", ["show-run", "show-events", "show-errors", "show-patches"])
def test_where_nothing_ran_nothing_is_created(
    pipeline: Callable[..., Any], checkout: Path, verb: str
) -> None:
    shown = pipeline(verb, "--repo", checkout)
    assert shown.code == 2
    assert "Nothing has run here yet" in shown.err and "pipeline run" in shown.err
    assert not (checkout / ".pipeline").exists()


def test_outside_of_a_repository_it_says_so(pipeline: Callable[..., Any], tmp_path: Path) -> None:
    shown = pipeline("show-run", "--repo", tmp_path)
    assert shown.code == 3
    assert "not in a git repository" in shown.err


def test_a_running_run_can_be_cancelled(
    pipeline: Callable[..., Any], story: Any, checkout: Path
) -> None:
    story.begin(Workstream("a"))
    shown = pipeline("show-run", "--repo", checkout)
    assert "running: 0 of 1 done, 1 pending" in shown.lines[0]
    assert shown.lines[-1].startswith(f"  pipeline cancel {RUN}")
