"""``pipeline costs``, by the real program on real runs of scripted agents."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.schema import violations

PROFILE = {
    "type": "ai",
    "driver": "agent",
    "command": ["true"],
    "cost": {"per_attempt": 0.25},
    "agent": {"model": "pen-1", "provider": "desk"},
}


def pipeline(project: Any, *arguments: str, code: int = 0) -> str:
    """What the program prints on standard output."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from pipeline.cli import main; raise SystemExit(main())",
            *arguments,
        ],
        cwd=project.top,
        env={**os.environ, "COLUMNS": "200", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def told(project: Any, *arguments: str) -> Any:
    document = json.loads(pipeline(project, "costs", "--format", "json", *arguments))
    assert list(violations("costs.v1.json", document)) == []
    return document


@pytest.fixture
def priced(project: Any) -> Any:
    """Three workstreams of agents, one of which nobody knows the price of."""
    free = {**PROFILE, "cost": {}}
    project.configure(
        tools={"writer": PROFILE, "stranger": free},
        budget={"max_cost_total": 1.0, "max_cost_per_phase": 0.75, "action": "reduce_parallelism"},
        phases={"one": {}, "two": {}},
    )
    for ws_id, tool, phase in (("a", "writer", "one"), ("b", "writer", "two"),
                               ("c", "stranger", "two")):  # fmt: skip
        code = f"open({ws_id + '.out'!r}, 'w').write('x')"
        command = {"command": [sys.executable, "-S", "-c", code]}
        project.bundle(
            ws_id, tool=tool, tool_args=command, phase=phase, files_create=[f"{ws_id}.out"]
        )
    return project


def test_costs_of_a_run(priced):
    assert "agents cost $0.5000 and 1 unknown" in pipeline(priced, "run")
    summary = json.loads(pipeline(priced, "show-run", "--format", "json"))
    assert list(violations("run_summary.v1.json", summary)) == []
    assert summary["costs"]["cost_nusd"] == 500_000_000
    shown = pipeline(priced, "costs")
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert lines[0] == "workstream attempts requests sent cached received cost"
    assert set(lines[1:4]) == {
        "a 1 0 0 0 0 $0.2500", "b 1 0 0 0 0 $0.2500", "c 1 0 0 0 0 unknown",
    }  # fmt: skip
    assert lines[4] == "total 3 0 0 0 0 $0.5000 + 1 unknown"
    assert "The cost of 1 attempt is unknown:" in lines
    assert "c: edit attempt 1 by stranger with pen-1" in lines
    assert "budget.max_cost_total $1.0000 $0.5000 $0.5000" in lines
    assert "budget.max_cost_per_phase one $0.7500 $0.2500 $0.5000" in lines


def test_json_holds_to_its_schema_whatever_it_is_by(priced):
    pipeline(priced, "run")
    (run,) = json.loads(pipeline(priced, "runs", "--format", "json"))["runs"]
    for by, names in {
        "worker": {"writer", "stranger"},
        "workstream": {"a", "b", "c"},
        "phase": {"one", "two"},
        "step": {"edit"},
        "run": {run["run_id"]},
        "project": {""},
    }.items():
        document = told(priced, "--by", by)
        assert {row["name"] for row in document["rows"]} == names
        assert document["total"]["cost_nusd"] == 500_000_000
        assert document["total"]["unknown"] == 1
        assert [(u["ws_id"], u["model"]) for u in document["unknown"]] == [("c", "pen-1")]
        assert (document["run_id"] is None) == (by in ("run", "project"))
    document = told(priced, run["run_id"][:10], "--by", "attempt")
    assert {(row["attempt"]["ws_id"], row["attempt"]["source"]) for row in document["rows"]} == {
        ("a", "profile"), ("b", "profile"), ("c", ""),
    }  # fmt: skip


def test_a_run_that_reached_its_cap_says_so_and_goes_on(priced):
    priced.configure(budget={"max_cost_total": 0.3})
    shown = pipeline(priced, "run", "--only", "a", "--only", "b", code=130)
    assert "would be passed" in shown
    assert "next: Raise `budget.max_cost_total`" in shown
    (limit,) = told(priced)["limits"]
    assert limit["left_nusd"] == 50_000_000
    priced.configure(budget={"max_cost_total": 0.5})
    pipeline(priced, "run", "--only", "a", "--only", "b")
    (limit,) = told(priced)["limits"]
    assert (limit["spent_nusd"], limit["left_nusd"]) == (500_000_000, 0)
    assert len(json.loads(pipeline(priced, "runs", "--format", "json"))["runs"]) == 1


def test_a_run_without_agents_cost_nothing(project):
    project.writes("one", "a.txt", "A\n")
    pipeline(project, "run")
    assert json.loads(pipeline(project, "show-run", "--format", "json"))["costs"] == {}
    assert "No agent was at work." in pipeline(project, "costs")
    assert told(project)["rows"] == []


def test_a_limit_is_shown_before_anything_is_spent(project):
    project.configure(budget={"max_cost_total": 2.0})
    project.writes("one", "a.txt", "A\n")
    pipeline(project, "run")
    assert "$2.0000" in pipeline(project, "costs")


def test_a_run_and_all_runs_are_not_both_meant(project):
    project.writes("one", "a.txt", "A\n")
    pipeline(project, "run")
    assert "not both" in pipeline(project, "costs", "01", "--by", "run", code=2)


def test_a_run_without_agents_imports_no_prices(project: Any, tmp_path: Path):
    project.writes("one", "a.txt", "A\n")
    code = (
        "import sys; from pipeline.cli import main; main(['run']); "
        "raise SystemExit('genai_prices' in sys.modules)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", code], cwd=project.top, env=env, check=True)
