"""Tools that outlive an engine which was killed: ended at once, or by the next engine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from demo_shop import Shop, finish, kill, still_alive, wait_until
from evidence import faults, open_store

pytestmark = pytest.mark.kill

# The first time it starts a daemon and waits; when asked again it does its work, but only where
# nothing of the first time is alive.
TOOL = """
import os, pathlib, subprocess, sys, time
seen = pathlib.Path({seen!r})
if seen.exists():
    for pid in seen.read_text().split():
        try:
            state = pathlib.Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            sys.exit("process " + pid + " still runs")
    pathlib.Path("a.txt").write_text("A\\n")
    sys.exit()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        seen.with_name("daemon").write_text(str(os.getpid()))
        sleep = "import time; time.sleep(600)"
        os.execve(sys.executable, [sys.executable, "-S", "-c", sleep], {environment})
    os._exit(0)
daemon = seen.with_name("daemon")
while not (daemon.exists() and daemon.read_text()):
    time.sleep(0.01)
seen.with_name("new").write_text(str(os.getpid()) + " " + daemon.read_text())
seen.with_name("new").rename(seen)
time.sleep(600)
"""


def git(top: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A Tester", "-c", "user.email=tester@localhost")
    subprocess.run(["git", *identity, *arguments], cwd=top, check=True)


def make_shop(tmp_path: Path, *, forgets_environment: bool) -> tuple[Shop, Path]:
    origin, seen = tmp_path / "origin", tmp_path / "seen"
    (origin / "workstreams").mkdir(parents=True)
    (origin / "a.txt").write_text("a\n")
    environment = "{}" if forgets_environment else "os.environ"
    code = TOOL.format(seen=str(seen), environment=environment)
    bundle = {
        "id": "slow",
        "tasks": ["write"],
        "files_scope": ["a.txt"],
        "tool_args": {"command": [sys.executable, "-S", "-c", code]},
        "acceptance_tests": [["true"]],
    }
    (origin / "workstreams/slow.json").write_text(json.dumps(bundle))
    git(origin, "init", "--quiet", "--initial-branch=main")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "--message=Begin")
    return Shop.copy(origin, tmp_path / "place"), seen


def tool_processes(seen: Path) -> list[psutil.Process]:
    assert wait_until(seen.exists)
    return [psutil.Process(int(pid)) for pid in seen.read_text().split()]


def check_carried_on(shop: Shop) -> None:
    done = shop.run()
    assert done.code == 0, done.out + done.err
    assert shop.processes() == []
    assert faults(shop) == []
    with open_store(shop) as store:
        ask = "SELECT state, count(*) FROM step_attempts WHERE step = 'edit' GROUP BY 1 ORDER BY 1"
        assert store.execute(ask).fetchall() == [("crashed", 1), ("succeeded", 1)]


@pytest.mark.parametrize("forgets_environment", [False, True])
def test_tool_and_its_daemon_end_with_the_engine(
    tmp_path: Path, *, forgets_environment: bool
) -> None:
    shop, seen = make_shop(tmp_path, forgets_environment=forgets_environment)
    with shop.running() as process:
        of_tool = tool_processes(seen)
        below = kill(process)
    assert {one.pid for one in of_tool} <= {one.pid for one in below}
    wait_until(lambda: not still_alive(below), patience_s=10)
    assert still_alive(below) == []
    check_carried_on(shop)


def test_what_outlives_its_supervisor_too_is_ended_by_the_next_engine(tmp_path: Path) -> None:
    """Everything that watches over the tool dies at the same moment."""
    shop, seen = make_shop(tmp_path, forgets_environment=False)
    with shop.running() as process:
        of_tool = tool_processes(seen)
        below = psutil.Process(process.pid).children(recursive=True)
        tools = {one.pid for one in of_tool}
        watching = [process.pid, *(one.pid for one in below if one.pid not in tools)]
        for pid in watching:
            os.kill(pid, signal.SIGSTOP)
        for pid in watching:
            os.kill(pid, signal.SIGKILL)
        finish(process)
    time.sleep(0.2)
    assert len(still_alive(of_tool)) == 2
    try:
        check_carried_on(shop)
        assert still_alive(of_tool) == []
    finally:
        for one in of_tool:
            if one.is_running():
                one.kill()
