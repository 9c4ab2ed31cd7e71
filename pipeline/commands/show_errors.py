"""``pipeline show-errors``: what went wrong, counted by signature."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pipeline.base import console
from pipeline.base.clock import parse_time
from pipeline.commands import reading
from pipeline.model.record import ErrorRecord

_NONE = "No error was recorded. `pipeline show-run` tells what else failed."


@click.command(
    "show-errors",
    epilog=reading.examples(
        "pipeline show-errors", "pipeline show-errors 01jd3v", "pipeline show-errors --all"
    ),
)
@click.argument("run", required=False)
@click.option("--all", "is_all", is_flag=True, help="Errors of all runs.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many."
)
@reading.format_option
@reading.repo_option
def command(run: str | None, is_all: bool, limit: int, form: str, repo: Path) -> int:
    """Show the errors of the newest run or of RUN, the most frequent first."""
    if run is not None and is_all:
        raise click.UsageError("Give a RUN or --all, not both.")
    with reading.reading(repo) as records:
        run_id = None if is_all else reading.find_run(records, run).run_id
        found = sorted(records.errors(run_id), key=lambda e: (-e.count, e.signature, e.run_id))
    if form == reading.JSON:
        reading.print_json({"run_id": run_id, "errors": found[:limit]})
    else:
        reading.print_lines(list(_lines(found, limit)) or [_NONE])
    return 0


def _lines(found: Sequence[ErrorRecord], limit: int) -> Iterator[str]:
    paint = reading.paint()
    for error in found[:limit]:
        yield f"{error.count:>6,} x {paint(console.safe(error.signature, 300), 'bold')}"
        yield f"         {console.safe(error.message, 300)}"
        facts = [_seen(error)]
        if place := _place(error.context):
            facts.append(f"for example {place}")
        yield "         " + paint(", ".join(facts), "dim")
    if len(found) > limit:
        yield f"and {len(found) - limit} more; see them with --limit {len(found)}"


def _seen(error: ErrorRecord) -> str:
    first, last = (
        parse_time(time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        for time in (error.first_seen, error.last_seen)
    )
    return f"seen {first}" if first == last else f"first {first}, last {last}"


def _place(context: Mapping[str, Any]) -> str:
    """``ws_id: path:line`` of an example, as far as the context names them."""
    path = context.get("path")
    place = console.safe(path if isinstance(path, str) else "", 200)
    if place and context.get("line"):
        place += f":{context['line']}"
    ws_id = console.safe(str(context.get("ws_id") or ""))
    return ": ".join(part for part in (ws_id, place) if part)
