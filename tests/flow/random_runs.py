"""Random plans whose tools do what their bundle says, and what has to hold of every run of them."""

import contextlib
import io
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from projects import Project

from pipeline.cli import main
from pipeline.model.event import Event, EventType
from pipeline.model.states import (
    FINAL,
    RUN_MOVES,
    STARTABLE,
    WORKSTREAM_MOVES,
    RunState,
    WorkstreamState,
)

# What a tool does, and how its workstream ends where nothing else stands in its way.
ALONE = {
    "clean": "done",
    "repaired": "done",
    "red": "quarantined",
    "stray": "quarantined",
    "crash": "quarantined",
    "idle": "failed",
    "hang": "failed",
}
TOGETHER = ("clash", "heavy")  # how these end depends on what landed before them
GATE = """! grep -qs BAD f-*.txt && [ "$(ls | grep -c '^heavy-')" -le 1 ]"""
TOOL = """
id=$1 outcome=$2 feedback=$3
[ -f "$DELAYS/$id" ] && sleep "$(cat "$DELAYS/$id")"
case $outcome in
  clean) echo "$id" > "f-$id.txt" ;;
  repaired) grep -q gate "$feedback" && echo good > "f-$id.txt" || echo BAD > "f-$id.txt" ;;
  red) echo BAD >> "f-$id.txt"; date +%N >> "f-$id.txt" ;;
  stray) echo "$id" > "f-$id.txt"; echo "$id" > "elsewhere-$id.txt" ;;
  crash) echo "$id" > "f-$id.txt"; exit 3 ;;
  idle) : ;;
  hang) exec sleep 60 ;;
  clash) echo "$id" > shared.txt ;;
  heavy) echo "$id" > "heavy-$id.txt" ;;
esac
"""


@dataclass(frozen=True)
class Story:
    """One workstream: what its tool does, and on which others it depends."""

    id: str
    outcome: str
    depends_on: tuple[str, ...] = ()
    priority: int = 0


@dataclass(frozen=True)
class Told:
    """A run as it was: its summary, its events, the landed ids in order, the exit code."""

    project: Project
    summary: dict[str, Any]
    events: Sequence[Event]
    landed: tuple[str, ...]
    code: int

    @property
    def ended(self) -> dict[str, str]:
        return {ws["id"]: ws["status"] for ws in self.summary["workstreams"]}


@st.composite
def plans(draw: st.DrawFn, outcomes: Sequence[str]) -> tuple[Story, ...]:
    """One to eight workstreams in a random graph."""
    count = draw(st.integers(1, 8))
    names = draw(st.permutations([f"w{number}" for number in range(count)]))
    made: list[Story] = []
    for name in names:
        before = [story.id for story in made]
        deps = draw(st.lists(st.sampled_from(before), unique=True, max_size=2)) if before else []
        # The harmless ones more often: else nearly everything is blocked.
        outcome = draw(st.sampled_from(["clean", "clean", "repaired", *outcomes]))
        made.append(Story(name, outcome, tuple(deps), draw(st.integers(0, 2))))
    return tuple(made)


def delays(names: Sequence[str]) -> st.SearchStrategy[Mapping[str, float]]:
    """How long each tool takes at least."""
    return st.fixed_dictionaries({name: st.sampled_from([0, 0, 0.05, 0.2]) for name in names})


@contextlib.contextmanager
def made(stories: Sequence[Story], waits: Mapping[str, float]) -> Iterator[Project]:
    """A repository with the bundles of a plan; ``waits`` are not part of the plan."""
    with tempfile.TemporaryDirectory(prefix="random-run-") as folder:
        project = Project(Path(folder) / "repo", Path(folder) / "slots")
        project.top.mkdir()
        project.git("init", "--quiet", "--template=", "--initial-branch=main")
        project.commit({"shared.txt": "nobody\n", "tool.sh": TOOL}, "Begin")
        waiting = Path(folder) / "delays"
        waiting.mkdir()
        for name, seconds in waits.items():
            if seconds:
                (waiting / name).write_text(str(seconds))
        # Where the delays are must not be part of the plan, so a variable names it.
        agent = {"driver": "command", "takes_feedback": True, "env": {"DELAYS": "env:WAITING"}}
        project.configure(
            tools={"agent": agent, "hanging": {**agent, "takes_feedback": False, "timeout_s": 1}},
            gates={"static": [{"name": "no-bad", "command": ["sh", "-c", GATE]}]},
            run={"reproducible": True},
        )
        for story in stories:
            write_bundle(project, story, [s.id for s in stories if s.id != story.id])
        with variable("WAITING", str(waiting)):
            yield project


def write_bundle(project: Project, story: Story, others: Sequence[str]) -> None:
    own = [f"f-{story.id}.txt", f"heavy-{story.id}.txt"]
    project.bundle(
        story.id,
        tool="hanging" if story.outcome == "hang" else "agent",
        tool_args={"command": ["sh", "tool.sh", story.id, story.outcome, "{feedback_file}"]},
        files_create=own,
        files_scope=["shared.txt"] if story.outcome == "clash" else own,
        depends_on=story.depends_on,
        priority=story.priority,
        allow_overlap=others if story.outcome == "clash" else [],
        acceptance_tests=[["true"]],
        circuit_breaker={"max_attempts": 2},
    )


