"""A clone that is lost after a synchronisation: another goes on just as it would have.

Everything is done by the command, with real git; what the lost clone printed is compared with what
the new one prints, and how its runs go on with how a copy of the lost one goes on.
"""

import json
import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from machines import Machine
from small_run import git

from pipeline.cli import main
from pipeline.store.layout import Layout

AGENT = {"type": "ai", "driver": "command", "takes_feedback": True}
PRINTED = (
    ("runs",),
    ("show-run",),
    ("show-errors",),
    ("show-events",),
    ("show-patches",),
    ("review", "list"),
    ("quarantine", "list"),
    ("replay",),
)
"""What both have to print alike; ``verify`` besides tells of branches that only one has."""


def bundle(ws_id: str, code: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": ws_id,
        "title": f"Do {ws_id}",
        "tasks": [ws_id],
        "files_create": [f"{ws_id}.txt"],
        "acceptance_tests": [["sh", "-c", f"! grep -q wrong {ws_id}.txt"]],
        "tool_args": {"command": ["sh", "-c", code]},
        **fields,
    }


BUNDLES = {
    "completed": [
        bundle("one", "echo one > one.txt"),
        bundle("two", "echo two > two.txt", depends_on=["one"]),
    ],
    "asking": [
        bundle("one", "echo one > one.txt"),
        bundle("stray", "echo x > stray.txt; echo x > elsewhere.txt"),
        bundle("hard", "echo wrong $$ > hard.txt", tool="agent"),
    ],
    "killed": [
        bundle("one", "echo one > one.txt"),
        # It waits for ever where it may; the file is not there in the clone that goes on.
        bundle("slow", "while test -e \"$PIPELINE_TEST_WAIT\"; do sleep 0.05; done; "
                       "echo slow > slow.txt", depends_on=["one"]),
        bundle("last", "echo last > last.txt", depends_on=["slow"]),
    ],
}  # fmt: skip  # a table


@dataclass
class World:
    """A remote, and a clone in which a run is to begin."""

    folder: Path
    clone: Machine

    def join(self, name: str) -> Machine:
        top = self.folder / name
        git(self.folder, "clone", "--quiet", "--template=", "hub.git", str(top))
        return Machine(top, "")


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("PIPELINE_TEST_WAIT", str(tmp_path / "wait"))
    made = tmp_path / "made"
    (made / "workstreams").mkdir(parents=True)
    for fields in BUNDLES[request.param]:
        (made / "workstreams" / f"{fields['id']}.json").write_text(json.dumps(fields))
    tool = {**AGENT, "env": {"PIPELINE_TEST_WAIT": "env:PIPELINE_TEST_WAIT"}}
    config = {
        "project": {"base": "main"},
        "tools": {"agent": AGENT, "command": {"type": "utility", "env": tool["env"]}},
        "breakers": {"max_attempts": 1},
        "review": {"on": ["ladder"]},
    }
    (made / "pipeline.yaml").write_text(json.dumps(config))
    git(made, "init", "--quiet", "--initial-branch=main", "--template=")
    git(made, "add", "--all")
    git(made, "commit", "--quiet", "--message=First")
    git(tmp_path, "clone", "--quiet", "--bare", "--template=", "made", "hub.git")
    found = World(tmp_path, Machine(made, ""))
    found.clone = found.join("lost")
    return found


