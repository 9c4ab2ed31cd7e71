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
    dry = stage.run("cleanup.yml", "workflow_dispatch", {"inputs": {"dry-run": "true"}})
    assert dry.code == 0
    assert "its pull request #1 was open" in dry.log
    assert stage.git("for-each-ref") == before

    stage.git("update-ref", "refs/heads/main", stage.git("rev-parse", branch))
    stage.github.commit("main", {".github/workflows/cleanup.yml": text + "\n"}, "Merged")
    played = stage.run("cleanup.yml", "schedule", {"schedule": "41 4 * * 1"})
    assert played.job_ended("Remove what is old") == "succeeded"
    left = stage.git("for-each-ref", "--format=%(refname)", "refs/heads").splitlines()
    assert left == ["refs/heads/main", "refs/heads/workstreams/first"]
