"""Every verb of the table imports, explains itself and shows how it is typed."""

import importlib
import importlib.util
import re

import click
import pytest

from pipeline.cli import COMMANDS


def load(verb: str) -> click.Command:
    name = f"pipeline.commands.{verb.replace('-', '_')}"
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{verb} is not built yet")
    command = importlib.import_module(name).command
    assert isinstance(command, click.Command)
    return command


def all_help(verb: str, command: click.Command) -> list[tuple[str, str]]:
    """The help texts of a verb and of what it groups."""
    texts = [(verb, command.get_help(click.Context(command, info_name=verb)))]
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            texts += all_help(f"{verb} {name}", inner)
    return texts


@pytest.mark.parametrize("verb", COMMANDS)
def test_help_has_an_example_that_begins_with_the_verb(verb: str) -> None:
    for path, text in all_help(verb, load(verb)):
        assert re.search(rf"^\s+pipeline {re.escape(path)}\b", text, re.MULTILINE), text


@pytest.mark.parametrize("verb", COMMANDS)
def test_the_command_is_called_as_in_the_table(verb: str) -> None:
    assert load(verb).name == verb
