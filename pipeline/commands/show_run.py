"""``pipeline show-run``: one run and its workstreams."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.console import Cell
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.model import codec
from pipeline.model.publication import Publication, PublicationKind
from pipeline.model.record import AttemptState, StepAttempt
from pipeline.model.summary import RunSummary
from pipeline.report.summary import build_summary
from pipeline.report.summary_text import render_text
from pipeline.store.publications import publications

_STATES = {
    AttemptState.SUCCEEDED: "green",
    AttemptState.FAILED: "red",
    AttemptState.CRASHED: "yellow",
    AttemptState.STARTED: "cyan",
}


@click.command(
    "show-run",
    epilog=reading.examples(
        "pipeline show-run",
        "pipeline show-run 01jd3v --verbose",
        "pipeline show-run --format json | jq .totals",
    ),
)
@click.argument("run", required=False)
@click.option("--verbose", "-v", is_flag=True, help="Also show every attempt, with its logs.")
@reading.format_option
@reading.repo_option
def command(run: str | None, verbose: bool, form: str, repo: Path) -> int:
    """Show one run and its workstreams: the newest, or RUN (an id or its beginning)."""
    with reading.reading(repo) as records:
        run_id = reading.find_run(records, run).run_id
        if form == reading.JSON:
            with Repository.discover(repo) as repository:
                summary = build_summary(records, run_id, tree_of=repository.commit_tree)
            told = (
                {"publications": published} if (published := publications(records, run_id)) else {}
            )
            reading.print_json({**codec.encode(summary), **told})
            return 0
        summary = build_summary(records, run_id, has_timeline=False)
        attempts = records.attempts(run_id) if verbose else ()
        published = publications(records, run_id)
    print_summary(summary)
    reading.print_lines(list(_published(published)))
    if verbose:
        reading.print_lines(list(_attempts(attempts)))
    return 0


def print_summary(summary: RunSummary, form: str = reading.TEXT, *, is_short: bool = False) -> None:
    """A run's summary on standard output; ``is_short`` leaves out what is done where it is much."""
    if form == reading.JSON:
        reading.print_json(summary)
        return
    width = reading.terminal_width()
    console.emit(render_text(summary, paint=reading.paint(), width=width, is_short=is_short))


def _published(published: Sequence[Publication]) -> Iterator[str]:
    """Where people find it: pull requests and issues, with the workstream that they are about."""
    rows = [
        [one.kind.value.replace("_", " "), one.state, one.ws_id, console.safe(one.url, 200)]
        for one in published
        if one.kind in (PublicationKind.PULL_REQUEST, PublicationKind.ISSUE)
    ]
    if rows:
        yield ""
        yield from console.columns(["published", "state", "of", "where"], rows, reading.paint())


def _attempts(attempts: Sequence[StepAttempt]) -> Iterator[str]:
    ordered = sorted(attempts, key=lambda a: (a.ws_id, a.generation, a.started_at))
    for ws_id, group in groupby(ordered, key=lambda a: a.ws_id):
        own = list(group)
        yield ""
        yield f"{ws_id}: {console.count(len(own), 'attempt')}"
        header = ["step", "no", "state", "tool", "took", "exit", "findings"]
        lines = console.columns(header, map(_row, own), reading.paint())
        yield "  " + lines[0]
        for line, attempt in zip(lines[1:], own, strict=True):
            yield "  " + line
            if attempt.reason:
                yield f"      {console.safe(attempt.reason)}"
            for log in (attempt.stdout_log, attempt.stderr_log):
                if log:
                    yield f"      {console.safe(log)}"


def _row(attempt: StepAttempt) -> list[Cell | str | int]:
    ended = attempt.ending if attempt.exit_code is None else str(attempt.exit_code)
    return [
        attempt.step,
        attempt.number,
        Cell(attempt.state, _STATES[attempt.state]),
        console.safe(attempt.tool, 40),
        console.duration(attempt.duration_s),
        console.safe(ended),
        len(attempt.findings),
    ]
