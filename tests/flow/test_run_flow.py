"""A run end to end: isolated, held to scope, gated, merged in order, recorded."""

import json
import sys
import threading
import time

import pytest

from pipeline.base.errors import CancelledRunError, InputError, InterruptedRunError, UnfitError
from pipeline.flow.run import Watch
from pipeline.model.states import RunState
from pipeline.planning.problem import PlanError
from pipeline.store import inbox
from pipeline.store.inbox import Request


def test_workstreams_land_on_one_branch_and_nothing_else_moves(project, ended):
    project.writes("one", "a.txt", "A\n")
    project.writes("two", "new/d.txt", "D\n")
    before = project.git("rev-parse", "main"), project.git("status", "--porcelain", "a.txt")
    summary = project.run()
    assert summary.status is RunState.COMPLETED
    assert ended(summary) == {"one": "done", "two": "done"}
    branch = summary.integration_branch
    assert project.show(branch, "a.txt") == "A"
    assert project.show(branch, "new/d.txt") == "D"
    assert (
        project.git("rev-parse", "main"),
        project.git("status", "--porcelain", "a.txt"),
    ) == before
    assert (project.top / "a.txt").read_text() == "a\n"
    assert project.git("fsck", "--strict") == ""


def test_commits_name_workstream_and_tool_and_no_run(project):
    project.writes("one", "a.txt", "A\n")
    summary = project.run()
    (work,) = [ws.commit for ws in summary.workstreams]
    message = project.git("log", "-1", "--format=%B", work)
    assert "Pipeline-Workstream: one" in message
    assert "Pipeline-Tool: command" in message
    everything = project.git("log", "--format=%B", summary.integration_commit)
    assert summary.run_id not in everything.lower()


def test_dependent_starts_from_its_dependency(project, ended):
    project.writes("first", "a.txt", "one\n")
    project.script(
        "second",
        "p = 'a.txt'; t = open(p).read(); assert t == 'one\\n', t; open(p, 'a').write('two\\n')",
        files_scope=["a.txt"],
        depends_on=["first"],
    )
    summary = project.run()
    assert ended(summary) == {"first": "done", "second": "done"}
    assert project.show(summary.integration_branch, "a.txt") == "one\ntwo"


def test_two_dependencies_are_merged_for_the_start(project):
    project.writes("left", "a.txt", "L\n")
    project.writes("right", "b.txt", "R\n")
    project.script(
        "both",
        "open('c.txt', 'w').write(open('a.txt').read() + open('b.txt').read())",
        files_scope=["c.txt"],
        depends_on=["left", "right"],
    )
    summary = project.run()
    assert project.show(summary.integration_branch, "c.txt") == "L\nR"


def test_out_of_scope_change_is_quarantined_with_its_patch(project, ended):
    project.script(
        "greedy",
        "open('a.txt', 'w').write('mine'); open('b.txt', 'w').write('mine too')",
        files_scope=["a.txt"],
    )
    summary = project.run()
    assert ended(summary) == {"greedy": "quarantined"}
    (ws,) = summary.workstreams
    assert "b.txt" in ws.reason
    with project.records() as records:
        assert b"mine too" in records.patch_text(summary.run_id, ws.patch_id)
    assert project.git("show-ref", "--verify", summary.integration_branch, check=False) == ""


def test_dependents_of_a_failure_are_blocked_and_the_rest_lands(project, ended):
    project.script("bad", "raise SystemExit(3)", files_scope=["a.txt"])
    project.writes("behind", "new.txt", "x\n", depends_on=["bad"])
    project.writes("further", "new2.txt", "x\n", depends_on=["behind"])
    project.writes("good", "b.txt", "B\n")
    summary = project.run()
    assert ended(summary) == {
        "bad": "failed",
        "behind": "blocked",
        "further": "blocked",
        "good": "done",
    }
    assert summary.status is RunState.PARTIAL


def test_tool_that_changes_nothing_has_not_succeeded(project, ended):
    project.script("idle", "pass", files_scope=["a.txt"])
    summary = project.run()
    assert ended(summary) == {"idle": "failed"}
    assert "changed nothing" in summary.workstreams[0].reason


