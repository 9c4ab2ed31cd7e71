"""``pipeline plan``: what would run, in which order, from which start trees; nothing is changed."""

import os
from pathlib import Path
from typing import Any

import click

from pipeline.base import console
from pipeline.base.errors import ExitCode
from pipeline.commands import reading
from pipeline.flow.prepare import Prepared, RunRequest, prepare
from pipeline.flow.run import jobs_of
from pipeline.flow.schedule import Graph


@click.command(
    "plan",
    epilog=reading.examples(
        "pipeline plan",
        "pipeline plan --only add-login",
        "pipeline plan --format json > plan.json && pipeline run --plan plan.json",
    ),
)
@click.option("--only", multiple=True, metavar="ID", help="Only this workstream and its needs.")
@click.option("--base", metavar="REF", help="Where to start from; the base branch by default.")
@click.option(
    "--workstreams",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of bundles; the configured one by default.",
)
@reading.format_option
@reading.repo_option
def command(form: str, repo: Path, folder: Path | None, **options: Any) -> int:
    """Show what would run; `--format json` writes a plan that `run --plan` takes."""
    prepared = prepare(
        RunRequest(
            directory=repo,
            environ=os.environ,
            overrides={"paths.workstreams": str(folder)} if folder else {},
            only=options["only"],
            base=options["base"],
        )
    )
    with prepared.repo:
        return show(prepared, form)


def show(prepared: Prepared, form: str) -> int:
    """Print a plan as a table for people, or whole as JSON."""
    plan = prepared.plan
    if form == reading.JSON:
        reading.print_json(plan)
        return ExitCode.OK
    graph = Graph.of(plan)
    base_tree = prepared.repo.commit_tree(plan.base_commit)
    rows: list[tuple[str | int, ...]] = []
    for number, ws in enumerate(plan.workstreams, start=1):
        needs = ", ".join(graph.closures[ws.id])
        start = f"{base_tree[:12]}" + (f" + {needs}" if needs else "")
        rows.append((number, ws.id, ws.tool, start, console.shorten(ws.title, 48)))
    lines = [
        f"Base {prepared.base_ref} at {plan.base_commit[:12]}, key {plan.key[:12]}, "
        f"{console.count(len(rows), 'workstream')}, {jobs_of(plan.config)} at once.",
        "",
        *console.columns(("#", "workstream", "tool", "starts from", "title"), rows),
    ]
    reading.print_lines(lines)
    return ExitCode.OK
