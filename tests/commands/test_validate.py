"""``validate`` reports everything at once, exits 2 if anything is wrong, and changes nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOOD = {
    "id": "good",
    "tasks": ["Do it."],
    "files_create": ["good.txt"],
    "tool_args": {"command": "true"},
    "acceptance_tests": ["true"],
}


@pytest.fixture
def folder(checkout: Path) -> Path:
    """A folder with one good bundle."""
    found = checkout / "workstreams"
    found.mkdir()
    (found / "good.json").write_text(json.dumps(GOOD))
    return found


def test_sound_bundles_give_their_plan_order(
    pipeline: Callable[..., Any], folder: Path, checkout: Path
) -> None:
    first = GOOD | {"id": "zfirst", "files_create": ["z"], "priority": 5}
    (folder / "zfirst.json").write_text(json.dumps(first))
    shown = pipeline("validate", "--repo", checkout)
    assert (shown.code, shown.out) == (0, "2 workstreams, plan order: zfirst, good\n")
    assert not (checkout / ".pipeline").exists()


def test_every_problem_is_told_with_place_and_remedy(
    pipeline: Callable[..., Any], folder: Path, checkout: Path
) -> None:
    (folder / "a.json").write_text("{ nonsense")
    (folder / "b.json").write_text(
        json.dumps(GOOD | {"id": "b", "files_create": ["b"], "colour": "red"})
    )
    (folder / "c.json").write_text(
        json.dumps(GOOD | {"id": "c", "files_create": ["c"], "depends_on": ["goood"]})
    )
    (checkout / "pipeline.yaml").write_text("run: {jobs: many}\n")
    shown = pipeline("validate", "--repo", checkout)
    assert shown.code == 2
    for what in ("workstreams/a.json", "workstreams/b.json", "workstreams/c.json", "pipeline.yaml"):
        assert what in shown.out
    assert "`good`" in shown.out and "$.run.jobs" in shown.out
    assert shown.lines[-1].endswith("in 4 files.")
    data = json.loads(pipeline("validate", "--format", "json", "--repo", checkout).out)
    assert data["is_valid"] is False and data["plan_order"] == []
    assert {p["file"] for p in data["problems"]} >= {"workstreams/a.json", "pipeline.yaml"}
    assert all(p["message"] for p in data["problems"])


def test_another_folder_can_be_named(
    pipeline: Callable[..., Any], folder: Path, checkout: Path
) -> None:
    other = checkout / "more"
    folder.rename(other)
    assert pipeline("validate", "--repo", checkout).code == 2
    assert pipeline("validate", "--workstreams", other, "--repo", checkout).code == 0


def test_what_a_bundle_says_cannot_reach_the_terminal(
    pipeline: Callable[..., Any], folder: Path, checkout: Path
) -> None:
    (folder / "x.json").write_text(json.dumps(GOOD | {"id": "\x1b[2J\n::error::x"}))
    shown = pipeline("validate", "--repo", checkout)
    assert shown.code == 2 and "\x1b" not in shown.out
    assert not any(line.lstrip().startswith("::") for line in shown.lines)


def test_a_disabled_phase_is_not_in_the_plan_order(
    pipeline: Callable[..., Any], folder: Path, checkout: Path
) -> None:
    late = GOOD | {"id": "late", "files_create": ["late"], "phase": "later"}
    (folder / "late.json").write_text(json.dumps(late))
    (checkout / "pipeline.yaml").write_text("phases: {later: {enabled: false}}\n")
    shown = pipeline("validate", "--repo", checkout)
    assert shown.lines[-1] == "1 workstream, plan order: good"


def test_a_driver_that_does_not_exist_is_told_with_its_tool(
    pipeline: Callable[..., Any], folder: Path, checkout: Path
) -> None:
    (checkout / "pipeline.yaml").write_text("tools: {x: {driver: aidre}}\n")
    shown = pipeline("validate", "--repo", checkout)
    assert shown.code == 2
    assert "$.tools.x.driver" in shown.out and "Did you mean `aider`?" in shown.out
