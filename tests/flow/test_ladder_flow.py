"""The ladder in real runs: rungs, fallbacks, waiting, classes, flaky gates, exports."""

import json
import random
import sys

import pytest
from scripted_agents import DRIVER, Agents, Scripted, fails, writes

from pipeline.base.errors import InterruptedRunError
from pipeline.base.schema import violations
from pipeline.flow.run import Watch
from pipeline.model import codec
from pipeline.model.agent import AgentFailure
from pipeline.model.event import EventType
from pipeline.model.states import FINAL, STARTABLE
from pipeline.work.agents import ADAPTERS

PYTHON = [sys.executable, "-S", "-c"]
RIGHT = [*PYTHON, "assert open('a.txt').read() == 'right\\n'"]


@pytest.fixture
def agents(tmp_path, monkeypatch):
    monkeypatch.setitem(ADAPTERS, DRIVER, Scripted())
    return Agents(tmp_path / "agents")


def attempts(project, summary, ws_id="one", step=None):
    with project.records() as records:
        found = records.attempts(summary.run_id, ws_id)
    return [a for a in found if step in (None, a.step)]


def events(project, summary, kind):
    with project.records() as records:
        return list(records.events(summary.run_id, types={kind}))


def tools(found):
    return [attempt.tool for attempt in found]


def one(project, tool, **fields):
    project.bundle(
        "one", **{"files_scope": ["a.txt"], "acceptance_tests": [RIGHT], "tool": tool, **fields}
    )


def configure(project, profiles, *, repair=None, **sections):
    project.configure(
        tools=profiles,
        repair={"backoff_s": 0.01, "backoff_max_s": 0.02, **(repair or {})},
        review={"on": []},
        **sections,
    )


