"""``pipeline exec`` runs any program, passes on what it says and how it ends, and records it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.flow.exec import interrupt_dead, store_request
from pipeline.model.event import EventType
from pipeline.model.states import RunState
from pipeline.store import inbox
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock
from pipeline.store.records import Records

MAIN = "import sys; from pipeline.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def here(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(checkout)
    return checkout


@pytest.fixture
def records(here: Path, layout: Layout) -> Iterator[Records]:
    with Records(layout) as open_records:
        yield open_records


@pytest.fixture
def started(here: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts ``pipeline exec`` as a process of its own; killed when the test ends."""
    processes = []

    def start(*arguments: str) -> "subprocess.Popen[bytes]":
        argv = [sys.executable, "-c", MAIN, "exec", *arguments]
        process = subprocess.Popen(argv, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def wait_for(
    condition: Callable[[], object], process: "subprocess.Popen[bytes] | None" = None
) -> None:
    """Wait until something is so; ``process`` must be alive as long as it is not."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it never came true"
        if process is not None and process.poll() is not None:
            raise AssertionError(process.communicate())
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def kinds(records: Records, run_id: str) -> list[EventType]:
    return [event.type for event in records.events(run_id)]


@pytest.mark.parametrize("code", [0, 1, 77, 125])
def test_exit_code_and_output_pass_through(pipeline, here, records, code):
    done = pipeline("exec", "--", "sh", "-c", f"echo out; echo err >&2; exit {code}")
    assert (done.code, done.out, done.err) == (code, "out\n", "err\n")
    (run,) = records.runs()
    assert run.kind == "exec"
    assert run.state is (RunState.FAILED if code else RunState.COMPLETED)


def test_how_it_ended_is_recorded_with_its_output(pipeline, here, records, layout):
    pipeline("exec", "--", "sh", "-c", "echo hello; exit 3")
    (run,) = records.runs()
    assert kinds(records, run.run_id) == [
        EventType.RUN_CREATED,
        EventType.TOOL_STARTED,
        EventType.STATE_TRANSITION,
        EventType.TOOL_FINISHED,
        EventType.RUN_FINISHED,
        EventType.STATE_TRANSITION,
    ]
    _, start, _, end, *_ = records.events(run.run_id)
    assert start.payload["argv"] == ["sh", "-c", "echo hello; exit 3"]
    assert start.payload["directory"] == str(here)
    assert (end.payload["ending"], end.payload["exit_code"]) == ("exited", 3)
    assert (here / end.payload["stdout_log"]).read_bytes() == b"hello\n"
    assert (here / end.payload["stdout_log"]).parent == layout.tool_outputs(run.run_id)
    assert run.finished_at and run.reason == "sh exited with 3."
    lines = layout.events_file(run.run_id).read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3, 4, 5, 6]


def test_options_behind_the_program_are_its_own(pipeline, here):
    done = pipeline("exec", "printf", "%s|", "--timeout", "--help", "--")
    assert (done.code, done.out) == (0, "--timeout|--help|--|")


def test_nothing_is_on_standard_input(pipeline, here):
    assert pipeline("exec", "--", "cat").out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (("--", "no-such-program"), 127, EventType.TOOL_FAILED),
        (("--timeout", "0.2", "--", "sleep", "60"), 124, EventType.TOOL_TIMEOUT),
        (("--idle-timeout", "0.2", "--", "sleep", "60"), 124, EventType.TOOL_STALLED),
        (("--", "sh", "-c", "kill -KILL $$"), 137, EventType.TOOL_FINISHED),
    ],
)
def test_other_ways_to_end(pipeline, records, arguments, code, kind):
    assert pipeline("exec", *arguments).code == code
    (run,) = records.runs()
    assert run.state is RunState.FAILED
    assert kind in kinds(records, run.run_id)


def test_missing_program_is_named(pipeline, here):
    assert "no-such-program was not found" in pipeline("exec", "no-such-program").err


def test_what_it_starts_ends_with_it(pipeline, here):
    script = "setsid sleep 600 >/dev/null 2>&1 & echo $!"
    done = pipeline("exec", "--", "sh", "-c", script)
    assert "left processes behind" in done.err
    assert not is_alive(int(done.out))


def test_outside_of_a_repository_nothing_runs(pipeline, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = pipeline("exec", "--", "touch", "ran")
    assert done.code == 3
    assert not (tmp_path / "ran").exists()


def test_repository_without_a_commit_will_do(pipeline, git, tmp_path, monkeypatch):
    git(tmp_path, "init", "--quiet", "new")
    monkeypatch.chdir(tmp_path / "new")
    assert pipeline("exec", "--", "true").code == 0


def test_checkout_stays_clean(pipeline, here, git):
    pipeline("exec", "--", "true")
    assert git(here, "status", "--porcelain") == ""


def test_secrets_are_not_kept(pipeline, here, layout, monkeypatch):
    monkeypatch.setenv("DEPLOY_TOKEN", "hunter2-of-the-environment")
    words = ("--password", "swordfish", "--api-key=opensesame", "hunter2-of-the-environment")
    done = pipeline("exec", "--", "sh", "-c", "echo said: $3", "x", *words)
    assert done.out == "said: --api-key=opensesame\n"
    pipeline("exec", "--", "sh", "-c", "echo $DEPLOY_TOKEN")
    kept = b"".join(p.read_bytes() for p in layout.state_dir.rglob("*") if p.is_file())
    assert b"--password" in kept
    assert b"swordfish" not in kept
    assert b"hunter2" not in kept


def test_long_argument_lists_are_cut(pipeline, here, records):
    assert pipeline("exec", "--", "true", "x" * 100_000, *["y"] * 500).code == 0
    (run,) = records.runs()
    (start,) = records.events(run.run_id, types={EventType.TOOL_STARTED})
    assert len(json.dumps(start.payload)) < 10_000
    assert start.payload["argv"][-1] == "… (402 more)"


def test_phase_gives_the_limit(pipeline, here):
    (here / "pipeline.yaml").write_text(
        "phases:\n  short: {timeout_s: 0.2}\n  later: {enabled: false}\n"
    )
    assert pipeline("exec", "--phase", "short", "--", "sleep", "60").code == 124
    assert pipeline("exec", "--phase", "later", "--", "true").code == 2
    assert pipeline("exec", "--phase", "other", "--", "true").code == 2


def test_live_engine_gets_the_record_as_a_request(pipeline, here, layout):
    with RunLock(layout, command="pipeline run") as lock, Ledger(layout, lock) as ledger:
        done = pipeline("exec", "--", "sh", "-c", "echo busy; exit 5")
        assert (done.code, done.out) == (5, "busy\n")
        assert ledger.runs() == ()
        requests = inbox.take(layout)
        assert [request.kind for request in requests] == ["record_exec"] * 2
        for request in (*requests, *requests):  # twice: to store it again changes nothing
            assert store_request(ledger, request)
        (run,) = ledger.runs()
        assert (run.kind, run.state) == ("exec", RunState.FAILED)
        assert len(ledger.events(run.run_id)) == 6


def test_start_that_comes_after_the_end_changes_nothing(pipeline, here, layout):
    with RunLock(layout, command="pipeline run") as lock, Ledger(layout, lock) as ledger:
        pipeline("exec", "--", "true")
        for request in reversed(inbox.take(layout)):
            store_request(ledger, request)
        assert [run.state for run in ledger.runs()] == [RunState.COMPLETED]


def test_requests_left_behind_are_stored_by_the_next_one(pipeline, here, layout, records):
    with RunLock(layout, command="pipeline run"):
        pipeline("exec", "--", "true")
    inbox.post(layout, inbox.Request("cancel", "01jd0000000000000000000001"))
    pipeline("exec", "--", "true")
    assert [run.state for run in records.runs()] == [RunState.COMPLETED] * 2
    assert [request.kind for request in inbox.take(layout)] == ["cancel"]


@pytest.mark.parametrize("change", [{"ending": "vanished"}, {"run_id": "nonsense"}, {"argv": 1}])
def test_unsound_request_is_refused(pipeline, here, layout, change):
    with RunLock(layout, command="pipeline run") as lock, Ledger(layout, lock) as ledger:
        pipeline("exec", "--", "true")
        *_, request = inbox.take(layout)
        arguments = {**request.arguments, **change}
        forged = inbox.Request("record_exec", arguments["run_id"], arguments)
        assert not store_request(ledger, forged)
        assert ledger.runs() == ()


def test_two_at_once_are_both_recorded(started, records):
    processes = [started("--", "sleep", "0.2") for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    pipeline_states = [run.state for run in records.runs()]
    assert pipeline_states == [RunState.COMPLETED] * 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_it_ends_the_program(started, here, records, number):
    process = started("--", "sh", "-c", "echo $$ > pid; exec sleep 600")
    wait_for(lambda: (here / "pid").exists() and (here / "pid").read_text().endswith("\n"), process)
    process.send_signal(number)
    assert process.wait(60) == 130
    assert not is_alive(int((here / "pid").read_text()))
    (run,) = records.runs()
    assert run.state is RunState.CANCELLED


def test_engine_that_died_is_told_from_one_that_lives(started, here, pipeline, records, layout):
    dead, living = (
        started("--", "sh", "-c", f"echo $$ > {name}; exec sleep 600") for name in ("one", "two")
    )
    for name in ("one", "two"):
        wait_for(lambda n=name: (here / n).exists() and (here / n).read_text().endswith("\n"))
    os.kill(dead.pid, signal.SIGKILL)
    dead.wait(60)
    wait_for(lambda: not is_alive(int((here / "one").read_text())))
    with RunLock(layout) as lock, Ledger(layout, lock) as ledger:
        (ended,) = interrupt_dead(ledger)
    states = {run.run_id: run.state for run in records.runs()}
    assert states.pop(ended) is RunState.INTERRUPTED
    assert list(states.values()) == [RunState.RUNNING]
    living.send_signal(signal.SIGINT)
    assert living.wait(60) == 130


def test_program_taken_for_dead_still_tells_its_end(started, here, records, layout):
    process = started("--", "sh", "-c", "touch up; while [ ! -e go ]; do sleep 0.02; done")
    wait_for((here / "up").exists, process)
    (run,) = records.runs()
    with RunLock(layout) as lock, Ledger(layout, lock) as ledger:
        ledger.move_run(run.run_id, RunState.RUNNING, RunState.INTERRUPTED, "Its engine died.")
    (here / "go").touch()
    assert process.wait(60) == 0
    assert records.run(run.run_id).state is RunState.COMPLETED