def test_red_acceptance_test_keeps_a_change_out(project, ended):
    project.writes(
        "wrong",
        "a.txt",
        "wrong\n",
        acceptance_tests=[[sys.executable, "-c", "assert open('a.txt').read() == 'right\\n'"]],
    )
    summary = project.run()
    assert ended(summary) == {"wrong": "quarantined"}
    assert summary.integration_commit == summary.base_commit


def test_tool_with_feedback_repairs_what_the_gate_found(project, ended):
    """The scripted agent is told the finding and its last diff, and heeds them."""
    project.configure(
        tools={"agent": {"type": "ai", "driver": "command", "takes_feedback": True}},
    )
    code = (
        "import json, sys\n"
        "told = json.load(open(sys.argv[1]))\n"
        "text = 'right' if 'gate' in told.get('reason', '') and 'wrong' in told['last_diff'] "
        "else 'wrong'\n"
        "open('a.txt', 'w').write(text + '\\n')\n"
    )
    project.bundle(
        "learner",
        tool="agent",
        tool_args={"command": [sys.executable, "-c", code, "{feedback_file}"]},
        files_scope=["a.txt"],
        acceptance_tests=[[sys.executable, "-c", "assert open('a.txt').read() == 'right\\n'"]],
    )
    summary = project.run()
    assert ended(summary) == {"learner": "done"}
    assert project.show(summary.integration_branch, "a.txt") == "right"


def test_refused_edit_is_told_to_a_tool_that_takes_feedback(project, ended):
    project.configure(
        tools={"agent": {"type": "ai", "driver": "command", "takes_feedback": True}},
    )
    code = (
        "import json, sys\n"
        "told = json.load(open(sys.argv[1]))\n"
        "open('a.txt', 'w').write('x\\n')\n"
        "if 'b.txt' not in told.get('reason', ''): open('b.txt', 'w').write('x\\n')\n"
    )
    project.bundle(
        "learner",
        tool="agent",
        tool_args={"command": [sys.executable, "-c", code, "{feedback_file}"]},
        files_scope=["a.txt"],
    )
    summary = project.run()
    assert ended(summary) == {"learner": "done"}
    with project.records() as records:
        attempts = [a for a in records.attempts(summary.run_id, "learner") if a.step == "edit"]
    assert [a.state.value for a in attempts] == ["failed", "succeeded"]


def test_edit_that_never_behaves_ends_at_the_limit_of_attempts(project, ended):
    project.configure(
        tools={"agent": {"type": "ai", "driver": "command", "takes_feedback": True}},
    )
    project.bundle(
        "stubborn",
        tool="agent",
        tool_args={"command": [sys.executable, "-c", "open('b.txt', 'a').write('x')"]},
        files_scope=["a.txt"],
        circuit_breaker={"max_attempts": 2},
    )
    summary = project.run()
    assert ended(summary) == {"stubborn": "awaiting_review"}
    with project.records() as records:
        assert len(records.attempts(summary.run_id, "stubborn")) == 2


def test_conflict_goes_back_once_to_a_tool_that_takes_feedback(project, ended):
    project.configure(
        tools={"agent": {"type": "ai", "driver": "command", "takes_feedback": True}},
    )
    project.writes("first", "a.txt", "first\n", priority=9, allow_overlap=["second"])
    code = (
        "import json, sys\n"
        "told = json.load(open(sys.argv[1]))\n"
        "text = open('a.txt').read()\n"
        "if told.get('conflict'): assert 'first' in told['conflict'], told\n"
        "open('a.txt', 'w').write((text if told.get('conflict') else '') + 'second\\n')\n"
    )
    project.bundle(
        "second",
        tool="agent",
        tool_args={"command": [sys.executable, "-c", code, "{feedback_file}"]},
        files_scope=["a.txt"],
    )
    summary = project.run()
    assert ended(summary) == {"first": "done", "second": "done"}
    assert project.show(summary.integration_branch, "a.txt") == "first\nsecond"


def test_unchanged_run_is_answered_without_running(project):
    project.writes("one", "a.txt", "A\n")
    first = project.run()
    again = project.run()
    assert again.run_id == first.run_id


def test_fresh_run_does_it_all_again(project):
    project.writes("one", "a.txt", "A\n")
    first = project.run()
    again = project.run(is_fresh=True)
    assert again.run_id != first.run_id
    assert again.integration_tree == first.integration_tree


