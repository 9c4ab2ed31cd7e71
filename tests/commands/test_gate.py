"""``pipeline gate`` judges a commit as a run would, keeps the answer, and leaves the rest alone."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from projects import Project

from pipeline.base.schema import violations
from pipeline.model.states import RunState
from pipeline.store.lock import RunLock

COUNTED = """
import pathlib, sys
seen = pathlib.Path({count!r})
seen.write_text(seen.read_text() + "x" if seen.exists() else "x")
bad = pathlib.Path("bad.txt")
if bad.exists():
    print("bad.txt:2:1: LOUD " + bad.read_text().strip())
    sys.exit(1)
"""


@pytest.fixture
def counted(project: Project, tmp_path: Path) -> tuple[Project, Path]:
    """A project whose static gate is red where there is a bad.txt, and counts its calls."""
    count = tmp_path / "count"
    command = [sys.executable, "-S", "-c", COUNTED.format(count=str(count))]
    told = [sys.executable, "-S", "-c", "import sys; sys.exit(125)"]
    gone = ["no-such-program-anywhere"]
    project.configure(
        gates={
            "static": [{"name": "counted", "command": command}],
            "unsure": [{"name": "unsure", "command": told}],
            "broken": [{"name": "broken", "command": gone}],
        }
    )
    return project, count


Pipeline = Callable[..., Any]


def test_a_green_gate_exits_zero_and_is_known_the_second_time(
    counted: tuple[Project, Path], pipeline: Pipeline
) -> None:
    project, count = counted
    first = pipeline("gate", "static", "--repo", project.top)
    again = pipeline("gate", "static", "--repo", project.top)
    assert (first.code, again.code) == (0, 0)
    assert "green" in first.out and "known" in again.out
    assert count.read_text() == "x"
    with project.records() as records:
        assert [run.kind for run in records.runs()] == ["gate", "gate"]
        assert {run.state for run in records.runs()} == {RunState.COMPLETED}


def test_it_judges_the_commit_and_not_the_checkout(
    counted: tuple[Project, Path], pipeline: Pipeline
) -> None:
    project, _ = counted
    bad = project.commit({"bad.txt": "much noise\n"})
    (project.top / "bad.txt").unlink()
    assert pipeline("gate", "static", "--repo", project.top).code == 1
    assert pipeline("gate", "static", "--commit", f"{bad}~1", "--repo", project.top).code == 0


def test_a_red_gate_prints_its_findings_as_text_and_as_json(
    counted: tuple[Project, Path], pipeline: Pipeline
) -> None:
    project, _ = counted
    commit = project.commit({"bad.txt": "::error::gotcha\n"})
    text = pipeline("gate", "static", "--repo", project.top)
    assert text.code == 1
    assert "bad.txt:2:1: error: " in text.out
    assert "::error" not in text.out  # a CI runner would obey it
    said = pipeline("gate", "static", "--format", "json", "--repo", project.top)
    report = json.loads(said.out)
    assert said.code == 1
    assert list(violations("gate_report.v1.json", report)) == []
    assert (report["commit"], report["verdict"]["result"]) == (commit, "failed")
    assert report["verdict"]["checks"][0]["findings"][0]["path"] == "bad.txt"
    with project.records() as records:
        assert records.run(report["run_id"]).state is RunState.FAILED


@pytest.mark.parametrize("name", ["unsure", "broken"])
def test_what_could_not_tell_or_not_run_is_neither_green_nor_red(
    counted: tuple[Project, Path], pipeline: Pipeline, name: str
) -> None:
    assert pipeline("gate", name, "--repo", counted[0].top).code == 3


def test_a_gate_without_checks_says_so(counted: tuple[Project, Path], pipeline: Pipeline) -> None:
    done = pipeline("gate", "runtime", "--repo", counted[0].top)
    assert done.code == 0
    assert "no checks" in done.out


def test_what_does_not_exist_is_bad_input(
    counted: tuple[Project, Path], pipeline: Pipeline
) -> None:
    project, count = counted
    unknown = pipeline("gate", "statik", "--repo", project.top)
    assert (unknown.code, "static" in unknown.err) == (2, True)
    assert pipeline("gate", "static", "--commit", "nope", "--repo", project.top).code == 2
    assert not count.exists()


def test_a_set_up_that_fails_is_the_surroundings_fault(
    counted: tuple[Project, Path], pipeline: Pipeline
) -> None:
    project, count = counted
    fails = [sys.executable, "-S", "-c", "import sys; sys.exit(9)"]
    step = {"name": "venv", "command": fails, "files": ["a.txt"], "directories": ["made"]}
    project.configure(setup=[step])
    assert pipeline("gate", "static", "--repo", project.top).code == 3
    assert not count.exists()
    with project.records() as records:
        assert records.runs()[0].state is RunState.INTERRUPTED


def test_the_gate_waits_for_nobody_who_holds_the_repository(
    counted: tuple[Project, Path], pipeline: Pipeline
) -> None:
    project, count = counted
    with RunLock(project.layout, command="somebody"):
        assert pipeline("gate", "static", "--repo", project.top).code == 3
    assert not count.exists()


def test_neither_refs_nor_checkout_are_touched(
    counted: tuple[Project, Path], pipeline: Pipeline
) -> None:
    project, _ = counted
    before = project.refs(), project.git("status", "--porcelain")
    pipeline("gate", "static", "--repo", project.top)
    assert (project.refs(), project.git("status", "--porcelain")) == before


def test_a_check_that_changes_the_checkout_is_no_judge(
    project: Project, pipeline: Pipeline
) -> None:
    code = f"import pathlib; pathlib.Path({str(project.top / 'a.txt')!r}).write_text('changed')"
    check = {"name": "vandal", "command": [sys.executable, "-S", "-c", code]}
    project.configure(gates={"static": [check]})
    done = pipeline("gate", "static", "--repo", project.top)
    assert done.code == 3
    assert "surroundings" in done.out


def test_github_is_told_by_annotations_outputs_a_summary_and_sarif(
    counted: tuple[Project, Path],
    pipeline: Pipeline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project, _ = counted
    project.commit({"bad.txt": "| @all ::error::x <img src=a>\n"})
    output, summary, sarif = (tmp_path / name for name in ("output", "summary", "a.sarif"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    asked = ("gate", "static", "--format", "github", "--sarif", sarif, "--repo", project.top)
    done = pipeline(*asked)
    assert done.code == 1
    orders = [line for line in done.lines if line.lstrip().startswith("::")]
    assert [line.partition("::")[2].split()[0] for line in orders] == ["error"]
    assert "file=bad.txt,line=2" in orders[0]
    lines = output.read_text().splitlines()
    assert [lines[0].partition("<<")[0], lines[1]] == ["verdict", "failed"]
    assert [lines[3].partition("<<")[0], lines[4]] == ["sarif", str(sarif)]
    assert "static gate is red" in summary.read_text()
    assert "<img" not in summary.read_text() and "@all" not in summary.read_text()
    (result,) = json.loads(sarif.read_text())["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "bad.txt"


def test_a_green_gate_leaves_a_sarif_file_without_results(
    counted: tuple[Project, Path], pipeline: Pipeline, tmp_path: Path
) -> None:
    sarif = tmp_path / "a.sarif"
    assert pipeline("gate", "static", "--sarif", sarif, "--repo", counted[0].top).code == 0
    assert json.loads(sarif.read_text())["runs"][0]["results"] == []
