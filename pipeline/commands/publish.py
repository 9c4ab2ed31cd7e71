"""``pipeline publish``: branches, pull requests, checks, comments and issues of a run on GitHub."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pipeline.base import console
from pipeline.base.console import Cell
from pipeline.base.errors import ExitCode, UnfitError
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.commands.passing import PassingLine
from pipeline.flow.holding import hold
from pipeline.flow.publishing import Publishing, open_hub, publish
from pipeline.land.github.client import GitHub
from pipeline.model.config import Config
from pipeline.model.publishing import Outcome, PublishReport, PublishStatus
from pipeline.planning.configuration import load_config
from pipeline.planning.problem import PlanError, errors_of
from pipeline.store.records import Records

_EXITS: Mapping[PublishStatus, ExitCode] = {
    PublishStatus.COMPLETE: ExitCode.OK,
    PublishStatus.PARTIAL: ExitCode.NOT_PASSED,
    PublishStatus.UNREACHABLE: ExitCode.UNFIT,
}
_COLOURS = {
    Outcome.CREATED: "green",
    Outcome.UPDATED: "green",
    Outcome.CLOSED: "green",
    Outcome.UNCHANGED: "dim",
    Outcome.LEFT_ALONE: "yellow",
    Outcome.FAILED: "red",
}
# What failed is told below, with its reason.
_SHOWN = frozenset({Outcome.CREATED, Outcome.UPDATED, Outcome.CLOSED, Outcome.LEFT_ALONE})
_MOST_NAMES = 6


@click.command(
    "publish",
    epilog=reading.examples(
        "pipeline publish",
        "pipeline publish 01jd3v --dry-run",
        "pipeline publish --repository octo/shop --format json",
    ),
)
@click.argument("run", required=False)
@click.option("--dry-run", is_flag=True, help="Print every request; write nothing anywhere.")
@reading.target_option
@click.option(
    "--wait",
    type=click.FloatRange(min=0, max=86_400),
    metavar="S",
    help="How many seconds to wait for GitHub's limits in all; 300 by default.",
)
@reading.format_option
@reading.repo_option
def command(run: str | None, *, form: str, repo: Path, **options: Any) -> int:
    """Publish the newest run of a plan, or RUN (an id or its beginning), on GitHub.

    Doing it again changes nothing, or what is new. Exits 1 when something could not be published
    (it says what, and why), 2 when it is not clear which repository is meant, 3 when nothing could
    be reached.
    """
    with reading.reading(repo) as records:
        run_id = reading.find_run(records, run, kind="run").run_id
    with Repository.discover(repo) as repository:
        config = configured(repository)
        with _hub(repository, config, form, **options) as hub:
            report = publish_run(repository, config, hub, run_id)
    show(report, form)
    return _EXITS[report.status]


def _hub(
    repository: Repository,
    config: Config,
    form: str,
    *,
    dry_run: bool,
    repository_name: str,
    wait: float | None,
) -> GitHub:
    tell = console.emit if form == reading.TEXT else console.tell
    return open_hub(
        config,
        repository.remotes.url(config.publish.remote),
        os.environ,
        asked=repository_name,
        wait_s=wait,
        dry_run=tell if dry_run else None,
        notice=console.tell,
    )


def publish_run(repository: Repository, config: Config, hub: GitHub, run_id: str) -> PublishReport:
    """Publish a run with the repository held, or in a dry run without touching anything."""
    layout = reading.find_layout(repository)
    if hub.is_dry:
        with Records(layout) as records:
            job = Publishing(repository, records, config, os.environ, hub)
            return publish(job, run_id)
    with hold(layout, "pipeline publish") as ledger, PassingLine("publishing") as line:
        job = Publishing(repository, ledger, config, os.environ, hub, ledger, line)
        return publish(job, run_id)


def hub_after_run(repository: Repository, config: Config) -> GitHub:
    """Where a run is to be published to; asked for before it begins, so that it is known then.

    Raises ``InputError`` where it is not clear which repository is meant, or no token is there.
    """
    url = repository.remotes.url(config.publish.remote)
    return open_hub(config, url, os.environ, notice=console.tell)


def publish_after_run(repository: Repository, config: Config, hub: GitHub, run_id: str) -> None:
    """Publish what a run came to and say so on standard error; how the run ended stays as it is."""
    try:
        with hub:
            report = publish_run(repository, config, hub, run_id)
    except UnfitError as error:
        console.tell(f"not published: {console.safe(str(error))}")
        return
    for line in lines(report):
        console.tell(line)


def configured(repository: Repository) -> Config:
    """The configuration of a checkout; raises ``PlanError`` with every problem."""
    loaded = load_config(reading.top_of(repository), environ=os.environ)
    if errors_of(loaded.problems):
        raise PlanError(loaded.problems)
    return loaded.config


def show(report: PublishReport, form: str) -> None:
    """Print what came of publishing; that nobody reads it changes nothing."""
    with contextlib.suppress(BrokenPipeError):
        if form == reading.JSON:
            reading.print_json(report)
        elif not report.is_dry_run:
            reading.print_lines(list(lines(report)))
    if form == reading.JSON or report.is_dry_run:
        tell_shortcomings(report)


def tell_shortcomings(report: PublishReport) -> None:
    """Say on standard error what was not published, and what in a lesser way."""
    for sentence in report.degraded:
        console.tell(f"note: {sentence}")
    for reason, things in reasons_of(report).items():
        console.tell(f"not published: {'; '.join(things)}: {console.safe(reason)}")


def reasons_of(report: PublishReport) -> Mapping[str, list[str]]:
    """Why things failed or were left alone, each reason once, with the things of each kind."""
    found: dict[str, dict[str, list[str]]] = {}
    for item in report.items:
        if item.reason:
            of_kind = found.setdefault(item.reason, {}).setdefault(_kind(item.kind), [])
            of_kind.append(console.safe(item.name, 100))
    return {
        reason: [f"{kind} {_some(names)}" for kind, names in things.items()]
        for reason, things in found.items()
    }


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def lines(report: PublishReport) -> Iterator[str]:
    """What came of publishing, for people."""
    paint = reading.paint()
    counts = {one: sum(item.outcome is one for item in report.items) for one in Outcome}
    counted = ", ".join(f"{number} {_word(one)}" for one, number in counts.items() if number)
    yield f"Run {report.run_id} on {report.repository}: {counted or 'nothing to publish'}"
    shown = [item for item in report.items if item.outcome in _SHOWN]
    if shown:
        rows: list[list[Cell | str | int]] = [
            [
                _kind(item.kind),
                Cell(_word(item.outcome), _COLOURS[item.outcome]),
                console.safe(item.name, 60),
                console.safe(item.url, 200),
            ]
            for item in shown
        ]
        yield from console.columns(["what", "came to", "name", "where"], rows, paint)
    yield from (f"note: {sentence}" for sentence in report.degraded)
    for reason, things in reasons_of(report).items():
        yield f"not published: {console.safe(reason)}"
        yield from (f"  {thing}" for thing in things)


def _kind(kind: str) -> str:
    return kind.replace("_", " ")


def _word(outcome: Outcome) -> str:
    return outcome.value.replace("_", " ")