def test_finished_work_is_taken_over_after_a_mended_bundle(project, ended, tmp_path):
    count = tmp_path / "count"
    project.script(
        "good",
        f"open({str(count)!r}, 'a').write('x'); open('a.txt', 'w').write('A\\n')",
        files_scope=["a.txt"],
    )
    project.script("bad", "raise SystemExit(1)", files_scope=["b.txt"])
    assert ended(project.run()) == {"good": "done", "bad": "failed"}
    project.writes("bad", "b.txt", "B\n")
    summary = project.run()
    assert ended(summary) == {"good": "done", "bad": "done"}
    assert count.read_text() == "x"
    assert project.show(summary.integration_branch, "b.txt") == "B"


def test_same_inputs_give_the_same_commits_when_reproducible(new_project):
    ids = set()
    for name, jobs in (("one", 1), ("two", 4)):
        project = new_project(name)
        project.writes("x", "a.txt", "A\n")
        project.writes("y", "b.txt", "B\n")
        project.writes("z", "c.txt", "C\n", depends_on=["x", "y"])
        summary = project.run(overrides={"run.jobs": jobs, "run.reproducible": True})
        ids.add(summary.integration_commit)
    assert len(ids) == 1


def test_interrupted_run_is_carried_on(project, ended, tmp_path):
    go = tmp_path / "go"
    project.script(
        "slow",
        f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)\n"
        "open('a.txt', 'w').write('A\\n')",
        files_scope=["a.txt"],
    )
    project.writes("quick", "b.txt", "B\n")
    began = time.monotonic()
    reason = lambda: "told to, not cancelled" if time.monotonic() > began + 1 else ""  # noqa: E731 - a stop in one line
    with pytest.raises(InterruptedRunError):
        project.run(watch=Watch(should_stop=reason))
    with project.records() as records:
        (stopped,) = records.runs()
    assert stopped.state is RunState.INTERRUPTED
    go.touch()
    summary = project.run()
    assert summary.run_id == stopped.run_id
    assert ended(summary) == {"slow": "done", "quick": "done"}


def test_request_in_the_inbox_cancels_the_run(project, tmp_path):
    started = tmp_path / "started"
    project.script(
        "slow",
        f"import time; open({str(started)!r}, 'w').close(); time.sleep(60)",
        files_scope=["a.txt"],
    )

    def cancel() -> None:
        while not started.exists():
            time.sleep(0.02)
        inbox.post(project.layout, Request("cancel"))

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(CancelledRunError):
        project.run()
    thread.join()
    with project.records() as records:
        (stopped,) = records.runs()
    assert stopped.state is RunState.CANCELLED


def test_second_run_names_the_one_that_holds_the_repository(project, tmp_path):
    started, go = tmp_path / "started", tmp_path / "go"
    project.script(
        "slow",
        f"import os, time\nopen({str(started)!r}, 'w').close()\n"
        f"while not os.path.exists({str(go)!r}): time.sleep(0.02)\nopen('a.txt', 'w').write('A')",
        files_scope=["a.txt"],
    )
    results = []
    thread = threading.Thread(target=lambda: results.append(project.run()))
    thread.start()
    while not started.exists():
        time.sleep(0.02)
    with pytest.raises(UnfitError, match="held by"):
        project.run()
    go.touch()
    thread.join()
    assert results[0].status is RunState.COMPLETED


def test_branch_in_the_way_is_refused_before_anything_changes(project):
    project.git("branch", "ws")
    project.writes("one", "a.txt", "A\n")
    before = project.refs()
    with pytest.raises(InputError, match="in the way"):
        project.run()
    assert project.refs() == before
    assert not (project.top / ".pipeline").exists()


def test_branch_that_somebody_moved_is_left_alone_and_told_of(project):
    project.writes("one", "a.txt", "A\n")
    foreign = project.commit({"other.txt": "x\n"}, "Foreign")
    project.git("branch", "ws/plan/one", foreign)
    summary = project.run()
    assert summary.status is RunState.COMPLETED
    assert project.git("rev-parse", "ws/plan/one") == foreign
    with project.records() as records:
        kinds = [event.type.value for event in records.events(summary.run_id)]
    assert "branch_left_alone" in kinds


