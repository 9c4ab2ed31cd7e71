import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.base.files import TEMP_PREFIX
from pipeline.base.process import TAG_VARIABLE
from pipeline.model.event import EventType, Level
from pipeline.model.record import AttemptState, StepAttempt
from pipeline.store.inbox import Request, post
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock
from pipeline.store.sweep import sweep

MakeRun = Callable[..., str]
MakeAttempt = Callable[..., StepAttempt]
StartTool = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start_tool() -> Iterator[StartTool]:
    """Start a program that runs for long, in a session of its own, under a tag."""
    started: list[subprocess.Popen[bytes]] = []

    def start(tag: str) -> "subprocess.Popen[bytes]":
        script = "import time; print('up', flush=True); time.sleep(300)"
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            env={**os.environ, TAG_VARIABLE: tag},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_open_attempts_have_crashed_and_the_others_not(
    ledger: Ledger, make_run: MakeRun, make_attempt: MakeAttempt
) -> None:
    run = make_run(ledger)
    done, left = make_attempt(run, "a"), make_attempt(run, "b")
    for attempt in (done, left):
        ledger.start_attempt(attempt)
    ledger.finish_attempt(replace(done, state=AttemptState.FAILED))
    before = ledger.workstreams(run)

    (crashed,) = sweep(ledger).crashed

    assert ledger.attempts(run) == (replace(done, state=AttemptState.FAILED), crashed)
    assert (crashed.attempt_id, crashed.state) == (left.attempt_id, AttemptState.CRASHED)
    assert crashed.finished_at
    assert ledger.workstreams(run) == before
    (event,) = ledger.events(run, types=[EventType.CRASH_DETECTED])
    assert (event.level, event.ws_id) == (Level.WARNING, "b")
    assert event.attempt_id == left.attempt_id


def test_a_second_sweep_finds_nothing(
    ledger: Ledger, layout: Layout, make_run: MakeRun, make_attempt: MakeAttempt
) -> None:
    run = make_run(ledger)
    ledger.start_attempt(make_attempt(run))
    (layout.state_dir / f"{TEMP_PREFIX}x").touch()
    assert not sweep(ledger).is_clean
    events = ledger.events(run)

    assert sweep(ledger).is_clean
    assert ledger.events(run) == events


def test_only_unfinished_files_are_removed(ledger: Ledger, layout: Layout, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / f"{TEMP_PREFIX}kept").touch()
    run_dir = layout.run_dir("01x")
    run_dir.mkdir(parents=True)
    (run_dir / "link").symlink_to(outside)
    (run_dir / f"{TEMP_PREFIX}1").touch()
    (run_dir / f"{TEMP_PREFIX}2").symlink_to(outside / f"{TEMP_PREFIX}kept")
    (run_dir / "summary.json").touch()
    claimed = post(layout, Request("cancel"))
    claimed.rename(claimed.with_name(claimed.name + ".claimed"))
    waiting = post(layout, Request("cancel"))

    assert sweep(ledger).files == 3

    assert (outside / f"{TEMP_PREFIX}kept").exists()
    assert sorted(p.name for p in run_dir.iterdir()) == ["link", "summary.json"]
    assert list(layout.inbox.iterdir()) == [waiting]


def test_tools_of_a_dead_engine_are_ended_and_no_others(
    layout: Layout,
    lock: RunLock,
    make_run: MakeRun,
    make_attempt: MakeAttempt,
    start_tool: StartTool,
) -> None:
    other = Layout(layout.top.parent / "other", layout.common_dir)
    ours = start_tool(layout.process_tag("01run"))
    theirs = start_tool(other.process_tag("01run"))
    with Ledger(layout, lock) as ledger:
        run = make_run(ledger)
        ledger.start_attempt(make_attempt(run))

        report = sweep(ledger)

    assert (report.processes, report.has_survivors) == (1, False)
    assert ours.wait(10) == -signal.SIGKILL
    assert theirs.poll() is None


def test_an_engine_that_let_go_in_order_left_no_tools(
    layout: Layout, ledger: Ledger, start_tool: StartTool
) -> None:
    tool = start_tool(layout.process_tag("01run"))

    assert sweep(ledger).is_clean  # nobody died: it may be a tool of a person's own command
    assert tool.poll() is None


def test_a_killed_owner_has_its_tools_looked_for(layout: Layout, start_tool: StartTool) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from pipeline.store.layout import Layout\n"
        "from pipeline.store.lock import RunLock\n"
        "top = Path(sys.argv[1])\n"
        "RunLock(Layout(top, top / '.git')).acquire()\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, layout.top], check=False)
    tool = start_tool(layout.process_tag("01run"))

    with RunLock(layout) as lock, Ledger(layout, lock) as ledger:
        assert sweep(ledger).processes == 1
    assert tool.wait(10) == -signal.SIGKILL
