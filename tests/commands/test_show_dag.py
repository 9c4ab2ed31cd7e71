"""``show-dag`` draws the graph of a run, or of the bundles where nothing ran."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def bundles(checkout: Path) -> Path:
    """Two bundles, one after the other."""
    folder = checkout / "workstreams"
    folder.mkdir()
    for ws_id, needs in (("zeta", []), ("alpha", ["zeta"])):
        bundle = {
            "id": ws_id,
            "tasks": ["Do it."],
            "files_create": [f"{ws_id}.txt"],
            "tool_args": {"command": "true"},
            "acceptance_tests": ["true"],
            "depends_on": needs,
        }
        (folder / f"{ws_id}.json").write_text(json.dumps(bundle))
    return folder


def test_a_run_shows_states_and_needs(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path
) -> None:
    shown = pipeline("show-dag", "--repo", checkout)
    assert [line.split("  ")[0].rstrip() for line in shown.lines][:2] == ["api", "└─ ui"]
    assert "done" in shown.lines[0] and "quarantined" in shown.lines[1]
    assert shown.lines[2].strip().startswith("└─ docs")
    assert shown.lines[2].endswith("also needs api; never with api")


def test_mermaid_and_json_hold_the_same_graph(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path
) -> None:
    assert (
        'n1["ui<br/>quarantined"]:::red'
        in pipeline("show-dag", mixed.run_id, "--mermaid", "--repo", checkout).out
    )
    data = json.loads(pipeline("show-dag", "--format", "json", "--repo", checkout).out)
    assert [(w["id"], w["depends_on"], w["state"]) for w in data["workstreams"]] == [
        ("api", [], "done"),
        ("ui", ["api"], "quarantined"),
        ("docs", ["api", "ui"], "blocked"),
    ]


def test_before_any_run_it_is_that_of_the_bundles(
    pipeline: Callable[..., Any], bundles: Path, checkout: Path
) -> None:
    shown = pipeline("show-dag", "--repo", checkout)
    assert (shown.code, shown.lines) == (0, ["zeta", "└─ alpha"])
    assert not (checkout / ".pipeline").exists()
    assert pipeline("show-dag", "01jd", "--repo", checkout).code == 2


def test_bundles_are_shown_beside_a_run_where_asked(
    pipeline: Callable[..., Any], mixed: Any, bundles: Path, checkout: Path
) -> None:
    assert "api" in pipeline("show-dag", "--repo", checkout).out
    assert "zeta" in pipeline("show-dag", "--bundles", bundles, "--repo", checkout).out
    both = pipeline("show-dag", mixed.run_id, "--bundles", bundles, "--repo", checkout)
    assert both.code == 2


def test_wrong_bundles_are_all_named(
    pipeline: Callable[..., Any], bundles: Path, checkout: Path
) -> None:
    (bundles / "bad.json").write_text("{")
    (bundles / "worse.json").write_text("[]")
    shown = pipeline("show-dag", "--repo", checkout)
    assert shown.code == 2
    assert "bad.json" in shown.err and "worse.json" in shown.err


def test_a_run_without_a_graph_is_not_taken_for_the_newest(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path
) -> None:
    executed = mixed.run_id[:-1] + "2"
    mixed.begin(run_id=executed, kind="exec")
    assert "quarantined" in pipeline("show-dag", "--repo", checkout).out
    shown = pipeline("show-dag", executed, "--repo", checkout)
    assert shown.code == 2 and "no plan" in shown.err
    assert pipeline("show-run", "--repo", checkout).lines[0] == f"Run {executed}  running"
