"""What is promised outside agrees with the code: exit codes, states, formats, verbs."""

import importlib
import json
from pathlib import Path

import pytest

from pipeline.base.errors import ExitCode
from pipeline.base.resources import schema_path
from pipeline.cli import COMMANDS, main
from pipeline.model.states import (
    FINAL,
    PATCH_MOVES,
    RUN_MOVES,
    WORKSTREAM_MOVES,
    PatchState,
    RunState,
    WorkstreamState,
)

SCHEMAS = Path(__file__).parents[1] / "schema"


def test_exit_codes_are_unique():
    assert len({int(code) for code in ExitCode}) == len(ExitCode.__members__)


@pytest.mark.parametrize(
    ("states", "moves"),
    [(WorkstreamState, WORKSTREAM_MOVES), (RunState, RUN_MOVES), (PatchState, PATCH_MOVES)],
)
def test_tables_of_moves_are_complete(states, moves):
    assert set(moves) == set(states)
    reachable = {target for targets in moves.values() for target in targets}
    begins = {next(iter(states))}
    assert reachable | begins == set(states)


def test_final_states_are_absorbing():
    assert all(not WORKSTREAM_MOVES[state] for state in FINAL)


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_verb_exists_and_shows_an_example(verb, capsys):
    module = importlib.import_module(f"pipeline.commands.{verb.replace('-', '_')}")
    assert module.command.name == verb
    assert main([verb, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Examples:" in out
    assert f"pipeline {verb}" in out


def test_every_schema_is_valid_versioned_and_shipped():
    import jsonschema

    names = sorted(path.name for path in SCHEMAS.glob("*.json"))
    assert len(names) >= 14
    for name in names:
        assert ".v1.json" in name
        schema = json.loads(schema_path(name).read_bytes())
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False, name


def test_version_is_told_without_click(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("git-pipeline ")


def test_unknown_verb_is_bad_input(capsys):
    assert main(["frobnicate"]) == ExitCode.BAD_INPUT
    assert "frobnicate" in capsys.readouterr().err
