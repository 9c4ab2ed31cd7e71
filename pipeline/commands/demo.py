"""``pipeline demo``: see every way to end, in a repository made on the spot."""

import tempfile
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.errors import ExitCode
from pipeline.commands import reading
from pipeline.commands.run import run_with_progress, show_result
from pipeline.flow.demo import make_demo, require_ruff, run_demo, surprises
from pipeline.flow.demo_files import EXPECTED
from pipeline.model.summary import RunSummary


@click.command(
    "demo",
    epilog=reading.examples("pipeline demo", "pipeline demo --directory /tmp/shop --jobs 1"),
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where to make the repository; a temporary directory by default. It is kept.",
)
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="As for `pipeline run`.")
@click.option("--quiet", is_flag=True, help="No progress.")
@reading.format_option
def command(directory: Path | None, jobs: int | None, form: str, *, quiet: bool) -> int:
    """Make a small repository and run workstreams that end in every way.

    Exits 0 when every workstream ended as it should: landed, repaired, refused, blocked.
    """
    require_ruff()
    directory = directory or Path(tempfile.mkdtemp(prefix="git-pipeline-demo-"))
    make_demo(directory)
    console.tell(f"A small shop was made in {console.safe(str(directory))}")
    summary = run_with_progress(
        lambda watch: run_demo(directory, jobs=jobs, watch=watch), is_quiet=quiet
    )
    wrong = surprises(summary)
    show_result(summary, form)
    if form != reading.JSON:
        reading.print_lines(["", *_told(summary, directory)])
    for surprise in wrong:
        console.tell(
            f"error: {surprise.ws_id} ended {surprise.actual}, expected {surprise.expected}"
        )
    return ExitCode.NOT_PASSED if wrong else ExitCode.OK


def _told(summary: RunSummary, directory: Path) -> list[str]:
    rows = [
        (ws.id, ws.status.value, EXPECTED[ws.id][1])
        for ws in summary.workstreams
        if ws.id in EXPECTED
    ]
    return [
        "What this showed:",
        *("  " + line for line in console.columns(("workstream", "ended", "because it is"), rows)),
        "",
        f"Look around: cd {directory} && git log --graph --oneline --all",
    ]
