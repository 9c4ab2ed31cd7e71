"""``pipeline show-events``: what happened in a run, in order."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.clock import parse_time
from pipeline.base.console import Paint
from pipeline.commands import reading
from pipeline.model.event import Event, EventType, Level
from pipeline.report.progress import sentence, style_of

_LEVELS = list(Level)


@click.command(
    "show-events",
    epilog=reading.examples(
        "pipeline show-events --workstream api",
        "pipeline show-events 01jd3v --type gate_failed --type tool_failed",
        "pipeline show-events --since-seq 120 --format json",
    ),
)
@click.argument("run", required=False)
@click.option(
    "--type",
    "types",
    multiple=True,
    metavar="TYPE",
    help="Only events of this type, such as state_transition; may be repeated.",
)
@click.option("--workstream", metavar="ID", help="Only events of this workstream.")
@click.option(
    "--level",
    type=click.Choice([level.value for level in Level]),
    default=Level.DEBUG.value,
    help="Only events that matter at least so much.",
)
@click.option(
    "--since-seq", type=click.IntRange(min=0), default=0, help="Only events after this number."
)
@reading.format_option
@reading.repo_option
def command(
    *,
    run: str | None,
    types: Sequence[str],
    workstream: str | None,
    level: str,
    since_seq: int,
    form: str,
    repo: Path,
) -> int:
    """Show the events of the newest run, or of RUN (an id or its beginning)."""
    wanted = frozenset(map(_event_type, types)) or None
    with reading.reading(repo) as records:
        run_id = reading.find_run(records, run).run_id
        if workstream is not None:
            known = [ws.ws_id for ws in records.workstreams(run_id)]
            reading.require_known("workstream", workstream, known)
        found = records.events(run_id, since_seq, wanted, ws_id=workstream)
    least = _LEVELS.index(Level(level))
    found = tuple(event for event in found if _LEVELS.index(event.level) >= least)
    if form == reading.JSON:
        reading.print_json({"run_id": run_id, "events": list(found)})
    else:
        reading.print_lines(list(_lines(found)) or ["No such event."])
    return 0


def _event_type(name: str) -> EventType:
    reading.require_known("type of event", name, [kind.value for kind in EventType])
    return EventType(name)


def _lines(events: Sequence[Event]) -> Iterator[str]:
    paint = reading.paint()
    number_width = len(str(events[-1].seq)) if events else 0
    for event in events:
        yield _line(event, paint, number_width)


def _line(event: Event, paint: Paint, number_width: int) -> str:
    when = parse_time(event.ts).astimezone().strftime("%H:%M:%S.%f")[:-3]
    where = f"{console.safe(event.ws_id)}  " if event.ws_id else ""
    head = paint(f"{event.seq:>{number_width}}  {when}", "dim")
    return f"{head}  {event.type:<18}  {where}{paint(sentence(event), style_of(event))}"
