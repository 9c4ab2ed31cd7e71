"""A routing that leaves a task without a tool is found before anything runs."""

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., dict[str, Any]]

TOOLS = """\
tools:
  aider: {driver: aider, agent: {provider: openai, tier: 1}}
  claude: {driver: claude, agent: {provider: anthropic, tier: 3}}
  deaf: {command: [codemod], takes_feedback: false}
"""


@pytest.mark.parametrize(
    ("routing", "expected"),
    [
        ("{tools: [aidr]}", "$.routing.tools[0] names the tool `aidr`, which does not exist. Did"),
        ("{rules: [{use: [aider, x]}]}", "$.routing.rules[0].use[1] names the tool `x`"),
        ("{tools: [patch]}", "$.routing.tools[0] names `patch`, which does only what one bundle"),
        ("{tools: [command]}", "$.routing.tools[0] names `command`, which does only what one"),
        ("{fallback: {nobody: [aider]}}", "$.routing.fallback.nobody names the tool `nobody`"),
        ("{fallback: {aider: [nobody]}}", "$.routing.fallback.aider[0] names the tool `nobody`"),
        ("{fallback: {aider: [aider]}}", "goes in a circle: aider → aider. Remove one of these"),
        (
            "{fallback: {aider: [claude], claude: [deaf], deaf: [aider]}}",
            "$.routing.fallback.aider goes in a circle: aider → claude → deaf → aider.",
        ),
        (
            "{rules: [{use: [aider], min_tier: 2}]}",
            "$.routing.rules[0].min_tier asks for the tier 2, which no tool of `use` has.",
        ),
        (
            "{rules: [{use: [aider], phase: [secnd]}]}\nphases: {second: {}}",
            "$.routing.rules[0].phase[0] names the phase `secnd`, which does not exist. Did you",
        ),
        ("{pools: {opnai: 1}}", "$.routing.pools.opnai warning: limits the provider `opnai`"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(folder: Any, routing: str, expected: str):
    folder.write("pipeline.yaml", f"{TOOLS}routing: {routing}\n")
    assert [c for c in folder.complaints() if expected in c], folder.complaints()


def test_a_circle_is_told_once(folder: Any):
    folder.write(
        "pipeline.yaml", f"{TOOLS}routing: {{fallback: {{aider: [claude], claude: [aider]}}}}"
    )
    assert sum("goes in a circle" in c for c in folder.complaints()) == 1


@pytest.mark.parametrize(
    ("routing", "fields", "expected"),
    [
        ("{}", {"tool": "auto"}, "$.tool leaves the choice to the routing, but no rule holds"),
        (
            "{rules: [{use: [aider], language: [python]}]}",
            {"tool": "auto"},
            "no rule holds for every such task, and `routing.tools` is empty. Name tools",
        ),
        (
            "{rules: [{use: [aider], phase: [other]}]}",
            {"tool": "auto", "phase": "mine"},
            "and `routing.tools` is empty",
        ),
        ("{}", {"fix": ["mechanical", "agent"]}, "$.fix[1] asks the routing for an agent, but no"),
        (
            "{tools: [deaf]}",
            {"fix": ["agent"]},
            "no tool of `routing.tools` can be asked for a task of kind `fix`",
        ),
        (
            "{tools: [aider], rules: [{use: [deaf], task_kind: [fix], size: [small]}]}",
            {"fix": ["agent"]},
            "no tool of `routing.rules[0]` can be asked for a task of kind `fix`",
        ),
    ],
)
def test_a_task_that_may_find_no_tool(
    folder: Any, make_bundle: Make, routing: str, fields: dict[str, Any], expected: str
):
    args = {"tool_args": {}} if "tool" in fields else {}
    folder.write("pipeline.yaml", f"{TOOLS}routing: {routing}\n")
    folder.add(make_bundle("a", **fields, **args))
    assert [c for c in folder.complaints() if expected in c], folder.complaints()


@pytest.mark.parametrize(
    "routing",
    [
        "{tools: [aider]}",
        "{rules: [{use: [aider]}]}",
        "{rules: [{use: [claude], task_kind: [fix]}, {use: [deaf, aider]}]}",
        "{tools: [aider], rules: [{use: [claude], risk: [high], min_tier: 3}]}",
        "{tools: [aider], pools: {openai: 2}, fallback: {aider: [claude], claude: [deaf]}}",
    ],
)
def test_nothing_is_wrong_with_a_routing_that_always_finds_one(
    folder: Any, make_bundle: Make, routing: str
):
    folder.write("pipeline.yaml", f"{TOOLS}routing: {routing}\n")
    folder.add(make_bundle("a", tool="auto", tool_args={}, fix=["mechanical", "tool", "agent"]))
    assert folder.complaints() == []


def test_auto_is_no_name_for_a_profile(folder: Any):
    folder.write("pipeline.yaml", "tools: {auto: {command: [x]}}\n")
    assert folder.complaints()[0] == (
        "pipeline.yaml:1: $.tools.auto is the word for a tool that the routing chooses. "
        "Rename the profile."
    )
