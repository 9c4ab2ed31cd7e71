"""``runs`` lists what ran, the newest first, and an empty list is an answer."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.model.states import RunState
from pipeline.model.workstream import Workstream


@pytest.fixture
def three(story: Any) -> list[str]:
    """Three runs: failed, completed, partial."""
    ids = [f"01jd000000000000000000000{i}" for i in (1, 2, 3)]
    states = (RunState.FAILED, RunState.COMPLETED, RunState.PARTIAL)
    for run_id, state in zip(ids, states, strict=True):
        story.begin(Workstream("a"), run_id=run_id)
        story.end(state)
    return ids


def test_the_newest_comes_first(
    pipeline: Callable[..., Any], three: list[str], checkout: Path
) -> None:
    shown = pipeline("runs", "--repo", checkout)
    assert [line.split()[0] for line in shown.lines] == ["run", *reversed(three)]
    assert "1 min 00 s" in shown.lines[1]


def test_status_and_limit_narrow_it_down(
    pipeline: Callable[..., Any], three: list[str], checkout: Path
) -> None:
    failed = pipeline("runs", "--status", "failed", "--format", "json", "--repo", checkout)
    assert [run["run_id"] for run in json.loads(failed.out)["runs"]] == [three[0]]
    one = pipeline("runs", "--limit", "1", "--format", "json", "--repo", checkout)
    assert [run["run_id"] for run in json.loads(one.out)["runs"]] == [three[2]]
    none = pipeline("runs", "--status", "cancelled", "--repo", checkout)
    assert none.code == 0 and none.out == "No run is cancelled.\n"


def test_no_runs_are_an_empty_list(pipeline: Callable[..., Any], checkout: Path) -> None:
    shown = pipeline("runs", "--format", "json", "--repo", checkout)
    assert shown.code == 0 and json.loads(shown.out) == {"runs": []}
    assert "pipeline run" in pipeline("runs", "--repo", checkout).out
    assert not (checkout / ".pipeline").exists()


@pytest.mark.parametrize("arguments", [("--limit", "0"), ("--status", "nice"), ("--no-such",)])
def test_wrong_arguments_exit_2(
    pipeline: Callable[..., Any], checkout: Path, arguments: tuple[str, ...]
) -> None:
    assert pipeline("runs", *arguments, "--repo", checkout).code == 2


def test_it_starts_without_what_it_does_not_need(checkout: Path) -> None:
    program = (
        "import sys; from pipeline.cli import main; "
        f"main(['runs', '--repo', {str(checkout)!r}]); "
        "print(sorted({'yaml', 'jsonschema', 'rich', 'pathspec', 'unidiff'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
