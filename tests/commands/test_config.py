"""``config show`` names each effective value and where it comes from."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def settings(shown: Any) -> dict[str, tuple[Any, str]]:
    data = json.loads(shown.out)["settings"]
    return {key: (item["value"], item["origin"]) for key, item in data.items()}


def test_each_value_has_its_origin(
    pipeline: Callable[..., Any], checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "pipeline.yaml").write_text(
        "run: {jobs: 3}\ngates: {static: [ruff]}\nlanding: {mode: batch}\n"
    )
    (checkout / ".env").write_text("PIPELINE_LANDING_BATCH_MAX=9\n")
    monkeypatch.setenv("PIPELINE_RUN_JOBS", "7")
    shown = pipeline("config", "show", "--format", "json", "--repo", checkout)
    found = settings(shown)
    assert shown.code == 0
    assert found["run.jobs"] == (7, "environment PIPELINE_RUN_JOBS")
    assert found["landing.batch_max"] == (9, ".env PIPELINE_LANDING_BATCH_MAX")
    assert found["landing.mode"] == ("batch", "pipeline.yaml")
    assert found["run.timeout_s"] == (0.0, "default")
    assert found["gates.static.name"] == ("static", "pipeline.yaml")
    assert found["tools.pytest.driver"][1] == "default"


def test_it_can_be_narrowed_down(pipeline: Callable[..., Any], checkout: Path) -> None:
    (checkout / "pipeline.yaml").write_text("run: {jobs: 3}\n")
    shown = pipeline("config", "show", "--changed", "--repo", checkout)
    assert [line.split() for line in shown.lines[1:]] == [["run.jobs", "pipeline.yaml", "3"]]
    shown = pipeline("config", "show", "landing", "--repo", checkout)
    assert all(line.startswith("landing.") for line in shown.lines[1:]) and len(shown.lines) == 4
    shown = pipeline("config", "show", "landing.mod", "--repo", checkout)
    assert shown.code == 2 and "landing.mode" in shown.err


def test_a_wrong_file_is_reported_and_the_rest_still_shown(
    pipeline: Callable[..., Any], checkout: Path
) -> None:
    (checkout / "pipeline.yaml").write_text("run: {jobs: many, timeout_s: 5}\n")
    shown = pipeline("config", "show", "--repo", checkout)
    assert shown.code == 2
    assert "error: pipeline.yaml:1: $.run.jobs" in shown.out
    data = json.loads(pipeline("config", "show", "--format", "json", "--repo", checkout).out)
    assert data["problems"][0]["json_path"] == "$.run.jobs"
