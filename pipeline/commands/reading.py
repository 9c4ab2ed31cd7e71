"""What the reading commands share: finding the repository and the run, printing text or JSON."""

import difflib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from pipeline.base import console
from pipeline.base.console import Paint
from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git import Repository
from pipeline.model import codec
from pipeline.model.record import RunRecord
from pipeline.store.layout import Layout
from pipeline.store.records import Records

F = TypeVar("F", bound=Callable[..., Any])

TEXT, JSON = "text", "json"
_SHORTEST_PREFIX = 4
NOTHING_YET = InputError(
    "Nothing has run here yet.",
    remedy="Start with `pipeline run`; `pipeline sync --rebuild` brings what ran in other clones.",
)


def repo_option(command: F) -> F:
    """``--repo DIR``: the repository to work on."""
    return click.option(
        "--repo",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(),
        metavar="DIR",
        help="The repository, or a directory in it; the current one by default.",
    )(command)


def target_option(command: F) -> F:
    """``--repository OWNER/NAME``: which one on GitHub is meant; it only confirms the remote's."""
    return click.option(
        "--repository",
        "repository_name",
        metavar="OWNER/NAME",
        default="",
        help="The repository that is meant; the remote's by default, and never another one.",
    )(command)


def format_option(command: F) -> F:
    """``--format text|json``."""
    return click.option(
        "--format",
        "form",
        type=click.Choice([TEXT, JSON]),
        default=TEXT,
        help="Text for people (the default), or stable JSON.",
    )(command)


def examples(*lines: str) -> str:
    """The end of a help text: commands as they are typed."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def top_of(repository: Repository) -> Path:
    """The checkout's directory; raises ``UnfitError`` inside of a git directory."""
    if repository.top is None:
        raise UnfitError(
            f"{repository.git_dir} is a git directory, not a checkout.",
            remedy="Run this in the repository's working tree.",
        )
    return repository.top


def find_layout(repository: Repository) -> Layout:
    """Where a repository's state is; its configuration has no say in that."""
    return Layout.of(
        git_dir=repository.git_dir, common_dir=repository.common_dir, top=top_of(repository)
    )


@contextmanager
def try_reading(repo: Path) -> Iterator[Records | None]:
    """The stored runs of the repository at ``repo``; ``None`` where nothing has run yet."""
    with Repository.discover(repo) as repository:
        layout = find_layout(repository)
    with Records(layout) as records:
        yield records if records.latest_run() else None


@contextmanager
def reading(repo: Path) -> Iterator[Records]:
    """The stored runs of the repository at ``repo``; ``InputError`` where nothing has run yet."""
    with try_reading(repo) as records:
        if records is None:
            raise NOTHING_YET
        yield records


def find_run(records: Records, name: str | None, *, kind: str | None = None) -> RunRecord:
    """The run with this id or unique beginning of one, the newest where there is no name.

    ``kind`` is that of the newest (``run``: of a plan, not of one program). Raises ``InputError``
    that names runs which are near.
    """
    if name is None:
        latest = records.latest_run(kind=kind)
        if latest is None:
            raise NOTHING_YET
        return latest
    wanted = name.strip()
    begin = records.runs(prefix=wanted, limit=6)
    if len(begin) == 1 and len(wanted) >= _SHORTEST_PREFIX:
        return begin[0]
    everything = [run.run_id for run in records.runs(limit=1000)]
    near = [run.run_id for run in begin] or difflib.get_close_matches(
        wanted.lower(), everything, n=3, cutoff=0.6
    )
    remedy = f"Did you mean {' or '.join(near)}?" if near else "`pipeline runs` lists all runs."
    shown = console.safe(name, 60)
    if len(begin) > 1:
        raise InputError(f"More than one run begins with {shown!r}.", remedy=remedy)
    raise InputError(f"There is no run {shown!r} here.", remedy=remedy)


def require_known(noun: str, name: str, known: Sequence[str]) -> None:
    """Raise ``InputError`` that names what is near where ``name`` is not one of ``known``."""
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    some = ", ".join(known[:10]) + (", …" if len(known) > 10 else "")
    remedy = f"Did you mean {' or '.join(near)}?" if near else f"There are: {some}."
    raise InputError(f"There is no {noun} {console.safe(name, 60)!r}.", remedy=remedy)


def print_json(value: object) -> None:
    """A value of ours as JSON on standard output, in ASCII so that it survives any terminal."""
    console.emit(json.dumps(codec.encode(value), indent=2))


def print_lines(lines: Sequence[str]) -> None:
    """Lines of text on standard output."""
    if lines:
        console.emit("\n".join(lines))


def paint() -> Paint:
    """Colour for standard output, where it is wanted."""
    return Paint(console.wants_colour(sys.stdout, os.environ))


def terminal_width() -> int:
    """The width of the terminal on standard output; 0 where it is none."""
    if not console.is_terminal(sys.stdout, os.environ):
        return 0
    return shutil.get_terminal_size().columns
