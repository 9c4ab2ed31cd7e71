"""Whoever holds the repository for a moment leaves nothing for the next one to miss."""

import dataclasses
import json
import subprocess
from pathlib import Path

import pytest

from pipeline.base.errors import UnfitError
from pipeline.base.locks import this_process
from pipeline.flow.holding import hold
from pipeline.model.record import AttemptState, RunRecord, Step, StepAttempt, WorkstreamRecord
from pipeline.model.states import RunState
from pipeline.store.layout import Layout
from pipeline.store.lock import live_owner

RUN = "01jd0000000000000000000001"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True, capture_output=True)
    return Layout(tmp_path, tmp_path / ".git")


def test_owner_is_named_and_let_go(layout):
    with hold(layout, "pipeline something"):
        assert live_owner(layout).command == "pipeline something"
        with pytest.raises(UnfitError, match="pipeline something"), hold(layout, "other"):
            pass
    assert live_owner(layout) is None


def test_what_a_dead_owner_began_is_swept_by_who_takes_over(layout):
    record = RunRecord(RUN, "k", RunState.PENDING, "1" * 40)
    with hold(layout, "pipeline run") as ledger:
        ledger.create_run(record, None, [WorkstreamRecord(RUN, "a", 1)])
        ledger.start_attempt(StepAttempt("a-1", RUN, "a", 1, Step.EDIT, 1))
    dead = dataclasses.replace(this_process("pipeline run"), pid=2**22 - 3, started="1")
    owner_file = layout.lock_file.with_name("run.lock.owner")
    owner_file.write_text(json.dumps(dataclasses.asdict(dead)))
    with hold(layout, "pipeline exec") as ledger:
        (attempt,) = ledger.attempts(RUN)
        assert attempt.state is AttemptState.CRASHED


def test_events_are_exported(layout):
    with hold(layout, "pipeline exec") as ledger:
        ledger.create_run(RunRecord(RUN, "k", RunState.PENDING, "1" * 40), None)
    (line,) = layout.events_file(RUN).read_text().splitlines()
    assert json.loads(line)["type"] == "run_created"


def test_state_is_kept_out_of_gits_sight(layout):
    with hold(layout, "pipeline exec"):
        pass
    assert "/.pipeline/" in layout.exclude_file.read_text()
