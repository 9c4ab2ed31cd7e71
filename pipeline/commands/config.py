"""``pipeline config``: the effective configuration and where each value comes from."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from pipeline.base import console
from pipeline.base.console import Cell
from pipeline.base.errors import ExitCode
from pipeline.base.git import Repository
from pipeline.commands import reading, sources
from pipeline.model import codec
from pipeline.planning.problem import errors_of

_DEFAULT = "default"


@click.group(
    "config", epilog=reading.examples("pipeline config show", "pipeline config show --format json")
)
def command() -> None:
    """Show the effective configuration and where it comes from."""


@command.command(
    "show",
    epilog=reading.examples(
        "pipeline config show",
        "pipeline config show landing",
        "pipeline config show --changed",
        "pipeline config show --format json",
    ),
)
@click.argument("prefix", required=False, default="")
@click.option("--changed", is_flag=True, help="Only what is not a default.")
@reading.format_option
@reading.repo_option
def show(prefix: str, changed: bool, form: str, repo: Path) -> int:
    """Show each effective value and its origin; PREFIX (such as `landing`) narrows it down."""
    with Repository.discover(repo) as repository:
        loaded = sources.read_config(repository)
    values = dict(_flatten(codec.encode(loaded.config)))
    reading_of = {key: _origin(key, loaded.origins) for key in values}
    chosen = {
        key: value
        for key, value in values.items()
        if _is_below(key, prefix) and not (changed and reading_of[key] == _DEFAULT)
    }
    if prefix and not any(_is_below(key, prefix) for key in values):
        reading.require_known("setting", prefix, list(values))
    problems = errors_of(loaded.problems)
    if form == reading.JSON:
        settings = {key: {"value": v, "origin": reading_of[key]} for key, v in chosen.items()}
        reading.print_json({"settings": settings, "problems": loaded.problems})
    else:
        rows = [_row(key, value, reading_of[key]) for key, value in chosen.items()]
        reading.print_lines(console.columns(["setting", "origin", "value"], rows, reading.paint()))
        for problem in problems:
            console.emit(console.safe(f"error: {problem}"))
    return ExitCode.BAD_INPUT if problems else ExitCode.OK


def _row(key: str, value: Any, origin: str) -> list[Cell | str | int]:
    style = "dim" if origin == _DEFAULT else "green"
    shown = json.dumps(value, ensure_ascii=False)
    return [console.safe(key), Cell(console.safe(origin), style), console.safe(shown, 500)]


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        key = f"{prefix}{name}"
        if isinstance(item, Mapping) and item:
            yield from _flatten(item, f"{key}.")
        else:
            yield key, item


def _is_below(key: str, prefix: str) -> bool:
    return not prefix or key == prefix or key.startswith(f"{prefix}.")


def _origin(key: str, origins: Mapping[str, str]) -> str:
    """The origin of a setting, or of the nearest thing above it that has one."""
    parts = key.split(".")
    for length in range(len(parts), 0, -1):
        if found := origins.get(".".join(parts[:length])):
            return found
    return _DEFAULT
