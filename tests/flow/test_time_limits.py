"""What ends after which time: a tool by its step's limit, a check by its own alone."""

import sys

import pytest

SLEEP = [sys.executable, "-c", "import time; time.sleep(0.5)"]


def test_a_limit_of_a_step_ends_no_check(project, ended):
    project.writes(
        "one",
        "a.txt",
        "A\n",
        static=[{"name": "slow", "command": SLEEP, "timeout_s": 60}],
        circuit_breaker={"static": {"timeout_s": 0.1}},
    )
    assert ended(project.run()) == {"one": "done"}


@pytest.mark.parametrize("where", ["breaker", "phase"])
def test_a_limit_of_an_edit_ends_its_tool(project, where: str):
    fields = {"circuit_breaker": {"edit": {"timeout_s": 0.5}}}
    if where == "phase":
        project.configure(phases={"early": {"timeout_s": 0.5}})
        fields = {"phase": "early"}
    project.script("one", "import time; time.sleep(300)", files_scope=["a.txt"], **fields)
    (one,) = project.run().workstreams
    assert one.status == "failed"
    assert "timeout" in one.reason
