"""``init`` writes a sound example, and never over anything."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_what_it_writes_is_valid_and_does_what_it_says(
    pipeline: Callable[..., Any], checkout: Path
) -> None:
    shown = pipeline("init", "--repo", checkout)
    assert shown.code == 0
    assert shown.lines[:2] == ["Wrote pipeline.yaml.", "Wrote workstreams/example.json."]
    assert pipeline("validate", "--repo", checkout).out == "1 workstream, plan order: example\n"
    bundle = json.loads((checkout / "workstreams" / "example.json").read_text())
    for command in (bundle["tool_args"]["command"], *bundle["acceptance_tests"]):
        subprocess.run(["sh", "-c", command], cwd=checkout, check=True)
    assert [str(p.relative_to(checkout)) for p in (checkout / "greetings").iterdir()] == bundle[
        "files_create"
    ]


def test_a_second_time_nothing_changes(pipeline: Callable[..., Any], checkout: Path) -> None:
    pipeline("init", "--repo", checkout)
    (checkout / "pipeline.yaml").write_text("run: {jobs: 2}\n")
    (checkout / "workstreams" / "example.json").rename(checkout / "workstreams" / "mine.json")
    shown = pipeline("init", "--repo", checkout)
    assert shown.code == 0 and "Wrote" not in shown.out
    assert (checkout / "pipeline.yaml").read_text() == "run: {jobs: 2}\n"
    assert [p.name for p in (checkout / "workstreams").iterdir()] == ["mine.json"]


@pytest.mark.parametrize("name", ["pipeline.yml", "pipeline.json"])
def test_another_kind_of_configuration_is_respected(
    pipeline: Callable[..., Any], checkout: Path, name: str
) -> None:
    (checkout / name).write_text('{"paths": {"workstreams": "jobs"}}')
    shown = pipeline("init", "--repo", checkout)
    assert shown.lines[:2] == [f"Left {name} as it is.", "Wrote jobs/example.json."]
    assert not (checkout / "pipeline.yaml").exists()


def test_a_link_is_not_written_through(
    pipeline: Callable[..., Any], checkout: Path, tmp_path: Path
) -> None:
    (checkout / "pipeline.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    pipeline("init", "--repo", checkout)
    assert not (tmp_path / "elsewhere.yaml").exists()


def test_a_folder_outside_of_the_repository_is_refused(
    pipeline: Callable[..., Any], checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (checkout / "workstreams").symlink_to(tmp_path / "outside")
    shown = pipeline("init", "--repo", checkout)
    assert shown.code == 2 and "leads out of the repository" in shown.err
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_wrong_configuration_is_told(pipeline: Callable[..., Any], checkout: Path) -> None:
    (checkout / "pipeline.yaml").write_text("nonsense: 1\n")
    shown = pipeline("init", "--repo", checkout)
    assert shown.code == 2 and "nonsense" in shown.out
