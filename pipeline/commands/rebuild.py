"""``pipeline rebuild``: make the database and the runs' files anew from the journal in git."""

from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.console import Cell
from pipeline.base.errors import ExitCode
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.flow.rebuilding import Rebuilt, rebuild_runs

_COLOURS = {"added": "green", "extended": "green", "refused": "red"}


@click.command(
    "rebuild",
    epilog=reading.examples(
        "pipeline rebuild", "pipeline rebuild 01jd3v", "pipeline rebuild --format json"
    ),
)
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@reading.format_option
@reading.repo_option
def command(runs: tuple[str, ...], form: str, repo: Path) -> int:
    """Make what the database lacks from the journals that are here, of all runs or of each RUN.

    Journals are checked before anything is believed. A run that the database knows better is left
    alone. Exits 0 when every journal was sound, 1 when one was refused.
    """
    with Repository.discover(repo) as repository:
        found = rebuild_runs(repository, reading.find_layout(repository), runs)
    if form == reading.JSON:
        reading.print_json({"runs": found})
    elif found:
        header = ["run", "outcome", "events", "why"]
        reading.print_lines(console.columns(header, map(_row, found), reading.paint()))
    else:
        console.emit("There is no journal here. `pipeline sync` fetches them.")
    is_sound = not any(one.is_refused for one in found)
    return ExitCode.OK if is_sound else ExitCode.NOT_PASSED


def _row(one: Rebuilt) -> list[Cell | str | int]:
    colour = _COLOURS.get(one.outcome, "")
    return [one.run_id, Cell(one.outcome, colour), one.events, console.safe(one.reason)]