def test_wrong_bundles_change_nothing(project):
    project.write("workstreams/bad.json", json.dumps({"id": "Bad Id", "tasks": []}))
    before = project.refs()
    with pytest.raises(PlanError) as refusal:
        project.run()
    assert "bad.json" in str(refusal.value)
    assert project.refs() == before
    assert not (project.top / ".pipeline").exists()


def test_gate_that_cannot_tell_is_not_a_pass(project, ended):
    project.writes(
        "unsure", "a.txt", "A\n", acceptance_tests=[[sys.executable, "-c", "raise SystemExit(125)"]]
    )
    summary = project.run()
    assert ended(summary) == {"unsure": "quarantined"}
    assert "cannot tell (exit code 125)" in summary.workstreams[0].reason


def test_red_merged_tree_keeps_the_second_out(project, ended):
    """Each is green alone; together they are not."""
    check = "import os; n = sum(open(p).read().isupper() for p in ('a.txt', 'b.txt')); assert n < 2"
    test = [[sys.executable, "-c", check]]
    project.writes("one", "a.txt", "A\n", acceptance_tests=test)
    project.writes("two", "b.txt", "B\n", acceptance_tests=test)
    for mode in ("each", "batch"):
        summary = project.run(is_fresh=True, overrides={"landing.mode": mode, "run.jobs": 2})
        assert ended(summary) == {"one": "done", "two": "quarantined"}
        assert project.show(summary.integration_commit, "b.txt") == "b"


def test_second_check_of_a_gate_sees_nothing_that_the_first_left(project, ended):
    litter = [sys.executable, "-c", "open('litter', 'w').write('x'); open('a.txt', 'w').write('y')"]
    clean = [
        sys.executable,
        "-c",
        "import os; assert not os.path.exists('litter'); assert open('a.txt').read() == 'A\\n'",
    ]
    project.writes("one", "a.txt", "A\n", acceptance_tests=[litter, clean])
    assert ended(project.run()) == {"one": "done"}


def test_setup_is_made_once_and_lent_to_tools_and_gates(project, ended, tmp_path):
    count = tmp_path / "count"
    make = (
        "import os, pathlib\n"
        f"open({str(count)!r}, 'a').write('x')\n"
        "os.mkdir('.tools'); pathlib.Path('.tools/word').write_text('given')"
    )
    project.configure(
        setup=[
            {
                "name": "tools",
                "command": [sys.executable, "-c", make],
                "files": ["a.txt"],
                "directories": [".tools"],
            }
        ]
    )
    project.script(
        "one",
        "open('b.txt', 'w').write(open('.tools/word').read())",
        files_scope=["b.txt"],
        acceptance_tests=[[sys.executable, "-c", "assert open('.tools/word').read() == 'given'"]],
    )
    project.script(
        "two", "open('c.txt', 'w').write(open('.tools/word').read())", files_scope=["c.txt"]
    )
    summary = project.run()
    assert ended(summary) == {"one": "done", "two": "done"}
    assert count.read_text() == "x"
    assert ".tools" not in project.git("ls-tree", "--name-only", summary.integration_commit)


def test_tool_that_writes_into_the_checkout_is_refused(project, ended):
    target = str(project.top / "a.txt")
    project.script(
        "intruder",
        f"open({target!r}, 'w').write('mine'); open('b.txt', 'w').write('B')",
        files_scope=["b.txt"],
    )
    summary = project.run()
    assert ended(summary) == {"intruder": "quarantined"}
    assert "a.txt" in summary.workstreams[0].reason


def test_tool_that_leaves_a_process_behind_is_refused(project, ended):
    code = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],"
        " start_new_session=True, stdout=-3, stderr=-3)\n"
        "open('b.txt', 'w').write('B')"
    )
    project.script("daemon", code, files_scope=["b.txt"])
    summary = project.run()
    assert ended(summary) == {"daemon": "quarantined"}
    assert "process" in summary.workstreams[0].reason


def test_the_outputs_of_runs_that_ended_long_ago_go(project, ended):
    project.writes("one", "a.txt", "A\n")
    project.run()
    project.writes("two", "b.txt", "B\n")
    assert ended(project.run(overrides={"retention.runs_days": 0}))["two"] == "done"
    with project.records() as records:
        new, old = (run.run_id for run in records.runs())
    assert project.layout.tool_outputs(new).is_dir()
    assert not project.layout.tool_outputs(old).exists()
    assert project.layout.summary_md(old).exists()
