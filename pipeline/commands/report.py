"""``pipeline report``: what a run came to, as texts and files for GitHub and for people."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.errors import InputError
from pipeline.base.files import as_unfit, write_atomic
from pipeline.base.git import Repository
from pipeline.commands import reading, step_file
from pipeline.planning.configuration import load_config
from pipeline.report.github.artifact import MAX_BYTES, read_artifact, write_artifact
from pipeline.report.github.comments import sticky_comment
from pipeline.report.github.limits import SUMMARY
from pipeline.report.github.outputs import as_outputs, run_outputs
from pipeline.report.github.pull_requests import run_pull_request, workstream_pull_request
from pipeline.report.github.summary import job_summary
from pipeline.report.github.view import Place, RunView
from pipeline.report.github.workflow_commands import annotation_commands
from pipeline.report.sarif import dump_sarif, run_findings, sarif_log

MARKDOWN = "markdown"
_FILES = {"summary": "GITHUB_STEP_SUMMARY", "outputs": "GITHUB_OUTPUT"}
"""What a step's runner names a file for; it is added to, since other steps write there too."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be told of: a run, one of its workstreams or all (empty), in how many bytes."""

    view: RunView
    ws_id: str
    room: int


def _comment(asked: _Asked) -> bytes:
    return sticky_comment(asked.view, asked.ws_id).body.encode() + b"\n"


def _pull_request(asked: _Asked) -> bytes:
    view, ws_id = asked.view, asked.ws_id
    text = (
        workstream_pull_request(view, view.workstream(ws_id)) if ws_id else run_pull_request(view)
    )
    return text.body.encode() + b"\n"


def _summary(asked: _Asked) -> bytes:
    text = job_summary(asked.view, asked.room)
    if not text:
        console.tell("There is no room left in the step's summary.")
    return text.encode()


def _annotations(asked: _Asked) -> bytes:
    lines = annotation_commands(run_findings(asked.view, asked.ws_id))
    return "".join(f"{line}\n" for line in lines).encode()


def _outputs(asked: _Asked) -> bytes:
    made = as_outputs(run_outputs(asked.view))
    for name in made.left_out:
        console.tell(f"There is no room for the output {name}.")
    return made.text.encode()


def _sarif(asked: _Asked) -> bytes:
    category = f"git-pipeline/{asked.ws_id}" if asked.ws_id else "git-pipeline"
    return dump_sarif(sarif_log(run_findings(asked.view, asked.ws_id), category=category))


_TO: Mapping[str, Callable[[_Asked], bytes]] = {
    MARKDOWN: _summary,
    "summary": _summary,
    "annotations": _annotations,
    "sarif": _sarif,
    "outputs": _outputs,
    "comment": _comment,
    "pull-request": _pull_request,
    "artifact": lambda asked: write_artifact(asked.view),
}


@click.command(
    "report",
    epilog=reading.examples(
        "pipeline report",
        "pipeline report 01jd3v --to summary",
        "pipeline report --to sarif --output findings.sarif",
        "pipeline report --to pull-request --workstream add-login",
        "pipeline report --from report.json --to comment",
    ),
)
@click.argument("run", required=False)
@click.option(
    "--to",
    type=click.Choice(list(_TO)),
    default=MARKDOWN,
    show_default=True,
    help="What to make of it.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="The file to write; by default the one that GitHub's runner names, else standard output.",
)
@click.option("--workstream", "ws_id", default="", metavar="WS", help="Only this workstream.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="Tell of an artifact that another job wrote, instead of a run that is stored here.",
)
@click.option("--repository", default="", metavar="OWNER/NAME", help="Where links lead to.")
@reading.repo_option
def command(
    *,
    run: str | None,
    to: str,
    output: Path | None,
    ws_id: str,
    source: Path | None,
    repository: str,
    repo: Path,
) -> int:
    """Say what the newest run or RUN came to, for GitHub or for people.

    `summary` is a job's summary, `annotations` are orders to the runner that show findings at
    their lines, `outputs` is what later steps want to know, `comment` and `pull-request` are
    texts, `sarif` and `artifact` are files for code scanning and for a job with more rights.
    """
    if run is not None and source is not None:
        raise click.UsageError("Give a RUN or --from PATH, not both.")
    place = _place(os.environ, repository)
    view = _read(source, repo, place) if source else _stored(run, repo, place)
    if ws_id:
        reading.require_known("workstream", ws_id, [ws.id for ws in view.workstreams])
    variable = _FILES.get(to, "") if output is None else ""
    room = step_file.room(variable, SUMMARY) if variable else SUMMARY
    made = _TO[to](_Asked(view, ws_id, room))
    if output is not None:
        write_atomic(output, made)
    elif not (variable and step_file.append(variable, made.decode())) and made:
        console.emit(made.decode().removesuffix("\n"))
    return 0


def _place(environ: Mapping[str, str], repository: str) -> Place:
    """Where we are, by what GitHub's runner says of itself."""
    server = environ.get("GITHUB_SERVER_URL", "") or "https://github.com"
    name = repository or environ.get("GITHUB_REPOSITORY", "")
    number = environ.get("GITHUB_RUN_ID", "")
    details = f"{server}/{name}/actions/runs/{number}" if name and number.isdigit() else ""
    return Place(name, server, details_url=details)


def _stored(run: str | None, repo: Path, place: Place) -> RunView:
    with reading.reading(repo) as records:
        run_id = reading.find_run(records, run, kind="run").run_id
        return RunView.of(
            records,
            run_id,
            repository=place.repository,
            server_url=place.server_url,
            details_url=place.details_url,
        )


def _read(source: Path, repo: Path, place: Place) -> RunView:
    with Repository.discover(repo) as repository:
        loaded = load_config(reading.top_of(repository), environ=os.environ)
    try:
        with source.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(f"There is no file {source}.", remedy="Check the path.") from error
    except OSError as error:
        raise as_unfit(error, source, "read") from error
    return read_artifact(content, config=loaded.config, place=place)