@contextlib.contextmanager
def variable(name: str, value: str) -> Iterator[None]:
    """A variable of this process for a while, as a person's shell would have it."""
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def run(project: Project, *options: str) -> Told:
    """Run the command in this process."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = main(["run", "--quiet", "--format=json", *options, "--repo", str(project.top)])
    summary = json.loads(out.getvalue())
    with project.records() as records:
        events = records.events(summary["run_id"])
    range_ = f"{summary['base_commit']}..{summary['integration_commit']}"
    text = project.git(
        "log", "--first-parent", "--reverse",
        "--format=%(trailers:key=Pipeline-Workstream,valueonly)",
        range_,
    )  # fmt: skip
    return Told(project, summary, events, tuple(text.split()), int(code))


def check(told: Told, stories: Sequence[Story], before: object) -> None:
    """Everything that has to hold of any run."""
    by_id = {story.id: story for story in stories}
    check_endings(told, by_id)
    check_moves(told.events)
    check_starts(told.events, by_id)
    check_landing(told, by_id)
    assert look(told.project) == before
    assert told.project.git("fsck", "--strict", "--no-dangling") == ""


def check_endings(told: Told, by_id: Mapping[str, Story]) -> None:
    ended = told.ended
    assert set(ended) == set(by_id)
    for ws_id, status in ended.items():
        assert WorkstreamState(status) in FINAL
        deps = by_id[ws_id].depends_on
        own = ALONE.get(by_id[ws_id].outcome)
        if any(ended[dep] != "done" for dep in deps):
            assert status in {"blocked", own} - {"done"}, (ws_id, status)
        elif own is not None:
            assert status == own, (ws_id, status)
    done = sum(status == "done" for status in ended.values())
    expected = "completed" if done == len(ended) else "partial" if done else "failed"
    assert told.summary["status"] == expected
    assert told.code == (0 if expected == "completed" else 1)


def check_moves(events: Sequence[Event]) -> None:
    """The events tell one legal way through the tables for each workstream and the run."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    at: dict[str | None, str] = {}
    for event in events:
        assert event.type is not EventType.ILLEGAL_TRANSITION
        if event.type is not EventType.STATE_TRANSITION:
            continue
        source, target = event.payload["from"], event.payload["to"]
        assert at.get(event.ws_id, "pending") == source
        if event.ws_id is None:
            assert RunState(target) in RUN_MOVES[RunState(source)]
        else:
            assert WorkstreamState(target) in WORKSTREAM_MOVES[WorkstreamState(source)]
        at[event.ws_id] = target


def check_starts(events: Sequence[Event], by_id: Mapping[str, Story]) -> None:
    """Nobody starts to edit before all that it depends on is checked."""
    at: dict[str, WorkstreamState] = {}
    for event in events:
        if event.type is not EventType.STATE_TRANSITION or event.ws_id is None:
            continue
        target = WorkstreamState(event.payload["to"])
        if target is WorkstreamState.EDITING and event.payload["from"] == "ready":
            for dep in by_id[event.ws_id].depends_on:
                assert at.get(dep) in STARTABLE, (event.ws_id, dep, at.get(dep))
        at[event.ws_id] = target


def check_landing(told: Told, by_id: Mapping[str, Story]) -> None:
    """What landed did so in plan order, after what it depends on; each landed tree is green."""
    order = [ws["id"] for ws in told.summary["workstreams"]]
    assert list(told.landed) == [ws_id for ws_id in order if told.ended[ws_id] == "done"]
    for ws_id in told.landed:
        assert all(told.ended[dep] == "done" for dep in by_id[ws_id].depends_on)
    commits = told.project.git(
        "rev-list", "--first-parent",
        f"{told.summary['base_commit']}..{told.summary['integration_commit']}",
    ).split()  # fmt: skip
    is_each = told.project.settings.get("landing", {}).get("mode") != "batch"
    for commit in commits if is_each else commits[:1]:
        assert passes_by_hand(told.project, commit), commit


def passes_by_hand(project: Project, commit: str) -> bool:
    """The gate, run by plain git and a shell on the files of a commit."""
    with tempfile.TemporaryDirectory(dir=project.slots.parent) as folder:
        archive = subprocess.run(
            ["git", "archive", commit], cwd=project.top, capture_output=True, check=True
        )
        subprocess.run(["tar", "-x"], cwd=folder, input=archive.stdout, check=True)
        return subprocess.run(["sh", "-c", GATE], cwd=folder, check=False).returncode == 0


def look(project: Project) -> object:
    """What no run may touch: the base branch, the checkout, configuration and index."""
    git = project.top / ".git"
    files = {
        str(path.relative_to(project.top)): path.read_bytes()
        for path in project.top.rglob("*")
        if path.is_file() and ".git" not in path.parts and ".pipeline" not in path.parts
    }
    own = {name: (git / name).read_bytes() for name in ("HEAD", "config", "index")}
    return files, own, project.git("rev-parse", "main"), sorted(os.listdir(git / "refs" / "tags"))  # noqa: PTH208
