"""``report`` says what a run came to, where it was asked to say it, and adds to what is there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RUN = "01jd0000000000000000000001"

pytestmark = pytest.mark.usefixtures("mixed")


@pytest.fixture
def report(pipeline: Callable[..., Any], checkout: Path) -> Callable[..., Any]:
    def run(*arguments: str | Path) -> Any:
        return pipeline("report", *arguments, "--repo", checkout)

    return run


def test_it_prints_markdown(report: Callable[..., Any]) -> None:
    shown = report()
    assert (shown.code, shown.err) == (0, "")
    assert shown.lines[0] == "## 🟡 partial: 1 of 3 done, 1 quarantined, 1 blocked"
    assert any(line.startswith("| `ui` | 🚫 quarantined |") for line in shown.lines)
    assert "It never passed." in shown.out


def test_a_summary_is_added_to_the_file_that_the_runner_names(
    report: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "summary.md"
    target.write_text("# Before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(target))
    shown = report("--to", "summary")
    assert shown.out == ""
    assert target.read_text().startswith("# Before\n## 🟡 partial")


def test_a_full_summary_is_left_alone(
    report: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "summary.md"
    target.write_bytes(b"x" * (1024 * 1024 - 1000))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(target))
    shown = report("--to", "summary")
    assert shown.code == 0 and "no room left" in shown.err
    assert target.stat().st_size == 1024 * 1024 - 1000


def test_a_line_that_another_step_left_open_is_ended_first(
    report: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "outputs"
    target.write_text("before=1")
    monkeypatch.setenv("GITHUB_OUTPUT", str(target))
    report("--to", "outputs")
    assert target.read_text().startswith("before=1\nrun-id<<")


def test_outputs_go_where_the_runner_reads_them(
    report: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "outputs"
    monkeypatch.setenv("GITHUB_OUTPUT", str(target))
    assert report("--to", "outputs").out == ""
    assert f"\n{RUN}\n" in target.read_text()


def test_a_path_that_was_given_is_written_anew(report: Callable[..., Any], tmp_path: Path) -> None:
    target = tmp_path / "found.sarif"
    target.write_text("old")
    assert report("--to", "sarif", "--output", target).out == ""
    (run,) = json.loads(target.read_text())["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["ruff/F401"]


def test_findings_become_orders_to_the_runner(report: Callable[..., Any]) -> None:
    assert (
        report("--to", "annotations").out == "::error file=app.py,line=3,title=ruff F401::unused\n"
    )
    assert report("--to", "annotations", "--workstream", "api").out == ""


def test_texts_of_a_workstream_and_of_the_run(report: Callable[..., Any]) -> None:
    own = report("--to", "comment", "--workstream", "ui")
    assert own.lines[:2] == ["<!-- git-pipeline:status:v1 -->", "### 🚫 quarantined: `ui`"]
    assert "/pipeline retry ui" in own.out
    assert "1 of 3 done" in report("--to", "comment").lines[1]
    assert report("--to", "pull-request").lines[0] == "<!-- git-pipeline:pull-request:v1 -->"
    assert "`api`" in report("--to", "pull-request", "--workstream", "ui").out


def test_an_unknown_workstream_is_bad_input(report: Callable[..., Any]) -> None:
    shown = report("--to", "comment", "--workstream", "uo")
    assert shown.code == 2 and "ui" in shown.err


def test_links_lead_to_the_repository_that_the_runner_names(
    report: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "octo/shop")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example.com")
    shown = report("--to", "comment", "--workstream", "api")
    assert "(https://github.example.com/octo/shop/commit/" in shown.out


def test_an_artifact_of_another_form_is_bad_input(
    report: Callable[..., Any], tmp_path: Path
) -> None:
    target = tmp_path / "report.json"
    assert report("--to", "artifact", "--output", target).code == 0
    target.write_text('{"format": 1, "run": {}, "workstreams": []}')
    shown = report("--from", target)
    assert shown.code == 2 and "not fit to be read" in shown.err
    assert report("--from", tmp_path / "none.json").code == 2
    assert report(RUN, "--from", target).code == 2
