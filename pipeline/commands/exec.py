"""``pipeline exec``: run any program under the same care as a tool, and record it."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.git import Repository
from pipeline.base.process import CancelToken, Ending
from pipeline.commands import reading
from pipeline.commands.signals import StopOnSignal
from pipeline.commands.sources import read_config
from pipeline.flow.exec import DEFAULT_TIMEOUT_S, ExecRequest, Executed, execute, time_limit
from pipeline.model.config import Config
from pipeline.planning.problem import PlanError, errors_of
from pipeline.store.layout import Layout

_LOOK_S = 0.1


@click.command(
    "exec",
    context_settings={"allow_interspersed_args": False},
    epilog=reading.examples(
        "pipeline exec -- make test",
        "pipeline exec --timeout 60 --idle-timeout 10 -- ./flaky.sh --all",
        "pipeline exec --phase docs -- sphinx-build docs out",
    ),
)
@click.option("--phase", default="", metavar="P", help="The phase it counts for; gives its limit.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help=f"End it after so many seconds; the phase's limit or {DEFAULT_TIMEOUT_S:g} by default.",
)
@click.option(
    "--idle-timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="End it when it was silent for so many seconds.",
)
@reading.repo_option
@click.argument("words", metavar="-- CMD [ARG]…", nargs=-1, required=True, type=click.UNPROCESSED)
def command(
    *,
    phase: str,
    timeout: float | None,
    idle_timeout: float | None,
    repo: Path,
    words: tuple[str, ...],
) -> int:
    """Run CMD in the current directory and exit with its exit code.

    Its output comes through as it is written, and is kept under .pipeline/runs/<run>. It has your
    environment, but no terminal and nothing on standard input. Whatever it starts ends with it.

    Exits as CMD does; with 128 and the signal that ended it, 124 when its time was up, 127 when
    it is missing, 130 when you stop it, 3 outside of a repository.
    """
    with Repository.discover(repo) as repository:
        layout = reading.find_layout(repository)
        request = ExecRequest(
            argv=words,
            directory=Path.cwd(),
            environ=dict(os.environ),
            timeout_s=time_limit(_config(repository, phase), phase, timeout),
            idle_timeout_s=idle_timeout,
            phase=phase,
            echo=(_descriptor(1), _descriptor(2)),
        )
        done = _execute(repository, layout, request)
    _tell(done)
    return done.exit_code


def _execute(repository: Repository, layout: Layout, request: ExecRequest) -> Executed:
    """Run in a thread of its own, so that a signal is seen at once."""
    cancel = CancelToken()
    with StopOnSignal() as stop, ThreadPoolExecutor(1, "exec") as worker:
        future = worker.submit(execute, repository, layout, request, cancel=cancel)
        while True:
            try:
                return future.result(timeout=_LOOK_S)
            except TimeoutError:
                if stop.reason():
                    cancel.cancel()


def _config(repository: Repository, phase: str) -> Config:
    if not phase:
        return Config()
    loaded = read_config(repository)
    if errors_of(loaded.problems):
        raise PlanError(loaded.problems)
    return loaded.config


def _descriptor(number: int) -> int | None:
    """A standard stream's descriptor, ``None`` where it is closed."""
    try:
        os.fstat(number)
    except OSError:
        return None
    return number


def _tell(done: Executed) -> None:
    """What a person would not know from the program's own output."""
    record = done.record
    if done.outcome.ending not in (Ending.EXITED, Ending.SIGNALLED):
        sys.stderr.write(f"error: {console.safe(record.outcome)}\n")
        sys.stderr.write(f"  next: `pipeline show-events {record.run_id}` tells more.\n")
    if record.left_behind:
        names = console.safe(", ".join(record.left_behind), 300)
        sys.stderr.write(f"warning: {record.name} left processes behind, now ended: {names}\n")
    if done.problem:
        sys.stderr.write(f"warning: it could not be recorded: {done.problem}\n")
