"""A comment commands, where its author may write; who may not is told so or gets no runner."""

import pytest
from workflows.acting import Stage
from workflows.bundles import bundle

pytestmark = [pytest.mark.workflows, pytest.mark.slow]

STUBBORN = "import pathlib; pathlib.Path('shop.py').write_text('WRONG = 1\\n')"
JOB = "Answer a comment"


@pytest.fixture
def asking(stage: Stage) -> Stage:
    """The stage with a published run that ended with a question."""
    for login, role in (("wendy", "write"), ("rob", "read")):
        stage.github.set_role(login, role)
        stage.github.add_token(f"ghp_{login}", login=login)
    more = {"tool": "agent", "fix": [], "circuit_breaker": {"max_attempts": 1}}
    command = ["python3", "-S", "-c", STUBBORN, "{prompt_file}"]
    text = bundle("stubborn", command, acceptance_tests=["grep -q RIGHT shop.py"], **more)
    stage.github.commit("workstreams/ask", {"workstreams/stubborn.json": text}, "Ask")
    played = stage.run("pipeline.yml", "push", {}, ref="workstreams/ask")
    assert played.job_ended("Check and publish") == "succeeded"
    return stage


def test_a_writer_approves_and_a_reader_is_told_no(asking: Stage) -> None:
    """The same question, asked by both: what counts is the permission that the API tells."""
    (pull,) = asking.pulls()
    record = asking.git("for-each-ref", "refs/pipeline")
    event = asking.comment("rob", pull["number"], "/pipeline approve stubborn")
    event["comment"]["author_association"] = "COLLABORATOR"  # as GitHub says: he gets a runner
    refused = asking.run("review.yml", "issue_comment", event)
    assert "::set-output:: accepted=false" in refused.log
    assert asking.git("for-each-ref", "refs/pipeline") == record

    event = asking.comment("wendy", pull["number"], "/pipeline approve stubborn")
    played = asking.run("review.yml", "issue_comment", event)
    assert played.job_ended(JOB) == "succeeded"
    for output in ("accepted=true", "verb=approve", "workstream=stubborn"):
        assert f"::set-output:: {output}" in played.log
    assert asking.git("for-each-ref", "refs/pipeline") != record, "the answer is in the journal"
    replies = [one["body"] for one in asking.github.state()["comments"].values()]
    assert sum("git-pipeline:reply:" in body for body in replies) == 2


def test_run_dispatches_the_workflow_that_runs(asking: Stage) -> None:
    (pull,) = asking.pulls()
    asking.github.add_run(path=".github/workflows/pipeline.yml", conclusion="failure")
    event = asking.comment("wendy", pull["number"], "/pipeline run")
    played = asking.run("review.yml", "issue_comment", event)
    assert played.job_ended(JOB) == "succeeded"
    (dispatch,) = asking.github.state()["dispatches"]
    assert dispatch["ref"] == "main"


@pytest.mark.parametrize("who", ["a stranger", "a program", "an edit", "talk"])
def test_who_may_not_command_gets_no_runner(stage: Stage, who: str) -> None:
    stage.github.set_role("wendy", "write")
    stage.github.add_token("ghp_wendy", login="wendy")
    number = stage.ask("POST", "issues", {"title": "A question"}, token="ghp_wendy")["number"]
    event = stage.comment("wendy", number, "/pipeline status")
    if who == "a stranger":
        event["comment"]["author_association"] = "NONE"
    if who == "a program":
        event["comment"]["user"]["type"] = "Bot"
    if who == "an edit":
        event["action"] = "edited"
    if who == "talk":
        event["comment"]["body"] = "I like /pipeline run"
    before = stage.writes()
    played = stage.run("review.yml", "issue_comment", event)
    assert played.code == 0
    assert played.job_ended(JOB) == ""
    assert stage.writes() == before
