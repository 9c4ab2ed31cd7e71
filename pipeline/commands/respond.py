"""``pipeline respond``: answer a comment on GitHub whose first line is a command."""

import os
import re
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.errors import ExitCode, InputError
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.commands.publish import configured
from pipeline.flow.publishing import open_hub
from pipeline.flow.responding import Responding, respond
from pipeline.flow.responding_verbs import carry_out
from pipeline.model.response import Response, ResponseOutcome

_FINE = frozenset({ResponseOutcome.DONE, ResponseOutcome.REPEATED, ResponseOutcome.IGNORED})
_WORDS = {
    ResponseOutcome.DONE: "Done",
    ResponseOutcome.REPEATED: "Nothing to do",
    ResponseOutcome.IGNORED: "Not for us",
    ResponseOutcome.REFUSED: "Refused",
    ResponseOutcome.MISREAD: "Not understood",
    ResponseOutcome.MOVED: "Too late",
    ResponseOutcome.IMPOSSIBLE: "Not possible",
}
_WORKFLOW = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.ya?ml")


@click.command(
    "respond",
    epilog=reading.examples(
        'pipeline respond --event "$GITHUB_EVENT_PATH"',
        "pipeline respond --event event.json --repository octo/shop --format json",
    ),
)
@click.option(
    "--event",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="The event of a new comment, as GitHub writes it.",
)
@reading.target_option
@click.option(
    "--workflow",
    metavar="FILE",
    default="pipeline.yml",
    show_default=True,
    envvar="PIPELINE_WORKFLOW",
    help="The workflow that runs what `run` and `retry` ask for.",
)
@reading.format_option
@reading.repo_option
def command(*, event: Path, repository_name: str, workflow: str, form: str, repo: Path) -> int:
    """Do what the first line of a new comment asks for, if its author may ask for it, and reply.

    `/pipeline run`, `retry WS`, `approve WS`, `reject WS`, `adjust WS …`, `status`, `cancel`. Exits
    0 when it was done, or is no command, 1 when it was refused, 3 when GitHub cannot be reached.
    """
    if not _WORKFLOW.fullmatch(workflow):
        raise InputError(
            f"{console.safe(workflow, 80)!r} is not the name of a workflow file.",
            remedy="Give it as `pipeline.yml`.",
        )
    with Repository.discover(repo) as repository:
        config = configured(repository)
        url = repository.remotes.url(config.publish.remote)
        with open_hub(config, url, os.environ, asked=repository_name) as hub:
            job = Responding(
                repository,
                reading.find_layout(repository),
                config,
                os.environ,
                hub,
                workflow,
                lambda text: console.tell(f"warning: {console.safe(text)}"),
            )
            done = respond(job, event, carry_out)
    if form == reading.JSON:
        reading.print_json(done)
    else:
        console.emit(_sentence(done))
    return ExitCode.OK if done.outcome in _FINE else ExitCode.NOT_PASSED


def _sentence(done: Response) -> str:
    what = f"/pipeline {done.verb} {done.workstream}".strip() if done.verb else ""
    parts = [_WORDS[done.outcome], what, console.safe(done.reason), console.safe(done.reply_url)]
    return ": ".join(part for part in parts if part)
