"""Unattended: what is ready is run and published, nothing twice, and a failure is told."""

import pytest
from workflows.acting import Stage
from workflows.bundles import bundle

pytestmark = [pytest.mark.workflows, pytest.mark.slow]

SCHEDULE = {"schedule": "17 */6 * * *"}


def test_without_bundles_nothing_is_run(stage: Stage) -> None:
    played = stage.run("zero-touch.yml", "schedule", SCHEDULE)
    assert played.code == 0
    assert played.job_ended("Look for bundles") == "succeeded"
    assert played.job_ended("Run the workstreams") == ""
    assert stage.writes() == []


def test_what_is_ready_is_published_once_with_its_telemetry(stage: Stage) -> None:
    stage.github.commit(
        "main", {"workstreams/tax.json": bundle("tax", "echo 'TAX = 0.2' >> shop.py")}, "Ask"
    )
    played = stage.run("zero-touch.yml", "schedule", SCHEDULE)
    assert played.code == 0
    assert (played.artifacts / "pipeline-telemetry").is_dir()
    (pull,) = stage.pulls()
    assert pull["head"] == "ws/plan/tax"
    issues = stage.github.state()["issues"]
    assert issues.keys() == {str(pull["number"])}, "there is nothing to tell of"
    refs = stage.git("for-each-ref")
    assert stage.run("zero-touch.yml", "schedule", SCHEDULE).code == 0
    assert stage.github.state()["issues"].keys() == issues.keys()
    assert stage.git("for-each-ref") == refs


def test_a_failure_opens_one_issue_and_then_adds_to_it(stage: Stage) -> None:
    """The first job fails here: act ends everything where a workflow that is called fails."""
    for _ in range(2):
        stage.github.fail("GET", "shop.*/info/refs", 500, times=-1)
        played = stage.run("zero-touch.yml", "schedule", SCHEDULE)
        assert played.job_ended("Look for bundles") == "failed"
        assert played.job_ended("Run the workstreams") == ""
        assert played.job_ended("Open an issue or add to it") == "succeeded"
    state = stage.github.state()
    (issue,) = state["issues"].values()
    assert issue["title"] == "The unattended pipeline run failed"
    assert issue["labels"] == ["pipeline-failure"]
    assert "/actions/runs/1" in issue["body"]
    (comment,) = state["comments"].values()
    assert comment["number"] == issue["number"] and "/actions/runs/2" in comment["body"]
