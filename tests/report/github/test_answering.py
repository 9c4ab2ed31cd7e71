"""What people are told to type is what is understood."""

import importlib
import re
import shlex

import click
import pytest
from github_views import RUN, Told, make_view

from pipeline.cli import COMMANDS
from pipeline.flow.responding_words import parse
from pipeline.model.review import Option, Review, ReviewKind, ReviewState
from pipeline.model.states import WorkstreamState
from pipeline.report.github.answering import how_to_answer

W = WorkstreamState
ASKED = Review("r", RUN, "add-login.2", 1, ReviewKind.RISK, ReviewState.OPEN, "May it land?")
TOLD = {
    "asked": Told(W.AWAITING_REVIEW, review=ASKED),
    "kept": Told(W.QUARANTINED),
    "failed": Told(W.FAILED),
}


def typed(told: Told) -> list[str]:
    """What stands in code spans."""
    view = make_view({"add-login.2": told})
    return re.findall(r"`([^`]+)`", "\n".join(how_to_answer(view.workstreams[0])))


@pytest.mark.parametrize("name", TOLD)
def test_comments_are_commands(name: str) -> None:
    comments = [line for line in typed(TOLD[name]) if line.startswith("/")]
    assert comments
    for line in comments:
        assert parse(line).workstream == "add-login.2"
    if name == "asked":
        assert [parse(line).answer("ann").option for line in comments] == list(Option)


@pytest.mark.parametrize("name", TOLD)
def test_commands_can_be_typed(name: str) -> None:
    commands = [line for line in typed(TOLD[name]) if line.startswith("pipeline ")]
    assert commands
    for line in commands:
        _, verb, *words = shlex.split(line)
        assert verb in COMMANDS
        command = importlib.import_module(f"pipeline.commands.{verb}").command
        while isinstance(command, click.Group):
            command = command.commands[words.pop(0)]
        command.make_context(verb, list(words))


@pytest.mark.parametrize("state", [W.DONE, W.BLOCKED, W.EDITING, W.CHECKED])
def test_where_nothing_is_asked_nothing_is_to_be_typed(state: WorkstreamState) -> None:
    assert typed(Told(state)) == []
