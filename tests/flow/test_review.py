"""Runs in which a person is asked: what is asked, and what each answer leads to."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from projects import Project, found

from pipeline.base.git import Repository
from pipeline.cli import main
from pipeline.flow.verify import verify
from pipeline.model.event import EventType
from pipeline.model.review import Option, Review, ReviewKind, ReviewState
from pipeline.model.states import RunState
from pipeline.model.summary import RunSummary
from pipeline.store.reviews import reviews

Ended = Callable[[RunSummary], dict[str, str]]

AGENT = {"type": "ai", "driver": "command", "takes_feedback": True}
RIGHT = [sys.executable, "-S", "-c", "assert open('a.txt').read() == 'right\\n'"]


def agent(project: Project, ws_id: str, code: str, **fields: Any) -> None:
    """A workstream done by a scripted agent; ``code`` sees the feedback as ``told``."""
    begin = (
        "import json, os, sys, pathlib\n"
        "text = open(sys.argv[1]).read() if os.path.exists(sys.argv[1]) else ''\n"
        "told = json.loads(text) if text.strip() else {}\n"
        "told = told or {}\n"
    )
    command = [sys.executable, "-c", begin + code, "{feedback_file}", "{prompt_file}"]
    project.bundle(ws_id, tool="agent", tool_args={"command": command}, **fields)


def stubborn(project: Project, **fields: Any) -> None:
    """A workstream whose agent writes what its acceptance test refuses, until it is advised."""
    code = (
        "asked = open(sys.argv[2]).read()\n"
        "right = 'heed me' in asked\n"
        "open('a.txt', 'w').write('right\\n' if right else f'wrong {len(told)}\\n')\n"
    )
    agent(project, "stubborn", code, files_scope=["a.txt"], acceptance_tests=[RIGHT], **fields)


@pytest.fixture
def asking(project: Project) -> Project:
    project.configure(tools={"agent": AGENT})
    stubborn(project)
    return project


def open_reviews(project: Project) -> tuple[Review, ...]:
    with project.records() as records:
        return reviews(records, state=ReviewState.OPEN)


def say(project: Project, *words: str) -> int:
    return main(["review", *words, "--by", "ann", "--repo", str(project.top)])


def agrees(project: Project, run_id: str) -> None:
    with Repository.discover(project.top) as repo, project.records() as records:
        told = verify(records, repo, project.layout, run_id)
    assert [d for check in told.checks for d in check.disagreements] == []


def test_an_exhausted_ladder_asks_a_person_and_the_others_go_on(
    asking: Project, ended: Ended
) -> None:
    asking.writes("other", "b.txt", "other\n")
    asking.writes("behind", "c.txt", "behind\n", depends_on=["stubborn"])
    summary = asking.run()
    assert ended(summary) == {
        "stubborn": "awaiting_review",
        "other": "done",
        "behind": "pending",
    }
    assert summary.status is RunState.PARTIAL
    (asked,) = open_reviews(asking)
    assert (asked.kind, asked.ws_id) == (ReviewKind.LADDER, "stubborn")
    assert {tried.step for tried in asked.attempts} >= {"edit", "runtime"}
    assert asked.patch_ids and asked.findings and asked.options == tuple(Option)
    agrees(asking, summary.run_id)
    again = asking.run()
    assert (again.run_id, ended(again)) == (summary.run_id, ended(summary))


def test_no_person_is_asked_where_no_agent_took_part(project: Project, ended: Ended) -> None:
    project.writes("wrong", "a.txt", "wrong\n", acceptance_tests=[RIGHT])
    assert ended(project.run()) == {"wrong": "quarantined"}
    assert open_reviews(project) == ()


def test_no_person_is_asked_where_the_configuration_does_not_want_it(
    asking: Project, ended: Ended
) -> None:
    asking.configure(review={"on": []})
    assert ended(asking.run()) == {"stubborn": "quarantined"}


def test_what_a_person_rejects_is_quarantined_and_blocks(asking: Project, ended: Ended) -> None:
    asking.writes("behind", "c.txt", "behind\n", depends_on=["stubborn"])
    first = asking.run()
    assert say(asking, "reject", "stubborn", "--message", "not worth it") == 0
    summary = asking.run()
    assert summary.run_id == first.run_id
    assert ended(summary) == {"stubborn": "quarantined", "behind": "blocked"}
    assert found(summary, "stubborn").reason == "not worth it"
    agrees(asking, summary.run_id)


def test_approved_work_with_red_gates_does_not_land_and_is_asked_about_again(
    asking: Project, ended: Ended
) -> None:
    first = asking.run()
    assert say(asking, "approve", "stubborn") == 0
    summary = asking.run()
    assert (summary.run_id, ended(summary)) == (first.run_id, {"stubborn": "awaiting_review"})
    assert summary.integration_commit == summary.base_commit
    (asked,) = open_reviews(asking)
    assert "red" in asked.summary
    agrees(asking, summary.run_id)


def test_a_person_may_land_it_despite_red_gates_and_the_commit_says_so(
    asking: Project, ended: Ended
) -> None:
    asking.writes("behind", "c.txt", "behind\n", depends_on=["stubborn"])
    first = asking.run()
    assert say(asking, "approve", "stubborn", "--despite-red") == 0
    summary = asking.run()
    assert summary.run_id == first.run_id
    assert ended(summary) == {"stubborn": "done", "behind": "done"}
    assert summary.status is RunState.COMPLETED
    message = asking.git("log", "--format=%B", "--first-parent", summary.integration_branch)
    assert "Pipeline-Gates-Waived-By: ann" in message
    with asking.records() as records:
        merged = [
            e.payload.get("gates_waived_by")
            for e in records.events(summary.run_id, types={EventType.MERGED})
        ]
    assert merged == ["ann", None]
    agrees(asking, summary.run_id)


def test_approved_work_whose_merged_tree_is_green_lands(project: Project, ended: Ended) -> None:
    """What the gate refused alone is green with what landed since."""
    project.configure(tools={"agent": AGENT})
    test = "import sys; sys.exit(open('b.txt').read() != 'other\\n')"
    agent(
        project,
        "early",
        "open('a.txt', 'w').write('early %d\\n' % len(told.get('last_diff', '')))",
        files_scope=["a.txt"],
        acceptance_tests=[[sys.executable, "-S", "-c", test]],
        priority=5,
    )
    project.writes("other", "b.txt", "other\n")
    assert ended(project.run()) == {"early": "awaiting_review", "other": "done"}
    assert say(project, "approve", "early") == 0
    summary = project.run()
    assert ended(summary) == {"early": "done", "other": "done"}
    message = project.git("log", "-1", "--format=%B", summary.integration_branch)
    assert "Pipeline-Approved-By: ann" in message and "Waived" not in message
    agrees(project, summary.run_id)


def test_an_adjusted_workstream_begins_anew_with_the_advice(asking: Project, ended: Ended) -> None:
    first = asking.run()
    assert say(asking, "adjust", "stubborn", "--advice", "heed me", "--task", "do it well") == 0
    summary = asking.run()
    assert (summary.run_id, ended(summary)) == (first.run_id, {"stubborn": "done"})
    with asking.records() as records:
        record = records.workstream(summary.run_id, "stubborn")
        again = records.attempts(summary.run_id, "stubborn", generation=2)
    assert record.generation == 2
    assert [a.number for a in again if a.step == "edit"] == [1]
    agrees(asking, summary.run_id)


def test_a_wider_scope_holds_for_what_comes_after(project: Project, ended: Ended) -> None:
    project.configure(tools={"agent": AGENT})
    code = "open('a.txt', 'w').write('x\\n'); open('b.txt', 'w').write('x\\n')"
    agent(project, "wide", code, files_scope=["a.txt"])
    assert ended(project.run()) == {"wide": "awaiting_review"}
    assert say(project, "adjust", "wide", "--add-scope", "b.txt") == 0
    summary = project.run()
    assert ended(summary) == {"wide": "done"}
    agrees(project, summary.run_id)


def test_an_added_acceptance_test_has_to_pass(asking: Project, ended: Ended) -> None:
    asking.run()
    code = f"{sys.executable} -c 'import sys; sys.exit(1)'"
    assert say(asking, "adjust", "stubborn", "--advice", "heed me", "--acceptance", code) == 0
    assert ended(asking.run()) == {"stubborn": "awaiting_review"}


def test_an_adjustment_is_held_to_the_rules_of_bundles(asking: Project, capsys: Any) -> None:
    asking.writes("other", "b.txt", "other\n")
    asking.run()
    assert say(asking, "adjust", "stubborn", "--add-scope", "b.txt") == 2
    assert "can touch the same path" in " ".join(capsys.readouterr().err.split())
    assert say(asking, "adjust", "stubborn", "--add-scope", ".git/config") == 2
    assert say(asking, "adjust", "stubborn") == 2
    assert len(open_reviews(asking)) == 1


def test_an_added_glob_grants_no_protected_name(project: Project, ended: Ended) -> None:
    project.configure(tools={"agent": AGENT})
    code = (
        "p = pathlib.Path('.github/workflows/ci.yml')\n"
        "p.parent.mkdir(parents=True, exist_ok=True)\n"
        "p.write_text('on: push')\n"
    )
    agent(project, "ci", code, files_scope=["a.txt"])
    project.run()
    assert say(project, "adjust", "ci", "--add-create", ".github/**") == 0
    assert ended(project.run()) == {"ci": "awaiting_review"}


def test_an_answer_of_another_terminal_reaches_a_live_run(
    asking: Project, ended: Ended, tmp_path: Path
) -> None:
    gate = tmp_path / "go"
    code = (
        "import pathlib, time\n"
        f"end = time.monotonic() + 60\n"
        f"while not pathlib.Path({str(gate)!r}).exists() and time.monotonic() < end: "
        "time.sleep(0.05)\n"
        "open('b.txt', 'w').write('slow\\n')\n"
    )
    asking.script("slow", code, files_scope=["b.txt"])
    results: list[RunSummary] = []
    thread = threading.Thread(target=lambda: results.append(asking.run()))
    thread.start()
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if asking.layout.database.exists() and open_reviews(asking):
                break
            time.sleep(0.05)
        assert say(asking, "adjust", "stubborn", "--advice", "heed me") == 0
        assert open_reviews(asking) == ()
    finally:
        gate.touch()
        thread.join()
    assert ended(results[0]) == {"stubborn": "done", "slow": "done"}
    agrees(asking, results[0].run_id)


def test_what_a_person_had_a_say_in_is_not_taken_over(asking: Project, ended: Ended) -> None:
    """Its bundle did not allow what the answer allowed."""
    asking.script("idle", "pass", files_scope=["b.txt"])
    asking.run()
    say(asking, "adjust", "stubborn", "--advice", "heed me")
    assert ended(asking.run()) == {"stubborn": "done", "idle": "failed"}
    asking.writes("new", "c.txt", "new\n")
    assert ended(asking.run()) == {"stubborn": "awaiting_review", "idle": "failed", "new": "done"}


@pytest.fixture
def risky(project: Project) -> Project:
    project.configure(review={"on": ["risk"]})
    project.writes("ci", ".github/workflows/ci.yml", "on: push\n", priority=1)
    project.writes("plain", "b.txt", "plain\n")
    return project


@pytest.mark.parametrize("mode", ["each", "batch"])
def test_a_protected_name_is_shown_to_a_person_before_it_lands(
    risky: Project, ended: Ended, mode: str
) -> None:
    overrides = {"run.jobs": 2, "landing.mode": mode}
    summary = risky.run(overrides=overrides)
    assert ended(summary) == {"ci": "awaiting_review", "plain": "done"}
    (asked,) = open_reviews(risky)
    assert (asked.kind, asked.options) == (ReviewKind.RISK, tuple(Option))
    assert say(risky, "approve", "ci") == 0
    summary = risky.run(overrides=overrides)
    assert ended(summary) == {"ci": "done", "plain": "done"}
    agrees(risky, summary.run_id)


def test_risk_is_no_question_unless_it_is_configured(risky: Project, ended: Ended) -> None:
    risky.configure(review={"on": ["ladder"]})
    assert ended(risky.run()) == {"ci": "done", "plain": "done"}


def test_a_reached_budget_asks_and_the_run_goes_on_when_it_is_raised(
    project: Project, ended: Ended
) -> None:
    project.configure(
        tools={"agent": {**AGENT, "cost": {"per_attempt": 1.0}}},
        budget={"max_cost_total": 0.5, "action": "ask"},
    )
    agent(project, "dear", "open('a.txt', 'w').write('dear\\n')", files_scope=["a.txt"])
    project.writes("free", "b.txt", "free\n")
    first = project.run()
    assert ended(first) == {"dear": "awaiting_review", "free": "done"}
    (asked,) = open_reviews(project)
    assert asked.kind is ReviewKind.BUDGET
    assert asked.options == (Option.REJECT, Option.ADJUST)
    assert say(project, "approve", "dear") == 2
    assert say(project, "adjust", "dear") == 0
    project.configure(budget={"max_cost_total": 5, "action": "ask"})
    summary = project.run()
    assert (summary.run_id, ended(summary)) == (first.run_id, {"dear": "done", "free": "done"})
    agrees(project, summary.run_id)


@pytest.mark.parametrize("words", [["adjust", "--advice", "heed me"], ["reject"]])
def test_a_run_that_was_killed_after_an_answer_goes_on_by_it(
    asking: Project, ended: Ended, tmp_path: Path, words: list[str]
) -> None:
    """The answer reaches the live engine, is stored, and the engine dies at once."""
    gate = tmp_path / "go"
    code = (
        "import pathlib, time\n"
        "end = time.monotonic() + 60\n"
        f"while not pathlib.Path({str(gate)!r}).exists() and time.monotonic() < end: "
        "time.sleep(0.05)\n"
        "open('b.txt', 'w').write('slow\\n')\n"
    )
    asking.script("slow", code, files_scope=["b.txt"])
    asking.configure(run={"jobs": 2})
    command = [sys.executable, "-c", "from pipeline.cli import main; raise SystemExit(main())"]
    engine = subprocess.Popen(
        [*command, "run", "--quiet", "--repo", str(asking.top)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if asking.layout.database.exists() and open_reviews(asking):
                break
            time.sleep(0.05)
        assert say(asking, words[0], "stubborn", *words[1:]) == 0
    finally:
        engine.kill()
        engine.wait()
    gate.touch()
    with asking.records() as records:
        (before,) = records.runs(kind="run")
        assert len(reviews(records)) == 1
    summary = asking.run(overrides={})
    assert summary.run_id == before.run_id
    state = "done" if words[0] == "adjust" else "quarantined"
    assert ended(summary) == {"stubborn": state, "slow": "done"}
    agrees(asking, summary.run_id)


def test_what_was_checked_behind_it_waits_for_the_answer(risky: Project, ended: Ended) -> None:
    risky.writes("behind", "c.txt", "behind\n", depends_on=["ci"])
    summary = risky.run()
    assert ended(summary) == {"ci": "awaiting_review", "plain": "done", "behind": "checked"}
    assert risky.show(summary.integration_branch, "c.txt") == "c"
    agrees(risky, summary.run_id)
    assert say(risky, "approve", "ci") == 0
    summary = risky.run()
    assert set(ended(summary).values()) == {"done"}
    agrees(risky, summary.run_id)


def test_what_is_too_large_for_one_look_is_shown_to_a_person(
    project: Project, ended: Ended
) -> None:
    project.configure(review={"on": ["risk"]}, policy={"max_lines_changed": 100})
    project.writes("large", "a.txt", "x\n" * 60)
    project.writes("small", "b.txt", "x\n" * 40)
    assert ended(project.run()) == {"large": "awaiting_review", "small": "done"}


def test_what_is_risky_does_not_slip_through_where_the_engine_died_before_it_asked(
    risky: Project, ended: Ended
) -> None:
    """It was about to land: the first of the two moves was made."""
    risky.run()
    with closing(sqlite3.connect(risky.layout.database)) as connection, connection:
        connection.execute("DELETE FROM reviews")
        connection.execute("UPDATE workstreams SET state = 'merging' WHERE ws_id = 'ci'")
    assert ended(risky.run()) == {"ci": "awaiting_review", "plain": "done"}


def test_in_a_batch_what_a_person_approved_is_gated_by_itself(
    asking: Project, ended: Ended
) -> None:
    """Nothing lands on the strength of a verdict that was waived for another."""
    asking.writes("other", "b.txt", "other\n", depends_on=["stubborn"])
    asking.writes("more", "c.txt", "more\n", depends_on=["stubborn"])
    overrides = {"run.jobs": 2, "landing.mode": "batch"}
    first = asking.run(overrides=overrides)
    assert say(asking, "approve", "stubborn", "--despite-red") == 0
    summary = asking.run(overrides=overrides)
    assert summary.run_id == first.run_id
    assert ended(summary) == {"stubborn": "done", "other": "done", "more": "done"}
    agrees(asking, summary.run_id)
