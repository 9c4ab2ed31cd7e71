"""Routing in real runs: chosen tools, fallbacks, breakers, turns, and what is recorded of them."""

import json
from collections import Counter

import pytest
from scripted_agents import DRIVER, Agents, Scripted, fails, writes

from pipeline.base.schema import violations
from pipeline.flow.routing import turns_of
from pipeline.model import codec
from pipeline.model.agent import AgentSettings
from pipeline.model.check import ToolProfile
from pipeline.model.config import Config, RoutingConfig
from pipeline.model.event import EventType
from pipeline.model.routing import Decision, RoutingInputs
from pipeline.report.routing import ASSIGNMENTS, DECISIONS
from pipeline.work.agents import ADAPTERS
from pipeline.work.routing import decide


@pytest.fixture
def agents(tmp_path, monkeypatch):
    monkeypatch.setitem(ADAPTERS, DRIVER, Scripted())
    return Agents(tmp_path / "agents")


@pytest.fixture
def configure(project):
    """Profiles and routing; nothing waits for long."""

    def write(profiles, routing, **sections):
        project.configure(
            tools=profiles,
            routing=routing,
            **{
                "repair": {"retries": 0, "backoff_s": 0.01, "backoff_max_s": 0.02},
                "run": {"jobs": 1},
                **sections,
            },
        )

    return write


def auto(project, *names, **fields):
    for name in names:
        project.bundle(name, files_create=[f"{name}.txt"], tool="auto", **fields)


def export(project, summary, name):
    """An export of a run, checked against its schema and its own digest."""
    path = project.top / ".pipeline" / "runs" / summary.run_id / name
    content = json.loads(path.read_text())
    assert list(violations(name.replace(".json", ".v1.json"), content)) == []
    assert content.pop("sha256") == codec.digest(content)
    return content


def decisions(project, summary):
    return export(project, summary, DECISIONS)["decisions"]


def events(project, summary, kind):
    with project.records() as records:
        return list(records.events(summary.run_id, types={kind}))


def every(*names):
    return writes(**dict.fromkeys(names, "x\n"))


def test_what_fails_is_replaced_and_the_decisions_can_be_repeated(
    project, ended, agents, configure
):
    profiles = {
        "first": agents.profile("first", fails("no_credentials", "Log in.")),
        "other": agents.profile("other", every("one")),
        "chained": agents.profile("chained", every("one")),
    }
    configure(profiles, {"tools": ["first", "other"], "fallback": {"first": ["chained"]}})
    auto(project, "one")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    found = decisions(project, summary)
    assert [d["selected_tool"] for d in found] == ["first", "chained"]
    assert found[1]["metadata"]["instead_of"] == "first"
    assert found[1]["inputs"]["failed"] == ["first"]
    for event in events(project, summary, EventType.ROUTING_DECIDED):
        again = decide(codec.decode(RoutingInputs, event.payload["inputs"]))
        assert again == codec.decode(Decision, event.payload["decision"])
    made = export(project, summary, ASSIGNMENTS)["assignments"]
    assert [(a["tool"], a["state"], a["decision"]) for a in made] == [
        ("first", "failed", found[0]["seq"]),
        ("chained", "succeeded", found[1]["seq"]),
    ]
    assert made[1]["request"]["tool"] == "chained"
    assert list(violations("execution_request.v1.json", made[1]["request"])) == []
    assert list(violations("router_config.v1.json", found[0]["inputs"]["config"])) == []


def test_a_named_tool_has_its_chain_and_no_other(project, ended, agents, configure):
    profiles = {
        "named": agents.profile("named", fails("quota")),
        "chained": agents.profile("chained", every("one")),
    }
    configure(profiles, {"fallback": {"named": ["chained"]}})
    auto(project, "one")
    project.bundle("one", files_create=["one.txt"], tool="named")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    (found,) = decisions(project, summary)
    assert (found["selected_tool"], found["inputs"]["wanted"]) == ("chained", "named")


def test_a_breaker_spares_the_other_workstreams(project, ended, agents, configure):
    profiles = {
        "down": agents.profile("down", fails("quota", "Used up.")),
        "good": agents.profile("good", every("p"), every("q"), every("r")),
    }
    configure(profiles, {"tools": ["down", "good"], "breaker_failures": 1})
    auto(project, "p")
    auto(project, "q", depends_on=["p"])
    auto(project, "r", depends_on=["q"])
    summary = project.run()
    assert ended(summary) == dict.fromkeys("pqr", "done")
    assert len(agents.prompts("down")) == 1
    (tripped,) = events(project, summary, EventType.BREAKER_TRIPPED)
    assert tripped.payload["kind"] == "tool"
    assert (tripped.payload["tool"], tripped.payload["to"]) == ("down", "open")
    replaced = [
        e.payload
        for e in events(project, summary, EventType.TOOL_FALLBACK)
        if e.payload["code"] == "breaker"
    ]
    assert replaced == [{"from": "down", "to": "good", "code": "breaker"}] * 2
    assert decisions(project, summary)[-1]["inputs"]["breakers"] == {"down": "open"}


