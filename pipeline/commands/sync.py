"""``pipeline sync``: publish the record of runs to a remote, and fetch what others published."""

from collections.abc import Iterator
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.console import Cell
from pipeline.base.errors import ExitCode
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.commands.sources import read_config
from pipeline.flow.prepare import open_layout
from pipeline.flow.sync import SyncRequest, sync
from pipeline.flow.sync_outcome import RunSync, SyncReport
from pipeline.planning.problem import PlanError, errors_of
from pipeline.store.layout import ensure_excluded


@click.command(
    "sync",
    epilog=reading.examples(
        "pipeline sync",
        "pipeline sync --fetch-only --rebuild",
        "pipeline sync --remote upstream 01jd3v",
    ),
)
@click.argument("runs", nargs=-1)
@click.option("--remote", default="", metavar="NAME", help="`journal.remote` by default: origin.")
@click.option("--push-only", is_flag=True, help="Send; works beside a live run.")
@click.option("--fetch-only", is_flag=True, help="Change nothing on the remote.")
@click.option("--rebuild", is_flag=True, help="Then bring the database up to what was fetched.")
@reading.format_option
@reading.repo_option
def command(
    *,
    runs: tuple[str, ...],
    remote: str,
    push_only: bool,
    fetch_only: bool,
    rebuild: bool,
    form: str,
    repo: Path,
) -> int:
    """Bring this repository and a remote to the same record of runs, or of RUNS.

    Refs are only moved forward and by compare-and-swap, on both sides: a run that was carried on
    in two places is told of and left alone. What is fetched is verified first. Exits 1 where a
    run could not be synchronised, 3 where the remote cannot be reached.
    """
    if push_only and (fetch_only or rebuild):
        raise click.UsageError("--push-only goes with neither --fetch-only nor --rebuild.")
    request = SyncRequest(remote, runs, not fetch_only, not push_only, rebuild)
    with Repository.discover(repo) as repository:
        loaded = read_config(repository)
        if errors_of(loaded.problems):
            raise PlanError(loaded.problems)
        layout = open_layout(repository, loaded.config)
        ensure_excluded(layout)
        report = sync(repository, layout, loaded.config, request)
    if form == reading.JSON:
        reading.print_json({**vars_of(report), "is_well": report.is_well})
    else:
        reading.print_lines(list(_lines(report)))
    if report.problem:
        return ExitCode.UNFIT
    return ExitCode.OK if report.is_well else ExitCode.NOT_PASSED


def vars_of(report: SyncReport) -> dict[str, object]:
    """A report's fields by name."""
    return {name: getattr(report, name) for name in SyncReport.__dataclass_fields__}


def _lines(report: SyncReport) -> Iterator[str]:
    yield f"{console.safe(report.remote)}: {console.safe(report.url)} ({report.refs_prefix})"
    if report.runs:
        yield from console.columns(
            ["run", "received", "sent"], map(_row, report.runs), reading.paint()
        )
    for run in report.runs:
        if run.detail:
            yield f"  {run.run_id}: {console.safe(run.detail)}"
    if report.same:
        yield f"{console.count(report.same, 'run')} the same on both sides."
    elif not report.runs:
        yield "There is no run on either side."
    if report.left_alone:
        some = ", ".join(console.safe(name, 80) for name in report.left_alone[:5])
        more = f" and {len(report.left_alone) - 5} more" if len(report.left_alone) > 5 else ""
        yield f"Left alone, for they are nothing of ours: {some}{more}."
    yield from (f"note: {console.safe(note)}" for note in report.notes)
    if report.rebuilt:
        yield f"The database now knows {console.count(len(report.rebuilt), 'run')} more or better."
    if report.to_rebuild:
        yield (
            f"{console.count(len(report.to_rebuild), 'run')} to bring into the database: "
            "`pipeline rebuild` does it."
        )
    if report.problem:
        yield f"Nothing was sent: {console.safe(report.problem)}"


def _row(run: RunSync) -> list[Cell | str | int]:
    colour = "red" if run.is_trouble else ""
    return [run.run_id, Cell(run.received or "-", colour), Cell(run.sent or "-", colour)]
