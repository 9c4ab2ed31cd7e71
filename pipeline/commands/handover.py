"""``pipeline handover``: give a run to another job as files, and take one over."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.errors import ExitCode
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.commands.sources import read_config
from pipeline.flow.handover import pack
from pipeline.flow.handover_accept import Accepted, accept
from pipeline.flow.prepare import open_layout
from pipeline.model.config import Config
from pipeline.planning.problem import PlanError, errors_of
from pipeline.store.layout import Layout, ensure_excluded
from pipeline.store.records import Records

_SHOWN = 20


@click.group(
    "handover",
    epilog=reading.examples(
        "pipeline handover pack 01jd3v handover/",
        "pipeline handover accept handover/ --base 1f0c5a7e6d0f4a1b9a54a7a2cbb8a0b0a4f3f0aa",
    ),
)
def command() -> None:
    """Hand a run from one job to the next as files that the next one need not believe."""


@command.command(
    "pack",
    short_help="Write a run to a directory, all that another job needs.",
    epilog=reading.examples("pipeline handover pack 01jd3v handover/"),
)
@click.argument("run")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@reading.format_option
@reading.repo_option
def pack_command(*, run: str, directory: Path, form: str, repo: Path) -> int:
    """Write RUN to DIRECTORY: handover.json and run.bundle, all that another job needs."""
    with _opened(repo) as (repository, layout, config), Records(layout) as records:
        record = reading.find_run(records, run, kind="run")
        packed = pack(repository, layout, config, record, directory)
    if form == reading.JSON:
        reading.print_json(packed)
    else:
        console.emit(
            f"{packed.run_id} ({packed.status}): {console.count(len(packed.refs), 'ref')}, "
            f"{packed.size} bytes in {console.safe(str(directory))}"
        )
    return ExitCode.OK


@command.command(
    "accept", epilog=reading.examples('pipeline handover accept handover/ --base "$GITHUB_SHA"')
)
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--base", required=True, metavar="SHA", help="What the run has to start from.")
@reading.format_option
@reading.repo_option
def accept_command(*, directory: Path, base: str, form: str, repo: Path) -> int:
    """Take over the run in DIRECTORY after checking everything; no part of it is run.

    Files, hashes, objects, where commits come from, the journal's chain, and the whole run with
    plain git. What a person has to look at is told as `needs_human`. Exits 1 where the run is not
    sound, 2 where the files are not to be believed; then nothing was changed.
    """
    with _opened(repo) as (repository, layout, _):
        found = accept(repository, layout, directory, base)
    if form == reading.JSON:
        reading.print_json(found)
    else:
        reading.print_lines(list(_lines(found)))
    return ExitCode.OK if found.is_sound else ExitCode.NOT_PASSED


@contextmanager
def _opened(repo: Path) -> Iterator[tuple[Repository, Layout, Config]]:
    with Repository.discover(repo) as repository:
        loaded = read_config(repository)
        if errors_of(loaded.problems):
            raise PlanError(loaded.problems)
        layout = open_layout(repository, loaded.config)
        ensure_excluded(layout)
        yield repository, layout, loaded.config


def _lines(found: Accepted) -> Iterator[str]:
    yield f"run {found.run_id} ({found.status}) from {found.base_commit[:12]}"
    if found.is_sound:
        yield f"Everything agrees: {console.count(found.comparisons, 'comparison')}."
    else:
        yield f"It is not sound, and was not taken over: {len(found.disagreements)} disagreements."
        yield from (f"  {console.safe(what)}" for what in found.disagreements[:_SHOWN])
    if found.needs_human:
        yield "Somebody has to look at:"
        yield from (f"  {console.safe(path)}" for path in found.needs_human)
    if found.other_bundles:
        yield f"Other bundles than at the base commit: {', '.join(found.other_bundles)}."
    if found.is_config_other:
        yield "Another configuration than at the base commit."
    if found.answered:
        yield f"The run says that people answered for: {', '.join(found.answered)}."