def pipeline(machine: Machine, capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """What a command exits with and prints, wherever the clone lies."""
    capfd.readouterr()
    code = main([*words, "--repo", str(machine.top)])
    out = capfd.readouterr().out
    return int(code), out.replace(str(machine.top), "TOP")


def printed(machine: Machine, capfd: pytest.CaptureFixture[str]) -> dict[str, tuple[int, str]]:
    return {
        " ".join(words): pipeline(machine, capfd, *words, "--format", "json") for words in PRINTED
    }


def result(machine: Machine, capfd: pytest.CaptureFixture[str]) -> tuple[Any, ...]:
    """What a run came to in the end, without its times."""
    code, out = pipeline(machine, capfd, "run", "--reproducible", "--quiet", "--format", "json")
    summary = json.loads(out)
    verified, said = pipeline(machine, capfd, "verify", "--format", "json")
    assert (verified, json.loads(said)["is_sound"]) == (0, True)
    branch = summary["integration"]["branch"] if "integration" in summary else ""
    run_id = summary["run_id"]
    tree = machine.git("rev-parse", f"refs/heads/pipeline/{run_id}^{{tree}}")
    states = {ws["id"]: ws["status"] for ws in summary["workstreams"]}
    return code, run_id, branch, summary["status"], states, tree


def lose(
    world: World, capfd: pytest.CaptureFixture[str]
) -> tuple[Machine, Machine, dict[str, tuple[int, str]]]:
    """Synchronise, keep a copy aside, delete the clone, and make another."""
    assert pipeline(world.clone, capfd, "sync")[0] == 0
    before = printed(world.clone, capfd)
    twin = world.folder / "twin"
    shutil.copytree(world.clone.top, twin, symlinks=True)
    shutil.rmtree(world.clone.top)
    fresh = world.join("fresh")
    code, said = pipeline(fresh, capfd, "sync", "--format", "json")
    assert (code, [run["received"] for run in json.loads(said)["runs"]]) == (0, ["new"])
    assert pipeline(fresh, capfd, "rebuild")[0] == 0
    return Machine(twin, ""), fresh, before


@pytest.mark.parametrize("world", ["completed"], indirect=True)
def test_a_completed_run(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    first = result(world.clone, capfd)
    assert (first[0], first[3]) == (0, "completed")
    _, fresh, before = lose(world, capfd)
    assert printed(fresh, capfd) == before
    assert pipeline(fresh, capfd, "verify")[0] == 0
    # It is found again and not run again.
    code, out = pipeline(fresh, capfd, "run", "--reproducible", "--quiet", "--format", "json")
    assert (code, json.loads(out)["run_id"]) == (0, first[1])


@pytest.mark.parametrize("world", ["asking"], indirect=True)
def test_a_run_that_asks_a_person(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    first = result(world.clone, capfd)
    assert (first[0], first[3]) == (1, "partial")
    assert first[4] == {"one": "done", "stray": "quarantined", "hard": "awaiting_review"}
    twin, fresh, before = lose(world, capfd)
    assert printed(fresh, capfd) == before
    for machine in (twin, fresh):
        answer = ("review", "approve", "hard", "--by", "ann", "--despite-red", "--message", "ok")
        assert pipeline(machine, capfd, *answer)[0] == 0
    went_on = result(twin, capfd)
    assert result(fresh, capfd) == went_on
    assert went_on[1] == first[1]


@pytest.mark.parametrize("world", ["killed"], indirect=True)
def test_a_run_that_was_killed(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    wait = world.folder / "wait"
    wait.touch()
    process = world.clone.start("run", "--reproducible", "--quiet")
    layout = Layout(world.clone.top, world.clone.top / ".git")
    until = time.monotonic() + 60
    while time.monotonic() < until and not any(
        '"tool_started"' in line and '"slow"' in line for line in _events(layout)
    ):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    wait.unlink()
    twin, fresh, before = lose(world, capfd)
    assert '"running"' in before["show-run"][1]
    assert printed(fresh, capfd) == before
    went_on = result(twin, capfd)
    assert result(fresh, capfd) == went_on
    assert went_on[3:5] == ("completed", dict.fromkeys(("one", "slow", "last"), "done"))
    assert went_on[1] in before["show-run"][1]


def _events(layout: Layout) -> list[str]:
    files = layout.runs.glob("*/events.jsonl") if layout.runs.is_dir() else ()
    return [line for file in files for line in file.read_text().splitlines()]
