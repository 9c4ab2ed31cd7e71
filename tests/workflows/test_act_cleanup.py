"""What is old and merged is removed from the repository; a dry run only tells."""

import pytest
from workflows.acting import Stage
from workflows.bundles import bundle

pytestmark = [pytest.mark.workflows, pytest.mark.slow]


def test_branches_of_old_runs_go_when_they_are_merged(
    stage: Stage, callers: dict[str, str]
) -> None:
    text = callers[".github/workflows/cleanup.yml"].replace("older-than: 30d", "older-than: 0h")
    stage.github.commit("main", {".github/workflows/cleanup.yml": text}, "Be impatient")
    stage.github.commit(
        "workstreams/first",
        {"workstreams/tax.json": bundle("tax", "echo 'TAX = 0.2' >> shop.py")},
        "Ask for a tax",
    )
    assert stage.run("pipeline.yml", "push", {}, ref="workstreams/first").code == 0
    branch = "refs/heads/ws/plan/tax"
    before = stage.git("for-each-ref")
    assert stage.run("cleanup.yml", "schedule", {"schedule": "41 4 * * 1"}).code == 0
    assert branch in stage.git("for-each-ref", "refs/heads"), "its pull request is open"

    merged = stage.git("rev-parse", branch)
    stage.git("update-ref", "refs/heads/main", merged)
    stage.github.commit("main", {".github/workflows/cleanup.yml": text}, "Be impatient")
    dry = stage.run("cleanup.yml", "workflow_dispatch", {"inputs": {"dry-run": "true"}})
    assert dry.code == 0
    assert branch in before and branch in stage.git("for-each-ref", "refs/heads")
    played = stage.run("cleanup.yml", "schedule", {"schedule": "41 4 * * 1"})
    assert played.job_ended("Remove what is old") == "succeeded"
    left = stage.git("for-each-ref", "--format=%(refname)", "refs/heads").splitlines()
    assert left == ["refs/heads/main", "refs/heads/workstreams/first"]
