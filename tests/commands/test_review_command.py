"""``pipeline review`` on the command line: text, JSON, exit codes, wrong names."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from projects import Project

from pipeline.base.schema import violations
from pipeline.store.inbox import take
from pipeline.store.lock import RunLock

Pipeline = Callable[..., Any]


@pytest.fixture
def asked(project: Project) -> Project:
    """A run that asks about its one workstream."""
    project.configure(
        tools={"agent": {"type": "ai", "driver": "command", "takes_feedback": True}},
    )
    project.bundle(
        "word",
        tool="agent",
        tool_args={"command": [sys.executable, "-S", "-c", "open('b.txt', 'a').write('x')"]},
        files_scope=["a.txt"],
        circuit_breaker={"max_attempts": 1},
    )
    project.run()
    return project


def test_nothing_awaits_review_where_nothing_ran(pipeline: Pipeline, project: Project) -> None:
    shown = pipeline("review", "list", "--repo", project.top)
    assert (shown.code, shown.out) == (0, "Nothing awaits review.\n")


def test_open_reviews_are_listed_and_exit_with_1(pipeline: Pipeline, asked: Project) -> None:
    shown = pipeline("review", "list", "--repo", asked.top)
    assert shown.code == 1
    assert "word" in shown.lines[1] and "ladder" in shown.lines[1]
    assert max(map(len, shown.lines[:2])) <= 80
    assert shown.lines[2].startswith("      ") and "b.txt" in shown.lines[2]


def test_a_review_is_shown_with_its_difference(pipeline: Pipeline, asked: Project) -> None:
    shown = pipeline("review", "show", "word", "--repo", asked.top)
    assert shown.code == 0
    for expected in ("you can:", "adjust:", "policy scope", "+++ b/b.txt"):
        assert expected in shown.out


def test_json_is_valid_by_its_schema(pipeline: Pipeline, asked: Project) -> None:
    listed = json.loads(pipeline("review", "list", "--format", "json", "--repo", asked.top).out)
    shown = json.loads(
        pipeline("review", "show", "word", "--format", "json", "--repo", asked.top).out
    )
    assert listed["reviews"] == [shown["review"]]
    assert list(violations("review.v1.json", shown["review"])) == []
    assert set(shown["diffs"]) == set(shown["review"]["patch_ids"])


@pytest.mark.parametrize("verb", ["show", "approve", "reject", "adjust"])
def test_a_name_that_is_not_known_is_bad_input(
    pipeline: Pipeline, asked: Project, verb: str
) -> None:
    shown = pipeline("review", verb, "nobody", "--repo", asked.top)
    assert shown.code == 2
    assert "nobody" in shown.err


def test_a_second_answer_is_refused(pipeline: Pipeline, asked: Project) -> None:
    assert pipeline("review", "reject", "word", "--repo", asked.top).code == 0
    shown = pipeline("review", "adjust", "word", "--repo", asked.top)
    assert shown.code == 2
    assert "answered already" in shown.err
    assert pipeline("review", "list", "--repo", asked.top).code == 0
    assert "rejected" in pipeline("review", "list", "--all", "--repo", asked.top).out


def test_work_that_there_is_not_cannot_be_approved(pipeline: Pipeline, asked: Project) -> None:
    """Everything that its tool changed was refused."""
    shown = pipeline("review", "approve", "word", "--repo", asked.top)
    assert shown.code == 2
    assert "nothing of word to approve" in shown.err


def test_an_answer_that_its_holder_died_with_can_be_given_again(
    pipeline: Pipeline, asked: Project, tmp_path: Path
) -> None:
    """Killed between: a live holder took the request and died before it stored anything."""
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, pathlib\n"
            "from pipeline.store.layout import Layout\n"
            "from pipeline.store.lock import RunLock\n"
            "from pipeline.store.inbox import take\n"
            "import os, time\n"
            "top = pathlib.Path(sys.argv[1])\n"
            "layout = Layout(top, top / '.git')\n"
            "lock = RunLock(layout, command='a test')\n"
            "lock.acquire()\n"
            "print('held', flush=True)\n"
            "while not take(layout):\n"
            "    time.sleep(0.05)\n"
            "os._exit(9)\n",
            str(asked.top),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        shown = pipeline("review", "reject", "word", "--repo", asked.top)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert shown.code == 1
    assert "not taken up" in shown.out
    assert take(asked.layout) == ()
    with RunLock(asked.layout):
        pass
    assert pipeline("review", "reject", "word", "--repo", asked.top).code == 0