def test_rungs_are_climbed_in_order_each_with_its_cap(project, ended, agents):
    """The own tool may be asked twice, then another profile, which repairs it."""
    configure(
        project,
        {
            "own": agents.profile("own", writes(a="w0\n"), writes(a="w1\n"), writes(a="w2\n")),
            "better": agents.profile("better", writes(a="right\n")),
        },
        repair={"fix": ["mechanical", "tool", "better"], "rung_attempts": 2},
        breakers={"max_attempts": 9, "max_error_repeats": 9},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    fixes = attempts(project, summary, step="fix")
    assert [(a.details["rung"], a.tool) for a in fixes if a.tool != "mechanical"] == [
        ("tool", "own"),
        ("tool", "own"),
        ("better", "better"),
    ]
    ladder = [a.details["ladder"] for a in fixes if a.tool != "mechanical"]
    assert ladder == ["agent_1", "agent_2", "agent_3"]


def test_a_rung_whose_error_stays_leaves_it_to_the_next(project, ended, agents):
    configure(
        project,
        {
            "own": agents.profile("own", writes(a="w0\n"), writes(a="w1\n"), writes(a="w2\n")),
            "better": agents.profile("better", writes(a="w3\n"), writes(a="right\n")),
        },
        repair={"fix": ["tool", "better"], "rung_attempts": 5},
        breakers={"max_attempts": 9, "max_error_repeats": 2},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    assert tools(attempts(project, summary, step="fix")) == ["own", "own", "better", "better"]


def test_all_rungs_together_end_at_the_breakers_number(project, ended, agents):
    configure(
        project,
        {
            "own": agents.profile("own", *(writes(a=f"w{n}\n") for n in range(9))),
            "other": agents.profile("other", *(writes(a=f"o{n}\n") for n in range(9))),
        },
        repair={"fix": ["tool", "other"], "rung_attempts": 2},
        breakers={"max_attempts": 3, "max_error_repeats": 9},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "quarantined"}
    assert tools(attempts(project, summary, step="fix")) == ["own", "own", "other"]
    assert "3 attempts of the step fix" in summary.workstreams[0].reason


def test_rate_limit_is_waited_for_and_costs_no_attempt(project, ended, agents):
    limited = fails("rate_limit", "429, try later")
    configure(
        project,
        {"own": agents.profile("own", limited, limited, writes(a="right\n"))},
        breakers={"max_attempts": 1},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    edits = attempts(project, summary, step="edit")
    assert [a.details.get("classification") for a in edits] == [
        "infrastructure",
        "infrastructure",
        None,
    ]
    pauses = [a.details["asked_again_in_s"] for a in edits[:2]]
    assert 0.0075 <= pauses[0] <= 0.0125
    assert pauses[1] <= 0.02
    told = events(project, summary, EventType.ATTEMPT_FINISHED)
    assert [e.payload.get("asked_again_in_s") for e in told if e.step == "edit"] == [*pauses, None]
    assert agents.prompts("own")[0] == agents.prompts("own")[2]


def test_a_fault_that_does_not_pass_ends_after_its_retries(project, ended, agents):
    configure(
        project,
        {"own": agents.profile("own", fails("unreachable", "connection refused"))},
        repair={"retries": 2},
        breakers={"max_attempts": 1},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "failed"}
    assert len(attempts(project, summary, step="edit")) == 3
    assert "No other tool is left" in summary.workstreams[0].reason


def test_only_faults_of_the_surroundings_are_waited_for(project, ended, agents):
    configure(
        project,
        {"own": agents.profile("own", fails("no_edits", "I only talk"), writes(a="right\n"))},
        repair={"backoff_s": 60.0, "backoff_max_s": 60.0},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    first = attempts(project, summary, step="edit")[0]
    assert first.details["classification"] == "needs_agent"
    assert "asked_again_in_s" not in first.details
    assert "I only talk" in agents.prompts("own")[1]


@pytest.mark.parametrize("failure", ["no_edits", "malformed_edits", "quota", "no_credentials"])
def test_a_tool_that_cannot_do_it_is_replaced_by_its_fallback(project, ended, agents, failure):
    configure(
        project,
        {
            "own": agents.profile("own", fails(failure, "it did not work out")),
            "other": agents.profile("other", writes(a="right\n")),
        },
        routing={"fallback": {"own": ["other"]}},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    assert tools(attempts(project, summary, step="edit")) == ["own", "other"]
    (told,) = events(project, summary, EventType.TOOL_FALLBACK)
    assert (told.payload["from"], told.payload["to"]) == ("own", "other")
    assert "it did not work out" in told.payload["why"]


def test_fallback_after_retries_are_spent_also_in_repair(project, ended, agents):
    limited = fails("rate_limit", "429")
    configure(
        project,
        {
            "own": agents.profile("own", writes(a="wrong\n"), limited),
            "other": agents.profile("other", writes(a="right\n")),
        },
        repair={"fix": ["tool"], "retries": 1},
        routing={"fallback": {"own": ["other"]}},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    fixes = attempts(project, summary, step="fix")
    assert tools(fixes) == ["own", "own", "other"]
    assert {a.details["rung"] for a in fixes} == {"tool"}


def test_a_rung_without_a_fit_tool_is_passed_over(project, ended, agents):
    configure(
        project,
        {
            "own": agents.profile("own", writes(a="wrong\n"), fails("quota", "no money")),
            "other": agents.profile("other", writes(a="right\n")),
        },
        repair={"fix": ["tool", "other"]},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    assert tools(attempts(project, summary, step="fix")) == ["own", "other"]


def test_an_edit_out_of_scope_is_thrown_away_and_told(project, ended, agents):
    configure(
        project,
        {"own": agents.profile("own", writes(a="right\n", b="mine\n"), writes(a="right\n"))},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    assert project.show(summary.integration_branch, "b.txt") == "b"
    before, after = agents.prompts("own")
    assert "b.txt" not in before
    assert "b.txt" in after
    first = attempts(project, summary, step="edit")[0]
    assert first.details["classification"] == "needs_agent"


def test_earlier_attempts_are_told_with_their_tools(project, ended, agents):
    configure(
        project,
        {
            "own": agents.profile(
                "own", fails("malformed_edits", "no such block"), writes(b="x\n")
            ),
            "other": agents.profile("other", writes(b="x\n"), writes(a="right\n")),
        },
        routing={"fallback": {"own": ["other"]}},
        breakers={"max_attempts": 5},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    first, second = agents.prompts("other")
    assert "own failed: malformed edits. no such block" in first
    assert "edit attempt 1 with own: own failed: malformed edits. no such block." in second


FLAKY = """
import os, sys
if not os.path.exists(sys.argv[1]):
    open(sys.argv[1], "w")
    sys.exit("unlucky")
"""


def test_a_flaky_gate_is_recorded_and_not_repaired(project, ended, agents, tmp_path):
    flaky = {"name": "moody", "command": [*PYTHON, FLAKY, str(tmp_path / "mark")]}
    configure(
        project,
        {"own": agents.profile("own", writes(a="right\n"))},
        repair={"reruns": 1, "fix": ["tool"]},
    )
    one(project, "own", acceptance_tests=[flaky])
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    assert attempts(project, summary, step="fix") == []
    (gate,) = attempts(project, summary, step="runtime")
    assert gate.state == "succeeded"
    assert gate.details["classification"] == "flaky"
    assert [f.code for f in gate.findings] == ["flaky"]
    (told,) = events(project, summary, EventType.GATE_FLAKY)
    assert told.payload["checks"][0]["results"] == ["failed", "passed"]
    with project.records() as records:
        rows = records.query("SELECT result FROM verdicts WHERE content LIKE '%moody%'")
    assert rows == [("failed",)]
    (task,) = exported(project, summary, "error_analysis")["tasks"]
    assert (task["error_type"], task["classification"]) == ("runtime_flaky", "flaky")
    assert task["recommended_action"] == "stabilise_test"


def test_without_reruns_the_same_gate_is_red(project, ended, agents, tmp_path):
    flaky = {"name": "moody", "command": [*PYTHON, FLAKY, str(tmp_path / "mark")]}
    configure(project, {"own": agents.profile("own", writes(a="right\n"))}, repair={"fix": []})
    one(project, "own", acceptance_tests=[flaky])
    assert ended(project.run()) == {"one": "quarantined"}


def test_a_gate_that_stays_red_is_red_however_often_it_is_run(project, ended, agents):
    configure(
        project,
        {"own": agents.profile("own", writes(a="wrong\n"))},
        repair={"reruns": 3, "fix": []},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "quarantined"}
    (gate,) = attempts(project, summary, step="runtime")
    assert gate.details["classification"] == "needs_agent"
    assert events(project, summary, EventType.GATE_FLAKY) == []


def test_a_rerun_that_could_not_run_leaves_the_gate_red(project, ended, agents, tmp_path):
    """Exit code 127 says that a program is missing: nothing is known of the tree by that."""
    code = FLAKY.replace('"unlucky")', "1)") + "sys.exit(127)"
    odd = {"name": "odd", "command": [*PYTHON, code, str(tmp_path / "mark")]}
    configure(
        project,
        {"own": agents.profile("own", writes(a="right\n"))},
        repair={"reruns": 2, "fix": []},
    )
    one(project, "own", acceptance_tests=[odd])
    summary = project.run()
    (gate,) = attempts(project, summary, step="runtime")
    assert gate.details["result"] == "failed"
    assert gate.details["classification"] == "needs_agent"
    assert events(project, summary, EventType.GATE_FLAKY) == []


def exported(project, summary, name, ws_id=""):
    """An export that is valid against its schema and whose checksum is right."""
    path = getattr(project.layout, name)(summary.run_id, ws_id)
    content = json.loads(path.read_text())
    assert list(violations(f"{name}.v1.json", content)) == []
    rest = {key: value for key, value in content.items() if key != "sha256"}
    assert content["sha256"] == codec.digest(rest)
    return content


def test_exports_tell_what_failed_and_what_repairs_came_to(project, ended, agents):
    configure(
        project,
        {
            "own": agents.profile(
                "own", writes(a="wrong\n"), writes(a="still\n"), writes(b="no\n", a="x\n")
            ),
            "other": agents.profile("other", writes(a="right\n")),
        },
        repair={"fix": ["mechanical", "tool", "other"]},
        breakers={"max_attempts": 9, "max_error_repeats": 9},
    )
    one(project, "own")
    red = [[*PYTHON, "assert 0"]]
    project.writes("lost", "c.txt", "C\n", acceptance_tests=red, fix=["mechanical"])
    project.writes("fine", "d.txt", "D\n")
    summary = project.run()
    assert ended(summary) == {"one": "done", "lost": "quarantined", "fine": "done"}
    told = {task["task_id"]: task for task in exported(project, summary, "error_analysis")["tasks"]}
    assert set(told) == {"one", "lost"}
    good, bad = told["one"], told["lost"]
    assert (good["recommended_action"], good["ladder_state"]) == ("none", "success")
    assert good["fix_agent"] == "other"
    assert (good["error_type"], good["classification"]) == ("scope", "needs_agent")
    assert {"own", "mechanical", "other"} < set(good["plugins_run"])
    assert (bad["error_type"], bad["classification"]) == ("runtime_failed", "needs_agent")
    assert (bad["ladder_state"], bad["fix_agent"]) == ("quarantine", None)
    assert bad["recommended_action"] == "ask_agent"
    assert "AssertionError" in bad["issues"][0]["message"]
    content = exported(project, summary, "fix_patches")
    assert not content["retry_recommended"]
    assert [(p["file"], p["applied"], p["validated"]) for p in content["patches"]] == [
        ("a.txt", True, False),
        ("a.txt", False, False),
        ("b.txt", False, False),
        ("a.txt", True, True),
    ]
    assert "+right" in content["patches"][-1]["diff"]
    alone = exported(project, summary, "error_analysis", "lost")
    assert [task["task_id"] for task in alone["tasks"]] == ["lost"]
    assert not project.layout.error_analysis(summary.run_id, "fine").exists()


def test_a_fault_of_the_surroundings_recommends_to_try_again(project, agents):
    configure(
        project,
        {"own": agents.profile("own", fails("unreachable", "refused"))},
        repair={"retries": 0},
    )
    one(project, "own")
    summary = project.run()
    assert exported(project, summary, "fix_patches")["retry_recommended"]
    (task,) = exported(project, summary, "error_analysis")["tasks"]
    assert (task["error_type"], task["recommended_action"]) == ("unreachable", "retry")


def test_a_secret_in_a_patch_is_not_exported(project, ended, agents):
    key = "AKIA" + "Z7Q4M2X9P3L8W5T6"
    configure(
        project,
        {"own": agents.profile("own", writes(a="wrong\n"), writes(a=f"key = '{key}'\n"))},
        repair={"fix": ["tool"], "rung_attempts": 1},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "quarantined"}
    fix = attempts(project, summary, step="fix")[0]
    assert fix.details["classification"] == "needs_human"
    assert [p["diff"] for p in exported(project, summary, "fix_patches")["patches"]] == [""]


def test_the_agent_rung_asks_whom_the_routing_chooses_and_keeps_to_it(project, ended, agents):
    configure(
        project,
        {
            "weak": agents.profile("weak", fails("refused", "no"), writes(a="right\n")),
            "strong": agents.profile("strong", writes(a="still\n"), writes(a="right\n")),
        },
        repair={"fix": ["agent"], "rung_attempts": 3},
        routing={"tools": ["weak", "strong"]},
        breakers={"max_attempts": 9, "max_error_repeats": 9},
    )
    project.writes("one", "a.txt", "wrong\n", acceptance_tests=[RIGHT])
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    fixes = attempts(project, summary, step="fix")
    assert tools(fixes) == ["weak", "strong", "strong"]
    assert [a.details["ladder"] for a in fixes] == ["agent_1", "agent_2", "agent_3"]


def test_a_run_that_waits_can_be_stopped_and_carried_on(project, ended, agents):
    """The pause is most of an hour; only the fault is stored, so the next run waits on."""
    configure(
        project,
        {"own": agents.profile("own", fails("rate_limit", "429"), writes(a="right\n"))},
        repair={"backoff_s": 3000.0, "backoff_max_s": 3600.0},
    )
    one(project, "own")

    def has_failed():
        with project.records() as records:
            run_id = records.runs(limit=1)[0].run_id
            done = [a for a in records.attempts(run_id, "one") if a.state == "failed"]
        return "enough" if done else ""

    for _ in range(2):
        with pytest.raises(InterruptedRunError):
            project.run(watch=Watch(should_stop=has_failed))
    assert len(agents.prompts("own")) == 1
    with project.records() as records:
        (run,) = records.runs(limit=9)
        (only,) = records.attempts(run.run_id, "one")
    assert only.details["asked_again_in_s"] > 2000


def test_a_prompt_that_is_too_long_is_not_sent_again(project, ended, agents):
    too_long = fails("context_too_long", "maximum context length")
    configure(project, {"own": agents.profile("own", too_long)}, breakers={"max_attempts": 5})
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "failed"}
    assert len(agents.prompts("own")) == 1


def test_a_fault_that_passed_is_not_held_against_a_tool(project, ended, agents):
    turns = (fails("rate_limit", "429"), fails("no_edits", "words"), writes(a="right\n"))
    configure(project, {"own": agents.profile("own", *turns)})
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    assert len(agents.prompts("own")) == 3


def test_a_chosen_tool_is_asked_again_as_the_own_one(project, ended, agents):
    configure(
        project,
        {
            "first": agents.profile("first", fails("refused", "no")),
            "second": agents.profile("second", writes(a="wrong\n"), writes(a="right\n")),
        },
        repair={"fix": ["tool"]},
        routing={"tools": ["first", "second"]},
    )
    one(project, "auto")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    made = [a for a in attempts(project, summary) if a.step in ("edit", "fix")]
    assert [(a.step.value, a.tool) for a in made] == [
        ("edit", "first"),
        ("edit", "second"),
        ("fix", "second"),
    ]


def test_a_file_that_became_a_link_is_exported_in_both_its_parts(project, ended, agents):
    configure(
        project,
        {"own": agents.profile("own", writes(a="wrong\n"), {"link": {"a.txt": "c.txt"}})},
        repair={"fix": ["tool"], "rung_attempts": 1},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "quarantined"}
    patches = exported(project, summary, "fix_patches")["patches"]
    assert [p["file"] for p in patches] == ["a.txt", "a.txt"]
    assert ["deleted file" in p["diff"] for p in patches] == [True, False]


@pytest.mark.parametrize("seed", range(4))
def test_however_agents_fail_a_run_ends_within_its_bounds(project, agents, seed):
    chance = random.Random(seed)
    turns = [fails(failure.value, "so it is") for failure in AgentFailure]
    turns += [writes(a="wrong\n"), writes(a="still\n"), writes(b="out\n"), writes(a="right\n")]
    names = ("own", "other")
    configure(
        project,
        {name: agents.profile(name, *chance.choices(turns, k=12)) for name in names},
        repair={"fix": ["tool", "other"], "retries": 1, "backoff_s": 0.0},
        routing={"fallback": {"own": ["other"]}, "breaker_rest_s": 0.05},
        breakers={"max_attempts": 3},
    )
    one(project, "own")
    summary = project.run()
    assert summary.workstreams[0].status in FINAL
    for step, rungs in (("edit", 1), ("fix", 2)):
        made = attempts(project, summary, step=step)
        void = [a for a in made if a.details.get("classification") == "infrastructure"]
        assert len(made) - len(void) <= 3
        assert len(void) <= 2 * len(names) * (3 + rungs)


def test_a_profile_without_feedback_is_a_fixer_and_costs_no_attempt(project, ended, agents):
    """One that cannot be started is passed over, one that repairs comes before any tool."""
    mends = "import pathlib; pathlib.Path('a.txt').write_text('right\\n')"
    configure(
        project,
        {
            "own": agents.profile("own", writes(a="wrong\n")),
            "gone": {"driver": "command", "command": [*PYTHON, "raise SystemExit(3)"]},
            "mender": {"driver": "command", "command": [*PYTHON, mends]},
        },
        repair={"fix": ["tool", "gone", "mender"]},
        breakers={"max_attempts": 1},
    )
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    fixes = attempts(project, summary, step="fix")
    assert tools(fixes) == ["gone", "mender"]
    assert [a.details["ladder"] for a in fixes] == ["mechanical_fix", "mechanical_fix"]


def test_an_own_tool_without_feedback_leaves_the_repair_to_the_next_rung(project, ended, agents):
    configure(
        project,
        {"other": agents.profile("other", writes(a="right\n"))},
        repair={"fix": ["tool", "other"]},
    )
    project.writes("one", "a.txt", "wrong\n", acceptance_tests=[RIGHT])
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    assert tools(attempts(project, summary, step="fix")) == ["other"]


def test_arguments_for_the_own_tool_are_not_another_tools(project, ended, agents):
    """The bundle's command makes the edit; the fixer runs its own."""
    mends = "import pathlib; pathlib.Path('a.txt').write_text('right\\n')"
    configure(
        project,
        {"mender": {"driver": "command", "command": [*PYTHON, mends]}},
        repair={"fix": ["mender"]},
    )
    project.writes("one", "a.txt", "wrong\n", acceptance_tests=[RIGHT])
    assert ended(project.run()) == {"one": "done"}


def test_what_awaits_a_person_is_exported_too(project, ended, agents):
    configure(
        project,
        {"own": agents.profile("own", writes(a="wrong\n"), writes(a="still\n"))},
        repair={"fix": ["tool"], "rung_attempts": 1},
    )
    project.configure(review={"on": ["ladder"]})
    one(project, "own")
    summary = project.run()
    assert ended(summary) == {"one": "awaiting_review"}
    (task,) = exported(project, summary, "error_analysis", "one")["tasks"]
    assert (task["status"], task["ladder_state"]) == ("awaiting_review", "quarantine")
    assert (task["recommended_action"], task["fix_agent"]) == ("ask_human", "own")
    assert task in exported(project, summary, "error_analysis")["tasks"]


def test_who_waits_keeps_nobody_from_the_tool(project, agents):
    """The tool runs once at a time; while one workstream waits for an hour, two use it."""
    turns = (fails("rate_limit", "429"), writes(a="right\n"))
    configure(
        project,
        {"own": agents.profile("own", *turns, concurrency=1)},
        repair={"backoff_s": 3000.0, "backoff_max_s": 3600.0},
    )
    names = ("one", "two", "three")
    for name in names:
        one(project, "own", id=name, allow_overlap=[other for other in names if other != name])
        (project.top / "workstreams/one.json").rename(project.top / f"workstreams/{name}-x.json")
    polls = []

    def is_enough():
        polls.append(None)
        with project.records() as records:
            run_id = records.runs(limit=1)[0].run_id
            states = [ws.state for ws in records.workstreams(run_id)]
        through = [state for state in states if state in STARTABLE]
        return "enough" if len(through) == 2 or len(polls) > 200 else ""

    with pytest.raises(InterruptedRunError):
        project.run(watch=Watch(should_stop=is_enough))
    with project.records() as records:
        run_id = records.runs(limit=1)[0].run_id
        states = [ws.state for ws in records.workstreams(run_id)]
    assert states.count("editing") == 1
    assert sum(state in STARTABLE for state in states) == 2
