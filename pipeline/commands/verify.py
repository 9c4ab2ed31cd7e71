"""``pipeline verify``: recompute a run with plain git and say what does not agree."""

from collections.abc import Iterator
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.console import Cell
from pipeline.base.errors import ExitCode
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.flow.verify import Verification, verify

_SHOWN = 20


@click.command(
    "verify",
    epilog=reading.examples(
        "pipeline verify", "pipeline verify 01jd3v", "pipeline verify --format json | jq .is_sound"
    ),
)
@click.argument("run", required=False)
@reading.format_option
@reading.repo_option
def command(run: str | None, form: str, repo: Path) -> int:
    """Recompute the newest run, or RUN: patches, trees, hashes, landings, refs, events.

    Only git is asked, none of the engine's own code for objects. Exits 0 when everything agrees,
    1 when something does not; nothing is changed.
    """
    with Repository.discover(repo) as repository, reading.reading(repo) as records:
        layout = reading.find_layout(repository)
        run_id = reading.find_run(records, run, kind="run").run_id
        found = verify(records, repository, layout, run_id)
    if form == reading.JSON:
        reading.print_json(found)
    else:
        reading.print_lines(list(text_of(found)))
    return ExitCode.OK if found.is_sound else ExitCode.NOT_PASSED


def text_of(found: Verification) -> Iterator[str]:
    """What was compared, and what does not agree, as lines."""
    yield f"run {found.run_id} ({found.status})"
    yield ""
    rows = [
        (
            check.name,
            check.count,
            Cell(str(len(check.disagreements)), "red" if check.disagreements else "")
            if check.disagreements
            else Cell("agrees", "green"),
            check.title,
        )
        for check in found.checks
    ]
    yield from console.columns(
        ["check", "compared", "wrong", "what is held"], rows, reading.paint()
    )
    for check in found.checks:
        if check.disagreements:
            yield ""
            yield f"{check.name}:"
            yield from (f"  {console.safe(what)}" for what in check.disagreements[:_SHOWN])
            if len(check.disagreements) > _SHOWN:
                more = len(check.disagreements) - _SHOWN
                yield f"  and {more} more; `--format json` has them all"
    if found.notes:
        yield ""
        yield from (f"note: {console.safe(note)}" for note in found.notes)
    yield ""
    count = sum(check.count for check in found.checks)
    wrong = sum(len(check.disagreements) for check in found.checks)
    yield (
        f"Everything agrees: {console.count(count, 'comparison')}."
        if found.is_sound
        else f"{console.count(wrong, 'disagreement')} in {console.count(count, 'comparison')}."
    )
