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
    assert stage.github.log(writes=True) == []


def test_what_is_ready_is_published_once_with_its_telemetry(stage: Stage) -> None:
    stage.github.commit(
        "main", {"workstreams/tax.json": bundle("tax", "echo 'TAX = 0.2' >> shop.py")}, "Ask"
    )
    played = stage.run("zero-touch.yml", "schedule", SCHEDULE)
    assert played.code == 0
    assert (played.artifacts / "pipeline-telemetry").is_dir()
    (pull,) = stage.github.state()["pulls"].values()
    assert pull["head"] == "ws/plan/tax"
    assert stage.github.state()["issues"].keys() == {str(pull["number"])}
    refs = stage.git("for-each-ref")
    assert stage.run("zero-touch.yml", "schedule", SCHEDULE).code == 0
    assert len(stage.github.state()["pulls"]) == 1
    assert stage.git("for-each-ref") == refs


def test_a_failure_opens_one_issue_and_then_adds_to_it(stage: Stage) -> None:
    stage.github.commit(
        "main", {"workstreams/typo.json": bundle("typo", "echo '# teh' >> shop.py")}, "Ask"
    )
    for _ in range(2):
        played = stage.run("zero-touch.yml", "schedule", SCHEDULE)
        assert played.job_ended("Run the workstreams") == "failed"
        assert played.job_ended("Open an issue or add to it") == "succeeded"
    state = stage.github.state()
    told = [one for one in state["issues"].values() if "pipeline-failure" in one["labels"]]
    assert [one["title"] for one in told] == ["The unattended pipeline run failed"]
    (comment,) = (one for one in state["comments"].values() if one["issue"] == told[0]["number"])
    assert "/actions/runs/2" in comment["body"]
