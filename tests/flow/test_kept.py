"""``--keep-worktrees``: what did not land is kept as its tool left it; and what tools tell."""

import subprocess

import pytest

from pipeline.cli import main
from pipeline.flow.kept import kept_checkouts
from pipeline.model.event import EventType
from pipeline.store.layout import Layout


def layout_of(project):
    return Layout(project.top, project.top / ".git", worktrees=project.slots)


def test_what_did_not_land_is_kept_as_its_tool_left_it(project, ended, capfd):
    project.writes("good", "a.txt", "A\n")
    project.script(
        "trash",  # a name that is also one of ours
        "import os; open('b.txt', 'w').write('B'); open('stray.txt', 'w').write('x'); "
        "os.mkdir('deep'); os.chmod('deep', 0)",
        files_scope=["b.txt"],
    )
    summary = project.run(keeps_worktrees=True)
    assert ended(summary) == {"good": "done", "trash": "quarantined"}
    (kept,) = kept_checkouts(layout_of(project), summary.run_id)
    assert kept.name == "trash"
    assert (kept / "b.txt").read_text() == "B"
    assert (kept / "stray.txt").exists()
    log = subprocess.run(["git", "status", "--short"], cwd=kept, capture_output=True, check=True)
    assert b"stray.txt" in log.stdout
    capfd.readouterr()
    code = main(["run", "--keep-worktrees", "--fresh", "--quiet", "--repo", str(project.top)])
    assert code == 1
    said = capfd.readouterr().err
    assert "the checkout of trash is kept" in said
    assert str(project.slots / "kept") in said


def test_the_last_attempt_is_the_one_that_is_kept(project, ended):
    project.configure(tools={"agent": {"driver": "command", "takes_feedback": True}})
    project.bundle(
        "stubborn",
        tool="agent",
        tool_args={
            "command": "grep -q 'attempt.*2' {feedback_file} && echo second > b.txt || "
            "echo first > b.txt"
        },
        files_scope=["a.txt"],
        circuit_breaker={"max_attempts": 2},
    )
    summary = project.run(keeps_worktrees=True)
    assert ended(summary) == {"stubborn": "quarantined"}
    (kept,) = kept_checkouts(layout_of(project), summary.run_id)
    assert (kept / "b.txt").read_text() == "second\n"


def test_nothing_is_kept_unless_asked(project):
    project.script("bad", "raise SystemExit(1)", files_scope=["a.txt"])
    summary = project.run()
    assert kept_checkouts(layout_of(project), summary.run_id) == ()


def test_tools_tell_how_they_start_and_end(project):
    project.configure(
        tools={
            "hanging": {"driver": "command", "timeout_s": 1},
            "silent": {"driver": "command", "idle_timeout_s": 1},
        }
    )
    project.writes("good", "a.txt", "A\n")
    project.script("bad", "raise SystemExit(3)", files_scope=["b.txt"])
    project.bundle(
        "long", tool="hanging", tool_args={"command": ["sleep", "60"]}, files_create=["l"]
    )
    project.bundle(
        "mute", tool="silent", tool_args={"command": ["sleep", "60"]}, files_create=["m"]
    )
    project.bundle("patched", tool="patch", tool_args={"patch": "p.patch"}, files_create=["p.txt"])
    project.write(
        "p.patch",
        "diff --git a/p.txt b/p.txt\nnew file mode 100644\n--- /dev/null\n+++ b/p.txt\n"
        "@@ -0,0 +1 @@\n+p\n",
    )
    summary = project.run()
    with project.records() as records:
        events = records.events(summary.run_id)
    told = {
        ws_id: [e.type.value for e in events if e.ws_id == ws_id and e.type.startswith("tool_")]
        for ws_id in ("good", "bad", "long", "mute", "patched")
    }
    assert told == {
        "good": ["tool_started", "tool_finished"],
        "bad": ["tool_started", "tool_failed"],
        "long": ["tool_started", "tool_timeout"],
        "mute": ["tool_started", "tool_stalled"],
        "patched": [],
    }
    attempts = {e.attempt_id for e in events if e.type.startswith("tool_")}
    assert None not in attempts
    assert len(attempts) == 4


@pytest.mark.slow
def test_long_tools_give_signs_of_life(project):
    project.script(
        "slow",
        "import time; print('working', flush=True); time.sleep(6); open('a.txt', 'w').write('A')",
        files_scope=["a.txt"],
    )
    summary = project.run()
    with project.records() as records:
        (sign, *_) = records.events(summary.run_id, types={EventType.TOOL_PROGRESS})
    assert sign.level.value == "debug"
    assert sign.payload["elapsed_s"] >= 4
    assert sign.payload["output_bytes"] == len("working\n")
