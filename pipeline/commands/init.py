"""``pipeline init``: an example bundle and a configuration to start from; overwrites nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.errors import ExitCode, InputError
from pipeline.base.files import as_unfit, make_directory
from pipeline.base.git import Repository
from pipeline.commands import reading, sources
from pipeline.planning.configuration import FILES
from pipeline.planning.documents import SUFFIXES
from pipeline.planning.problem import errors_of

CONFIGURATION = """\
# What a run depends on beside its bundles; everything here is optional.
# `pipeline config show` prints each effective value and where it comes from.

run:
  jobs: 0              # workstreams at work at once; 0: as many as there are cores

landing:
  mode: each           # each: every landed commit is green; batch: one gate run for many

# Checks that every workstream has to pass: `static` before `runtime`. The names are built-in
# tools; `{name: …, command: …}` is any command of yours.
#
# gates:
#   static: [ruff, ruff-format]
#   runtime: [pytest]
"""

EXAMPLE = """\
{
  "id": "example",
  "title": "Write a greeting",
  "description": "Shows what a bundle looks like: change it, or delete it.",
  "files_create": ["greetings/hello.txt"],
  "tasks": ["Create greetings/hello.txt with one friendly sentence."],
  "tool": "command",
  "tool_args": {
    "command": "mkdir -p greetings && echo 'Hello from a workstream.' > greetings/hello.txt"
  },
  "acceptance_tests": ["grep -q Hello greetings/hello.txt"]
}
"""


@click.command("init", epilog=reading.examples("pipeline init", "pipeline init --repo ../other"))
@reading.repo_option
def command(repo: Path) -> int:
    """Write an example bundle and a configuration, each only where there is none yet."""
    with Repository.discover(repo) as repository:
        top = reading.top_of(repository)
        for line in (*_configuration(top), *_bundle(repository, top)):
            console.emit(line)
        problems = errors_of(sources.load_specification(repository).problems)
    for problem in problems:
        console.emit(console.safe(f"error: {problem}"))
    if problems:
        return ExitCode.BAD_INPUT
    console.emit("Next: `pipeline validate`, then `pipeline run`.")
    return ExitCode.OK


def _configuration(top: Path) -> Iterator[str]:
    present = [name for name in FILES if os.path.lexists(top / name)]
    yield f"Left {present[0]} as it is." if present else _write(top / FILES[0], top, CONFIGURATION)


def _bundle(repository: Repository, top: Path) -> Iterator[str]:
    folder = top / sources.read_config(repository).config.paths.workstreams
    shown = console.safe(os.fsencode(os.path.relpath(folder, top)))
    if not folder.resolve().is_relative_to(top.resolve()):
        raise InputError(
            f"The folder of bundles, {shown}, leads out of the repository.",
            remedy="Set paths.workstreams in pipeline.yaml to a folder in it.",
        )
    if folder.is_dir() and any(_is_bundle(entry) for entry in folder.iterdir()):
        yield f"Left {shown}/ as it is: it holds bundles."
        return
    make_directory(folder)
    yield _write(folder / "example.json", top, EXAMPLE)


def _is_bundle(path: Path) -> bool:
    return path.suffix in SUFFIXES and not path.name.startswith((".", "_"))


def _write(path: Path, top: Path, text: str) -> str:
    shown = console.safe(os.fsencode(path.relative_to(top)))
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        return f"Left {shown} as it is."
    except OSError as error:
        raise as_unfit(error, path) from error
    return f"Wrote {shown}."
