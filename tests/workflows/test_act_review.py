"""A comment commands, where its author may write; who may not is told so or gets no runner."""

from typing import Any

import pytest
from workflows.acting import Stage
from workflows.bundles import bundle

pytestmark = [pytest.mark.workflows, pytest.mark.slow]

STUBBORN = "import pathlib; pathlib.Path('shop.py').write_text('wrong\\n')"
JOB = "Answer a comment"


def comment(stage: Stage, login: str, number: int, body: str) -> dict[str, Any]:
    """The event of a comment that somebody writes."""
    made = stage.github.post(f"issues/{number}/comments", {"body": body}, token=f"ghp_{login}")
    return stage.github.event("issue_comment.created", sender=login, comment=made["id"])


@pytest.fixture
def asking(stage: Stage) -> Stage:
    """The stage with a published run that ended with a question."""
    for login, role in (("wendy", "write"), ("rob", "read")):
        stage.github.set_role(login, role)
        stage.github.add_token(f"ghp_{login}", login=login)
    more = {"tool": "agent", "fix": [], "circuit_breaker": {"max_attempts": 1}}
    command = ["python3", "-S", "-c", STUBBORN, "{prompt_file}"]
    text = bundle("stubborn", command, acceptance_tests=["grep -q right shop.py"], **more)
    stage.github.commit("workstreams/ask", {"workstreams/stubborn.json": text}, "Ask")
    played = stage.run("pipeline.yml", "push", {}, ref="workstreams/ask")
    assert played.job_ended("Check and publish") == "succeeded"
    return stage
