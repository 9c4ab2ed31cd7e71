"""``pipeline cancel``: ask the live run to stop; it can be carried on."""

from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.errors import ExitCode
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.model.states import RunState
from pipeline.store.inbox import Request, post
from pipeline.store.lock import live_owner

_LIVE = frozenset({RunState.PENDING, RunState.RUNNING})


@click.command("cancel", epilog=reading.examples("pipeline cancel", "pipeline cancel 01jd3v"))
@click.argument("run", required=False)
@reading.repo_option
def command(run: str | None, repo: Path) -> int:
    """Ask the live run, or RUN, to stop; `pipeline run` carries it on. Exits 1 if none is live."""
    with Repository.discover(repo) as repository:
        layout = reading.find_layout(repository)
    owner = live_owner(layout)
    with reading.try_reading(repo) as records:
        if run is not None and records is None:
            raise reading.NOTHING_YET
        # A program that `pipeline exec` runs meanwhile is no engine's run.
        has_run = records is not None and records.latest_run(kind="run") is not None
        found = reading.find_run(records, run, kind="run") if records and has_run else None
    is_live = found is not None and found.state in _LIVE
    if owner is None:
        console.emit("Nobody works on this repository: there is nothing to cancel.")
        if found and is_live:
            console.emit(f"`pipeline run` carries on run {found.run_id}, which was cut off.")
        return ExitCode.NOT_PASSED
    if found is None or not is_live:
        what = f"run {found.run_id} is {found.state}" if found else "no run has begun yet"
        console.emit(f"The repository is held by {owner}, but {what}: nothing to cancel.")
        return ExitCode.NOT_PASSED
    post(layout, Request("cancel", found.run_id))
    console.emit(f"Asked {owner} to stop run {found.run_id}; `pipeline run` carries it on.")
    return ExitCode.OK
