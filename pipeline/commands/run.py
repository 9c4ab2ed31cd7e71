"""``pipeline run``: carry a set of workstreams through to one integration branch."""

import contextlib
import math
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import click

from pipeline.base import console
from pipeline.base.errors import ExitCode, InputError
from pipeline.commands import plan as plan_command
from pipeline.commands import reading
from pipeline.commands.show_run import print_summary
from pipeline.commands.signals import StopOnSignal
from pipeline.flow.kept import kept_checkouts
from pipeline.flow.prepare import Prepared, RunRequest, prepare
from pipeline.flow.run import Watch, find_completed, run
from pipeline.flow.update_base import require_clean_base, update_base
from pipeline.model.states import RunState
from pipeline.model.summary import RunSummary
from pipeline.report.progress import open_progress
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger

T = TypeVar("T")

_LONGEST_S = 10_000_000.0


def _require_number(
    _context: click.Context, _parameter: click.Parameter, value: float | None
) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is no number of seconds.")
    return value


def overrides_of(options: dict[str, Any]) -> dict[str, Any]:
    """Command-line options as configuration by dotted key; what was not given is left out."""
    keys = {
        "jobs": "run.jobs",
        "timeout": "run.timeout_s",
        "reproducible": "run.reproducible",
        "folder": "paths.workstreams",
        "landing": "landing.mode",
    }
    given = {key: options[name] for name, key in keys.items() if options.get(name) is not None}
    if isinstance(given.get("paths.workstreams"), Path):
        given["paths.workstreams"] = str(given["paths.workstreams"])
    return given


def plan_options(command: Any) -> Any:
    """The options that ``run`` and ``plan`` share: what is to be done, from where."""
    for option in (
        click.option(
            "--only",
            multiple=True,
            metavar="ID",
            help="Only this workstream and what it depends on; may be given several times.",
        ),
        click.option(
            "--base", metavar="REF", help="Where to start from; the base branch by default."
        ),
        click.option(
            "--workstreams",
            "folder",
            metavar="DIR",
            type=click.Path(path_type=Path, file_okay=False),
            help="The folder of bundles; the configured one by default.",
        ),
        click.option(
            "--reproducible/--no-reproducible",
            default=None,
            help="Date commits by the base commit, so that their ids repeat.",
        ),
        click.option(
            "--landing",
            type=click.Choice(["each", "batch"]),
            help="Gate every landed commit, or many at once.",
        ),
    ):
        command = option(command)
    return command


@click.command(
    "run",
    epilog=reading.examples(
        "pipeline run",
        "pipeline run --jobs 4 --only add-login --only fix-docs",
        "pipeline run --base release-2 --format json",
        "pipeline run --dry-run",
    ),
)
@plan_options
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    metavar="N",
    help="How many workstreams are worked on at once; the cores by default.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1, max=_LONGEST_S),
    callback=_require_number,
    metavar="S",
    help="Stop the whole run after so many seconds; it can be carried on.",
)
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Run a plan that `pipeline plan --format json` wrote.",
)
@click.option("--fresh", is_flag=True, help="Start anew; take nothing over.")
@click.option("--dry-run", is_flag=True, help="Show what would run; change nothing.")
@click.option("--keep-worktrees", is_flag=True, help="Keep what did not land as the tool left it.")
@click.option(
    "--update-base",
    is_flag=True,
    help="Fast-forward the base branch when everything landed; it has to be clean.",
)
@click.option(
    "--publish", is_flag=True, help="Publish what it came to on GitHub; see `pipeline publish`."
)
@click.option("--quiet", is_flag=True, help="No progress.")
@reading.format_option
@reading.repo_option
def command(form: str, repo: Path, **options: Any) -> int:
    """Run the workstreams of a folder end to end; carries on what was interrupted.

    Each is edited in a checkout of its own, held to its scope, gated, repaired within limits and
    landed in plan order on the branch pipeline/<run>. Exits 0 when all landed, 1 when something
    did not, 130 when interrupted; that something could not be published does not change that.
    """
    if options["plan_file"]:
        _refuse_beside_plan(options)
    request = RunRequest(
        directory=repo,
        environ=os.environ,
        overrides=overrides_of(options),
        only=options["only"],
        base=options["base"],
        plan_file=options["plan_file"],
        is_fresh=options["fresh"],
        keeps_worktrees=options["keep_worktrees"],
        updates_base=options["update_base"],
    )
    prepared = prepare(request)
    with prepared.repo:
        if options["dry_run"]:
            return plan_command.show(prepared, form)
        for note in prepared.notes:
            console.tell(f"note: {console.safe(note)}")
        if request.updates_base:
            require_clean_base(prepared)
        publish = _publisher(prepared) if options["publish"] else None
        summary = None if request.is_fresh else find_completed(prepared)
        if summary is None:
            summary = run_with_progress(
                lambda watch: run(prepared, is_fresh=request.is_fresh, watch=watch),
                is_quiet=options["quiet"],
            )
        show_result(summary, form)
        if request.keeps_worktrees:
            _tell_kept(prepared.layout, summary.run_id)
        if request.updates_base and summary.status is RunState.COMPLETED:
            update_base(prepared, summary.integration_commit)
        if publish is not None:
            publish(summary.run_id)
    return ExitCode.OK if summary.status is RunState.COMPLETED else ExitCode.NOT_PASSED


def _publisher(prepared: Prepared) -> Callable[[str], None]:
    """What publishes a run once it has ended; raises now where it could never."""
    from pipeline.commands.publish import hub_after_run, publish_after_run

    hub = hub_after_run(prepared.repo, prepared.config)
    return lambda run_id: publish_after_run(prepared.repo, prepared.config, hub, run_id)


def _tell_kept(layout: Layout, run_id: str) -> None:
    kept = kept_checkouts(layout, run_id)
    for path in kept:
        console.tell(f"note: the checkout of {path.name} is kept: {console.safe(str(path))}")
    if not kept:
        console.tell("note: no checkout is kept: no tool worked in one, or all landed.")


def show_result(summary: RunSummary, form: str) -> None:
    """Print a run's summary; that nobody reads it does not change how the run ended."""
    with contextlib.suppress(BrokenPipeError):
        print_summary(summary, form, is_short=True)


def _refuse_beside_plan(options: dict[str, Any]) -> None:
    """Raise for options whose answer a plan file holds already."""
    asked = {
        "--only": options["only"],
        "--base": options["base"] is not None,
        "--workstreams": options["folder"],
        "--reproducible": options["reproducible"] is not None,
        "--landing": options["landing"],
    }
    given = [name for name, value in asked.items() if value]
    if given:
        raise InputError(
            f"{given[0]} cannot be given together with --plan: the plan says that already.",
            remedy="Give it to `pipeline plan`, or leave one of the two out.",
        )


def run_with_progress(go: Callable[[Watch], T], *, is_quiet: bool) -> T:
    """Call ``go`` with a watch that shows progress on standard error and stops on Ctrl-C."""
    with ExitStack() as stack, StopOnSignal() as stop:

        def show_progress(ledger: Ledger, run_id: str) -> None:
            for note in ledger.notes:
                console.tell(f"note: {console.safe(note)}")
            records = ledger.workstreams(run_id)
            display = open_progress(sys.stderr, os.environ, workstreams=records, is_quiet=is_quiet)
            ledger.bus.subscribe(stack.enter_context(display), name="progress")

        return go(Watch(observers=(show_progress,), should_stop=stop.reason))
