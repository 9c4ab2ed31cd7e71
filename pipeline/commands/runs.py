"""``pipeline runs``: the runs of this repository, the newest first."""

from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.clock import parse_time
from pipeline.base.console import Cell
from pipeline.commands import reading
from pipeline.model.record import RunRecord
from pipeline.model.states import RunState
from pipeline.report.advice import short_ref
from pipeline.report.appearance import state_cell


@click.command(
    "runs",
    epilog=reading.examples(
        "pipeline runs", "pipeline runs --status failed --limit 5", "pipeline runs --format json"
    ),
)
@click.option(
    "--status",
    type=click.Choice([state.value for state in RunState]),
    help="Only runs with this status.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many."
)
@reading.format_option
@reading.repo_option
def command(status: str | None, limit: int, form: str, repo: Path) -> int:
    """List runs, the newest first."""
    with reading.try_reading(repo) as records:
        wanted = RunState(status) if status else None
        found = records.runs(status=wanted, limit=limit) if records else ()
    if form == reading.JSON:
        reading.print_json({"runs": list(found)})
        return 0
    if not found:
        what = f"No run is {status}." if status else "Nothing has run here yet: `pipeline run`."
        console.emit(what)
        return 0
    header = ["run", "status", "started", "took", "jobs", "gates", "branch"]
    reading.print_lines(console.columns(header, map(_row, found), reading.paint()))
    return 0


def _row(run: RunRecord) -> list[Cell | str | int]:
    return [
        run.run_id,
        state_cell(run.state),
        _local(run.started_at or run.created_at),
        console.duration(run.duration_s) if run.finished_at else "",
        run.jobs,
        run.gates_run,
        console.safe(short_ref(run.integration_branch)),
    ]


def _local(time: str) -> str:
    return parse_time(time).astimezone().strftime("%Y-%m-%d %H:%M") if time else ""
