"""``pipeline fix-ci``: repair mechanically what a failed CI run complains of."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.errors import ExitCode, InputError
from pipeline.base.files import make_directory, write_atomic
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.commands.publish import configured
from pipeline.commands.run import run_with_progress
from pipeline.flow.fixing_ci import CiRequest, fix_ci
from pipeline.flow.fixing_ci_github import failed_run
from pipeline.flow.fixing_ci_logs import FailedRun, read_logs
from pipeline.flow.fixing_ci_suggestions import suggestions
from pipeline.flow.publishing import open_hub, server_of
from pipeline.model import codec
from pipeline.model.ci_fix import CiFix, CiFixOutcome
from pipeline.store.records import Records

_EXIT_CODES = {
    CiFixOutcome.FIXED: ExitCode.OK,
    CiFixOutcome.NOTHING: ExitCode.OK,
    CiFixOutcome.REFUSED: ExitCode.OK,
}
_WORDS = {
    CiFixOutcome.FIXED: "All is repaired",
    CiFixOutcome.PARTLY: "Some is left",
    CiFixOutcome.UNFIXED: "Nothing could be repaired",
    CiFixOutcome.NOTHING: "There is nothing to do",
    CiFixOutcome.ELSEWHERE: "It cannot be seen here",
    CiFixOutcome.REFUSED: "It is left alone",
}


@click.command(
    "fix-ci",
    epilog=reading.examples(
        "pipeline fix-ci --workflow-run 9876543210",
        "pipeline fix-ci --log job.txt --commit HEAD",
        "pipeline fix-ci --log logs.zip --suggest repair --format json",
    ),
)
@click.option(
    "--workflow-run",
    type=click.IntRange(min=1),
    metavar="ID",
    help="The run on GitHub that failed.",
)
@click.option(
    "--log",
    "logs",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The log of a failed job, or the archive of a run's logs; may be given several times.",
)
@click.option("--commit", "rev", metavar="REV", help="What failed, with --log; HEAD by default.")
@click.option(
    "--suggest",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the repair there, as a patch and as suggestions for a review.",
)
@click.option("--quiet", is_flag=True, help="No progress.")
@reading.format_option
@reading.repo_option
def command(
    *,
    workflow_run: int | None,
    logs: tuple[Path, ...],
    rev: str | None,
    suggest: Path | None,
    quiet: bool,
    form: str,
    repo: Path,
) -> int:
    """Find what failed in a log, repair it with fixers that need no judgement, check it again.

    The check that failed is the gate, the files that the log names are the scope, the commit that
    failed is the base of an ordinary run, which can be published as any other. Exits 0 when all is
    repaired or there is nothing to do, 1 when something is left, 3 when GitHub cannot be reached.
    """
    with Repository.discover(repo) as repository:
        failed = _failed(repository, workflow_run, logs, rev)
        request = CiRequest(failed, dict(os.environ))
        done = run_with_progress(lambda watch: fix_ci(repository, request, watch), is_quiet=quiet)
        if suggest is not None and done.run_id:
            _write_suggestions(repository, done, suggest)
    if form == reading.JSON:
        reading.print_json(done)
    else:
        reading.print_lines(list(_text(done)))
    return _EXIT_CODES.get(done.outcome, ExitCode.NOT_PASSED)


def _failed(
    repository: Repository, workflow_run: int | None, logs: tuple[Path, ...], rev: str | None
) -> FailedRun:
    if (workflow_run is None) is (not logs):
        raise InputError(
            "Either --workflow-run or --log says what failed.", remedy="Give one of the two."
        )
    if workflow_run is None:
        return FailedRun(repository.resolve_commit(rev or "HEAD"), read_logs(logs))
    if rev is not None:
        raise InputError("--commit belongs to --log: GitHub says what a workflow run was about.")
    config = configured(repository)
    url = repository.remotes.url(config.publish.remote)
    with open_hub(config, url, os.environ) as hub:
        # That this server is the remote's was agreed on before the hub was opened.
        repository.remotes.trust(server_of(hub.api_url, os.environ))
        return failed_run(repository, config.publish.remote, hub, workflow_run)


def _write_suggestions(repository: Repository, done: CiFix, folder: Path) -> None:
    """``fix.patch`` and ``suggestions.json``; nothing where nothing was changed."""
    layout = reading.find_layout(repository)
    with Records(layout) as records:
        record = records.workstream(done.run_id, done.workstream)
        patch_id = record.patch_id
        text = records.patch_text(done.run_id, patch_id) if patch_id else b""
    if not patch_id:
        return
    make_directory(folder)
    found = suggestions(repository, repository.commit_tree(done.commit), record.tree)
    document = {"commit": done.commit, "suggestions": codec.encode(found)}
    write_atomic(folder / "fix.patch", text)
    write_atomic(folder / "suggestions.json", json.dumps(document, indent=2).encode() + b"\n")


def _text(done: CiFix) -> Iterator[str]:
    reason = f": {console.safe(done.reason)}" if done.reason else "."
    yield f"{_WORDS[done.outcome]}{reason}"
    if done.checks:
        yield f"  checks   {console.safe(', '.join(done.checks))}"
    for word, paths in (("files", done.files), ("left out", done.refused_files)):
        if paths:
            some = ", ".join(console.safe(path) for path in paths[:10])
            more = f" and {len(paths) - 10} more" if len(paths) > 10 else ""
            yield f"  {word:<8} {some}{more}"
    if done.run_id:
        yield f"  repaired {done.fixed} of {console.count(done.found, 'finding')}"
        yield f"  run      {done.run_id}"
        yield f"  next     pipeline show-run {done.run_id}"
    if done.is_log_cut:
        yield "  The log was too long to be read whole; its end was."