def test_where_only_rest_keeps_a_tool_from_it_one_waits_and_asks(project, ended, agents, configure):
    """The second workstream may ask nobody but the tool that rests: it makes the trial."""
    profiles = {
        "tired": agents.profile("tired", fails("rate_limit"), every("late")),
        "spare": agents.profile("spare", every("early")),
    }
    routing = {
        "tools": ["tired", "spare"],
        "rules": [{"phase": ["second"], "use": ["tired"]}],
        "breaker_failures": 1,
        "breaker_rest_s": 1.0,
    }
    configure(profiles, routing)
    auto(project, "early")
    auto(project, "late", depends_on=["early"], phase="second")
    summary = project.run()
    assert ended(summary) == {"early": "done", "late": "done"}
    kinds = [e.payload["to"] for e in events(project, summary, EventType.BREAKER_TRIPPED)]
    assert kinds == ["open", "closed"]
    assert len(agents.prompts("tired")) == 2
    last = decisions(project, summary)[-1]["inputs"]
    assert last["breakers"] == {"tired": "half_open"}


@pytest.mark.parametrize("jobs", [1, 4])
def test_turns_depend_on_the_plan_and_not_on_who_is_first(project, ended, agents, configure, jobs):
    names = ("w1", "w2", "w3", "w4")
    profiles = {name: {**agents.profile(name, {}), "driver": "command"} for name in ("x", "y")}
    configure(profiles, {"tools": ["x", "y"], "strategy": "round_robin"}, run={"jobs": jobs})
    auto(project, *names)
    summary = project.run()
    first = {}
    for found in decisions(project, summary):
        first.setdefault(found["task_id"], found["selected_tool"])
    assert first == {"w1": "x", "w2": "y", "w3": "x", "w4": "y"}


def test_metrics_learn_from_earlier_runs_alone(project, ended, agents, configure):
    profiles = {
        "weak": agents.profile("weak", fails("malformed_edits")),
        "able": agents.profile("able", every("p"), every("q"), every("q")),
    }
    configure(profiles, {"tools": ["weak", "able"], "strategy": "metrics"})
    auto(project, "p")
    early = decisions(project, project.run())
    assert [d["selected_tool"] for d in early] == ["weak", "able"]
    assert early[1]["inputs"]["experience"] == []
    auto(project, "q")
    later = decisions(project, project.run())
    assert {d["selected_tool"] for d in later} == {"able"}
    counted = Counter({e["tool"]: e["attempts"] for e in later[0]["inputs"]["experience"]})
    assert counted == {"weak": 1, "able": 1}


def test_a_conflict_is_a_task_of_its_own_kind(project, ended, agents, configure):
    """Both change one file; the second comes back from landing, to a tool that is chosen anew."""
    profiles = {
        "editor": agents.profile("editor", writes(a="1\n"), writes(a="2\n"), concurrency=1),
        "merger": agents.profile("merger", writes(a="both\n")),
    }
    rules = [{"task_kind": ["conflict"], "use": ["merger"]}]
    configure(profiles, {"tools": ["editor"], "rules": rules})
    for name, other in (("v", "w"), ("w", "v")):
        project.bundle(name, files_scope=["a.txt"], tool="auto", allow_overlap=[other])
    summary = project.run()
    assert ended(summary) == {"v": "done", "w": "done"}
    found = [(d["task_kind"], d["selected_tool"]) for d in decisions(project, summary)]
    assert Counter(found) == {("edit", "editor"): 2, ("conflict", "merger"): 1}
    assert all(d["inputs"]["task"]["bytes"] > 0 for d in decisions(project, summary))


def test_runs_without_routing_record_no_decision(project, ended):
    project.writes("one", "one.txt", "x\n")
    summary = project.run()
    assert ended(summary) == {"one": "done"}
    assert decisions(project, summary) == []
    (made,) = export(project, summary, ASSIGNMENTS)["assignments"]
    assert (made["tool"], made["adapter"], made["decision"]) == ("command", "command", None)
    assert made["request"] is None


def test_limits_of_tools_and_pools_are_taken_in_one_order():
    def profile(name, provider, concurrency=None):
        agent = AgentSettings(provider=provider)
        return ToolProfile(name, agent=agent, concurrency=concurrency)

    tools = [profile("a", "p", 2), profile("b", "p"), profile("c", "q", 1), profile("d", "r")]
    config = Config(tools={t.id: t for t in tools}, routing=RoutingConfig(pools={"p": 1, "q": 3}))
    turns = turns_of(config)
    assert {name: len(found) for name, found in turns.items()} == {"a": 2, "b": 1, "c": 2}
    (pool,) = turns["b"]
    assert turns["a"][1] is pool
    assert turns["a"][0].acquire(blocking=False)
    assert turns["a"][0].acquire(blocking=False)
    assert pool.acquire(blocking=False)
    assert not pool.acquire(blocking=False)
