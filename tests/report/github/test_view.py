"""What is told is what was stored: of real runs, also where one took over the work of another."""

import sys
from typing import Any

import pytest

from pipeline.base.errors import InputError
from pipeline.model.config import Config
from pipeline.model.states import WorkstreamState
from pipeline.report.github.artifact import read_artifact, write_artifact
from pipeline.report.github.checks import checks
from pipeline.report.github.comments import sticky_comment
from pipeline.report.github.gates import GateState
from pipeline.report.github.issues import issues
from pipeline.report.github.summary import job_summary
from pipeline.report.github.view import Place, RunView


@pytest.fixture
def ran(project: Any) -> Any:
    """A run of two: one lands, the other's acceptance test is red."""
    project.writes("good", "good.txt", "x\n")
    project.writes(
        "bad",
        "bad.txt",
        "x\n",
        acceptance_tests=[[sys.executable, "-S", "-c", "raise SystemExit(1)"]],
    )
    project.run()
    return project


def view_of(project: Any, run_id: str = "") -> RunView:
    with project.records() as records:
        latest = records.latest_run()
        return RunView.of(records, run_id or latest.run_id, repository="octo/shop", base="main")


def test_a_run_is_told_as_it_was(ran: Any) -> None:
    view = view_of(ran)
    good, bad = view.workstream("good"), view.workstream("bad")
    assert (good.state, bad.state) == (WorkstreamState.DONE, WorkstreamState.QUARANTINED)
    assert [(one.gate, one.state) for one in bad.gates] == [
        ("static", GateState.PASSED),
        ("runtime", GateState.FAILED),
        ("landing", GateState.FAILED),
    ]
    assert good.has_commit and good.branch == "ws/plan/good"
    assert {one.head_sha for one in checks(view)} >= {good.record.commit, bad.record.commit}
    assert [one.ws_id for one in issues(view)] == ["bad"]
    assert bad.findings and not good.findings


def test_another_job_tells_the_same_from_an_artifact(ran: Any) -> None:
    view = view_of(ran)
    config = Config(publish=view.publish)
    again = read_artifact(
        write_artifact(view), config=config, place=Place("octo/shop", base="main")
    )
    assert checks(again) == checks(view)
    assert job_summary(again) == job_summary(view)
    assert [sticky_comment(again, ws.id) for ws in again.workstreams] == [
        sticky_comment(view, ws.id) for ws in view.workstreams
    ]


def test_work_that_was_taken_over_keeps_its_gates(ran: Any) -> None:
    first = view_of(ran).workstream("good")
    ran.writes("more", "more.txt", "x\n")
    ran.run(only=("good", "more"))
    view = view_of(ran)
    good = view.workstream("good")
    assert view.run.taken_from
    assert [one.state for one in good.gates] == [GateState.PASSED] * 3
    assert [one.attempt_id for one in good.attempts] == [one.attempt_id for one in first.attempts]


def test_a_run_that_is_none_is_bad_input(ran: Any) -> None:
    with pytest.raises(InputError):
        view_of(ran, "01jd0000000000000000000009")
    with pytest.raises(KeyError):
        view_of(ran).workstream("none")
