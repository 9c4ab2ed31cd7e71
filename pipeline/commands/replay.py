"""``pipeline replay``: fold a run's events anew and say where they do not lead to the record."""

from pathlib import Path

import click

from pipeline.base.errors import ExitCode
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.commands.verify import text_of
from pipeline.flow.replay import replay


@click.command(
    "replay",
    epilog=reading.examples(
        "pipeline replay", "pipeline replay 01jd3v", "pipeline replay --format json | jq .is_sound"
    ),
)
@click.argument("run", required=False)
@reading.format_option
@reading.repo_option
def command(run: str | None, form: str, repo: Path) -> int:
    """Replay the events of the newest run, or RUN, and compare with states, patches and trees.

    Its journal in git is read and checked as well. Exits 0 when everything agrees, 1 when
    something does not; nothing is changed.
    """
    with Repository.discover(repo) as repository, reading.reading(repo) as records:
        layout = reading.find_layout(repository)
        run_id = reading.find_run(records, run).run_id
        found = replay(records, repository, layout, run_id)
    if form == reading.JSON:
        reading.print_json(found)
    else:
        reading.print_lines(list(text_of(found)))
    return ExitCode.OK if found.is_sound else ExitCode.NOT_PASSED
