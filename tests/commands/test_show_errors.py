"""``show-errors`` counts by signature, with an example of where."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.model.states import RunState
from pipeline.model.workstream import Workstream


def test_counts_times_and_an_example(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path
) -> None:
    mixed.error("mypy::arg-type::\x1b[31mwrong", "Wrong\n::error::x")
    shown = pipeline("show-errors", "--repo", checkout)
    assert shown.code == 0
    assert shown.lines[0] == "     2 x ruff::F401::unused"
    assert shown.lines[2].endswith("for example ui: app.py:3")
    assert shown.lines[2].strip().startswith(("seen ", "first "))
    assert "\x1b" not in shown.out and "     1 x mypy::arg-type::\\x1b[31mwrong" in shown.lines


def test_json_holds_the_records(pipeline: Callable[..., Any], mixed: Any, checkout: Path) -> None:
    data = json.loads(pipeline("show-errors", "--format", "json", "--repo", checkout).out)
    assert data["run_id"] == mixed.run_id
    assert [(e["signature"], e["count"]) for e in data["errors"]] == [("ruff::F401::unused", 2)]


def test_all_runs_or_one_and_a_limit(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path
) -> None:
    first = mixed.run_id
    mixed.begin(Workstream("a"), run_id=first[:-1] + "2")
    mixed.error("t::c::other")
    mixed.error("t::d::third")
    mixed.end(RunState.FAILED)
    assert "F401" not in pipeline("show-errors", "--repo", checkout).out
    assert "F401" in pipeline("show-errors", first, "--repo", checkout).out
    assert len(pipeline("show-errors", "--all", "--repo", checkout).lines) == 9
    cut = pipeline("show-errors", "--all", "--limit", "1", "--repo", checkout)
    assert cut.lines[-1] == "and 2 more; see them with --limit 3"
    assert pipeline("show-errors", first, "--all", "--repo", checkout).code == 2


def test_a_run_without_errors_says_so(
    pipeline: Callable[..., Any], story: Any, checkout: Path
) -> None:
    story.begin(Workstream("a"))
    assert pipeline("show-errors", "--repo", checkout).out == (
        "No error was recorded. `pipeline show-run` tells what else failed.\n"
    )
