"""``pipeline prompt`` shows what would be sent, and leaves everything as it is."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from projects import Project

# Spoils its file at the first attempt, and leaves it at that when told so.
CODE = """
import pathlib, sys
told = sys.stdin.read()
pathlib.Path("a.txt").write_text("BAD\\n" if "Repair" not in told else "BAD again\\n")
"""
TOOL = {
    "type": "ai",
    "driver": "agent",
    "command": [sys.executable, "-S", "-c", CODE],
    "takes_feedback": True,
    "agent": {"model": "gpt-5", "context_tokens": 8000, "max_output_tokens": 2000},
}
STATIC = [sys.executable, "-S", "-c", "print('a.txt:1: bad word'); raise SystemExit(1)"]


@pytest.fixture
def asked(project: Project) -> Project:
    project.commit({"AGENTS.md": "Write well.\n"})
    project.configure(
        project={"base": "main"},
        tools={"clerk": TOOL},
        gates={"static": [{"name": "words", "command": STATIC}]},
        repair={"fix": ["tool"]},
    )
    project.bundle("w", tool="clerk", files_scope=["a.txt"], tasks=["Say it well"])
    return project


def everything(project: Project) -> str:
    return project.refs() + project.git("status", "--porcelain", "--ignored")


def test_it_shows_the_prompt_and_changes_nothing(
    asked: Project, pipeline: Callable[..., Any]
) -> None:
    before = everything(asked)
    found = pipeline("prompt", "w", "--repo", asked.top)

    assert found.code == 0
    assert found.lines[0] == "# Do w"
    for line in ("- Say it well", "Write well.", "- `a.txt`", "a"):
        assert line in found.lines
    assert found.err.startswith("about ")
    assert found.err.endswith(" of 6000 tokens\n")
    assert everything(asked) == before
    assert not (asked.top / ".pipeline").exists()


def test_json_tells_what_it_takes(asked: Project, pipeline: Callable[..., Any]) -> None:
    found = pipeline("prompt", "w", "--format", "json", "--step", "fix", "--repo", asked.top)
    told = json.loads(found.out)

    assert told["text"].startswith("# Repair: Do w\n")
    assert 0 < told["tokens"] < told["limit"] == 6000
    assert (told["workstream"], told["kind"], told["part"], told["parts"]) == ("w", "fix", 1, 1)
    assert (told["left_out"], told["strategies"]) == ([], [])
    assert found.out.isascii()


def test_another_tool_may_be_looked_at(asked: Project, pipeline: Callable[..., Any]) -> None:
    found = pipeline("prompt", "w", "--tool", "command", "--repo", asked.top)

    assert "Write well." not in found.out
    assert found.err == ""


def test_a_run_shows_what_it_would_ask_next(asked: Project, pipeline: Callable[..., Any]) -> None:
    asked.run()
    found = pipeline("prompt", "w", "--step", "fix", "--run", "latest", "--repo", asked.top)

    assert found.lines[0] == "# Repair: Do w"
    assert "a.txt: 1: words: bad word" in found.out.replace(": lines", "")
    assert "    1 BAD again" in found.lines, "the tree that the run has come to"
    assert "+BAD" in found.out
    with asked.records() as records:
        (run,) = records.runs()
    by_id = pipeline("prompt", "w", "--step", "fix", "--run", run.run_id, "--repo", asked.top)
    assert by_id.out == found.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x"], "There is no workstream 'x'."),
        (["w", "--tool", "clrk"], "There is no tool 'clrk'."),
        (["w", "--run", "latest"], "Nothing has run here yet."),
        (["w", "--step", "merge"], "merge"),
        (["w", "--part", "0"], "0"),
        ([], "Missing argument"),
    ],
)
def test_wrong_names_are_told(
    asked: Project, pipeline: Callable[..., Any], arguments: list[str], said: str
) -> None:
    found = pipeline("prompt", *arguments, "--repo", asked.top)

    assert found.code == 2
    assert said in found.err
    assert found.out == ""


def test_a_tool_that_is_chosen_later_has_to_be_named(
    asked: Project, pipeline: Callable[..., Any]
) -> None:
    found = pipeline("prompt", "w", "--tool", "auto", "--repo", asked.top)

    assert found.code == 2
    assert "--tool" in found.err
    assert "clerk" in found.err


def test_a_bad_template_is_told_before_a_run(asked: Project, pipeline: Callable[..., Any]) -> None:
    asked.commit({"prompts/edit.md.j2": "{{ task.titel }}"})
    found = pipeline("prompt", "w", "--repo", asked.top)

    assert found.code == 2
    assert "prompts/edit.md.j2, line 1" in found.err


def test_nothing_hidden_reaches_the_terminal(asked: Project, pipeline: Callable[..., Any]) -> None:
    asked.commit({"a.txt": "\x1b[2J\u202e::error::x\n"})
    found = pipeline("prompt", "w", "--repo", asked.top)

    for hidden in ("\x1b", "\u202e", "::error"):
        assert hidden not in found.out
