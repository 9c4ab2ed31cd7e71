"""Engines that are asked to stop, or just stopped: nothing is lost, nobody is robbed."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from demo_shop import OPTIONS, Process, Shop, finish, kill, still_alive
from evidence import faults, open_store, outcome, runs
from undisturbed import Undisturbed

pytestmark = pytest.mark.kill


@pytest.fixture
def expected(undisturbed: Callable[[str], Undisturbed]) -> Undisturbed:
    return undisturbed("each")


@pytest.fixture
def shop(expected: Undisturbed, tmp_path: Path) -> Shop:
    return Shop.copy(expected.origin, tmp_path / "place")


def interrupt(_: Shop, process: Process) -> None:
    process.send_signal(signal.SIGINT)


def terminate(_: Shop, process: Process) -> None:
    process.send_signal(signal.SIGTERM)


def press_ctrl_c(_: Shop, process: Process) -> None:
    """As a terminal does: to everything in the foreground, and an impatient second time."""
    os.killpg(process.pid, signal.SIGINT)
    os.killpg(process.pid, signal.SIGINT)


def cancel(shop: Shop, _: Process) -> None:
    assert shop.run("cancel").code == 0


@pytest.mark.parametrize(
    ("stop", "state", "after"),
    [
        (interrupt, "interrupted", 0.15),
        (terminate, "interrupted", 0.6),
        (press_ctrl_c, "interrupted", 0.4),
        (cancel, "cancelled", 0.3),
    ],
)
def test_run_that_is_told_to_stop_records_it_and_is_carried_on(
    stop: Callable[[Shop, Process], None],
    state: str,
    after: float,
    shop: Shop,
    expected: Undisturbed,
) -> None:
    with shop.running() as process:
        shop.wait_for_events(process, int(after * expected.length.events))
        below = psutil.Process(process.pid).children(recursive=True)
        stop(shop, process)
        done = finish(process)
        assert still_alive(below) == []

    assert done.code == 130, done.err
    assert shop.processes() == []
    with open_store(shop) as store:
        assert store.execute("SELECT state FROM runs").fetchall() == [(state,)]
        ask = "SELECT count(*) FROM step_attempts WHERE state = 'started'"
        assert store.execute(ask).fetchone() == (0,)

    assert shop.run().code == 1
    assert runs(shop) == 1
    assert faults(shop) == []
    assert outcome(shop) == expected.outcome


def test_engine_that_stands_still_keeps_its_lock(shop: Shop, expected: Undisturbed) -> None:
    with shop.running() as process:
        shop.wait_for_events(process, expected.length.events // 3)
        process.send_signal(signal.SIGSTOP)
        told = shop.events()
        other = shop.run()
        assert other.code == 3
        assert f"held by process {process.pid}" in other.err
        assert shop.run("show-run").code == 0
        assert shop.events() == told
        process.send_signal(signal.SIGCONT)
        assert finish(process).code == 1
    assert faults(shop) == []
    assert outcome(shop) == expected.outcome


def test_engine_that_stands_still_may_be_killed_too(shop: Shop, expected: Undisturbed) -> None:
    with shop.running() as process:
        shop.wait_for_events(process, expected.length.events // 2)
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGKILL)
        finish(process)
    assert shop.run().code == 1
    assert faults(shop) == []
    assert outcome(shop) == expected.outcome


def test_locks_that_a_git_left_which_died_with_its_engine_are_removed(
    shop: Shop, expected: Undisturbed
) -> None:
    git = shop.top / ".git"
    foreign = [git / "refs/heads/main.lock", git / "refs/heads/ws/plan/report.lock"]
    foreign[1].parent.mkdir(parents=True)
    foreign[1].touch()
    os.utime(foreign[1], (0, 0))  # older than the engine, so not its
    with shop.running() as process:
        shop.wait_for_events(process, expected.length.events // 2)
        kill(process, with_all_below=True)
    foreign[0].touch()
    for name in ("heads/ws/plan/invoice", "heads/ws/plan/mood", "pipeline/anything"):
        (git / f"refs/{name}.lock").touch()

    assert shop.run().code == 1

    assert [path for path in git.rglob("*.lock") if path not in foreign] == []
    assert all(path.exists() for path in foreign)
    landed, wanted = outcome(shop).landed, expected.outcome.landed
    assert landed.branches == {
        name: oid for name, oid in wanted.branches.items() if name != "ws/plan/report"
    }
    assert (landed.order, landed.integration_commit) == (wanted.order, wanted.integration_commit)


@pytest.mark.parametrize("lost", ["summary", "events"])
def test_files_that_a_dead_engine_did_not_write_are_written_by_the_next(
    lost: str, shop: Shop, expected: Undisturbed
) -> None:
    """What lies there when an engine dies between a run's end and its last file."""
    only = (*OPTIONS, "--only", "hello")
    assert shop.run(*only).code == 0
    (place,) = shop.top.glob(".pipeline/runs/*")
    whole = {name: (place / name).read_bytes() for name in ("events.jsonl", "summary.json")}
    (place / "summary.md").unlink()
    if lost == "events":
        (place / "summary.json").unlink()
        (place / "events.jsonl").write_bytes(whole["events.jsonl"][:-300])

    assert shop.run(*only).code == 0

    assert runs(shop) == 1
    assert {name: (place / name).read_bytes() for name in whole} == whole
    assert faults(shop) == []
