"""A failed run of CI is mended mechanically: found in its log, fixed, checked again, proposed."""

import pytest
from workflows.acting import Stage

pytestmark = [pytest.mark.workflows, pytest.mark.slow]

LOG = """\
2026-01-02T03:04:05.1234567Z ##[group]Run ruff check .
2026-01-02T03:04:05.1234567Z ##[endgroup]
2026-01-02T03:04:06.1234567Z F541 [*] f-string without any placeholders
2026-01-02T03:04:06.1234567Z  --> report.py:3:9
2026-01-02T03:04:06.1234567Z ##[error]Process completed with exit code 1.
"""
BROKEN = {"report.py": '"""Reports."""\n\nTITLE = f"Report"\n'}


def failed_run(stage: Stage, branch: str) -> int:
    job = {"name": "lint", "conclusion": "failure", "log": LOG}
    job["steps"] = [{"name": "Run ruff check .", "conclusion": "failure"}]
    return int(stage.github.add_run(branch=branch, jobs=[job])["id"])


def test_what_failed_is_mended_and_proposed(stage: Stage) -> None:
    commit = stage.github.commit("feature", BROKEN, "Add reports")
    number = failed_run(stage, "feature")
    event = stage.github.event("workflow_run.completed", run=number)
    played = stage.run("fix-ci.yml", "workflow_run", event)
    assert played.job_ended("Find and fix") == "succeeded"
    assert played.job_ended("Check and publish the fix") == "succeeded"
    (pull,) = stage.pulls()
    assert commit[:12] in pull["head"]
    assert 'TITLE = "Report"' in stage.git("show", f"refs/heads/{pull['head']}:report.py")
    assert "::set-output:: fix-rate=1" in played.log


@pytest.mark.parametrize("who", ["a fork", "the pipeline", "a program"])
def test_what_must_not_be_mended_gets_no_runner(stage: Stage, who: str) -> None:
    branch = "pipeline/fix" if who == "the pipeline" else "feature"
    stage.github.commit(branch, BROKEN, "Add reports")
    number = failed_run(stage, branch)
    event = stage.github.event("workflow_run.completed", run=number)
    if who == "a fork":
        event["workflow_run"]["head_repository"]["id"] += 1
    if who == "a program":
        event["workflow_run"]["actor"]["type"] = "Bot"
    played = stage.run("fix-ci.yml", "workflow_run", event)
    assert played.code == 0
    assert played.job_ended("Find and fix") == ""
    assert stage.writes() == []
