"""``doctor --agents`` says of each agent whether it can be called, and what to do where not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.work.agents import ADAPTERS

KEY = "hunter2hunter2hunter2"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Programs that print a version; nothing else is on PATH but the system's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for adapter in ADAPTERS.values():
        for name in adapter.contract.credentials:
            monkeypatch.delenv(name, raising=False)

    def make(**versions: str) -> None:
        for name, version in versions.items():
            program = folder / name
            program.write_text(f"#!/bin/sh\necho {name} {version}\n")
            program.chmod(0o755)

    return make


@pytest.fixture
def doctor(pipeline: Callable[..., Any], checkout: Path) -> Callable[..., Any]:
    def ask(config: dict[str, Any], **bundle: Any) -> tuple[int, dict[str, Any]]:
        (checkout / "pipeline.yaml").write_text(json.dumps(config))
        (checkout / "workstreams").mkdir(exist_ok=True)
        whole = {"id": "a", "tasks": ["Do."], "files_create": ["a"], "acceptance_tests": ["true"]}
        (checkout / "workstreams" / "a.json").write_text(json.dumps({**whole, **bundle}))
        shown = pipeline("doctor", "--agents", "--format", "json", "--repo", checkout)
        assert KEY not in shown.out + shown.err
        return shown.code, json.loads(shown.out)

    return ask


def of(document: dict[str, Any], tool: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    (agent,) = (a for a in document["agents"] if a["tool"] == tool)
    return agent, [c for c in document["checkups"] if c["name"] == tool]


def test_an_agent_that_can_be_called_is_well(programs, doctor, monkeypatch):
    programs(claude="2.1.197")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    code, document = doctor({"tools": {"claude": {"driver": "claude"}}}, tool="claude")
    agent, (checkup,) = of(document, "claude")
    assert (code, checkup["fitness"]) == (0, "ok")
    assert (agent["version"], agent["is_version_known"], agent["breaker"]) == (
        "2.1.197", True, "closed",
    )  # fmt: skip
    assert agent["credentials"]["ANTHROPIC_API_KEY"] is True
    assert agent["credentials"]["ANTHROPIC_AUTH_TOKEN"] is False


def test_a_named_agent_that_cannot_be_called_is_told_with_remedies(programs, doctor):
    programs(claude="9.9.9")
    code, document = doctor({"tools": {"claude": {"driver": "claude"}}}, tool="claude")
    agent, found = of(document, "claude")
    assert code == 3
    assert {c["fitness"] for c in found} == {"bad"}
    assert [bool(c["remedy"]) for c in found] == [True, True]
    assert "9.9.9" in found[0]["message"]
    assert "ANTHROPIC_API_KEY" in found[1]["remedy"]
    assert agent["is_version_known"] is False


def test_of_those_to_choose_from_one_is_enough(programs, doctor, monkeypatch):
    programs(claude="2.1.0")
    tools = {"claude": {"driver": "claude"}, "aider": {"driver": "aider"}}
    config = {"tools": tools, "routing": {"tools": ["aider", "claude"]}}
    assert doctor(config, tool="auto")[0] == 3
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    code, document = doctor(config, tool="auto")
    assert code == 0
    assert {c["fitness"] for c in of(document, "aider")[1]} == {"note"}


def test_agents_that_nobody_uses_are_listed_and_no_concern(programs, doctor):
    programs()
    code, document = doctor({}, tool_args={"command": ["true"]})
    assert code == 0
    assert {a["tool"] for a in document["agents"]} == set(ADAPTERS)
    assert {c["fitness"] for c in document["checkups"]} == {"note"}


def test_a_profile_names_its_own_program_and_variable(programs, doctor, monkeypatch):
    programs(mine="2.1.5")
    monkeypatch.setenv("MY_KEY", KEY)
    profile = {"driver": "claude", "command": ["mine"], "agent": {"api_key": "env:MY_KEY"}}
    code, document = doctor({"tools": {"own": profile}}, tool="own")
    agent, _ = of(document, "own")
    assert (code, agent["program"], agent["credentials"]) == (0, "mine", {"MY_KEY": True})


def test_the_text_names_the_next_step(programs, pipeline, checkout):
    programs()
    shown = pipeline("doctor", "--agents", "--repo", checkout)
    assert shown.code == 0
    assert any(line.startswith("note") and "not on PATH" in line for line in shown.lines)


def test_a_wrong_configuration_is_told_beside_the_agents(doctor):
    code, document = doctor({"tools": {"claude": {"driver": "claude", "agent": {"modle": "x"}}}})
    first = document["checkups"][0]
    assert (code, first["name"], first["fitness"]) == (3, "specification", "bad")


def test_without_the_option_agents_in_use_are_named(doctor, pipeline, checkout):
    doctor({"tools": {"claude": {"driver": "claude"}}}, tool="claude")
    told = json.loads(pipeline("doctor", "--format", "json", "--repo", checkout).out)["checkups"]
    assert [c["message"] for c in told if c["name"] == "agents"] == ["not looked at here: claude"]
