"""``pipeline costs``: what agents used and cost, and what is left of the limits."""

import os
from collections.abc import Mapping
from pathlib import Path

import click

from pipeline.base.errors import InputError
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.model.config import BudgetConfig, Config
from pipeline.planning.configuration import load_config
from pipeline.planning.problem import errors_of
from pipeline.report.costs import build_costs, costs_document, render_costs
from pipeline.store.records import Records
from pipeline.store.spending import By, spending
from pipeline.work.pricing import has_table

_OF_ALL_RUNS = (By.RUN, By.PROJECT)


@click.command(
    "costs",
    epilog=reading.examples(
        "pipeline costs",
        "pipeline costs 01jd3v --by attempt",
        "pipeline costs --by worker",
        "pipeline costs --by project --format json | jq .total",
    ),
)
@click.argument("run", required=False)
@click.option(
    "--by",
    type=click.Choice([by.value for by in By]),
    default=By.WORKSTREAM.value,
    show_default=True,
    help="What to sum by; `worker` is the tool. `run` and `project` are about all runs.",
)
@reading.format_option
@reading.repo_option
def command(run: str | None, by: str, form: str, repo: Path) -> int:
    """Show what agents cost in the newest run or in RUN, and what is left of its limits.

    Costs are what the agent itself reported, else by the prices of its profile, else by the
    table of the package genai-prices. What nobody knows is counted apart, never as nothing.
    """
    kind = By(by)
    if run is not None and kind in _OF_ALL_RUNS:
        raise click.UsageError(f"Give a RUN or --by {by}, not both.")
    with reading.reading(repo) as records:
        if kind in _OF_ALL_RUNS:
            costs = build_costs(spending(records), kind)
        else:
            run_id = reading.find_run(records, run, kind="run").run_id
            config, phases = _plan(records, run_id)
            costs = build_costs(
                spending(records, run_id),
                kind,
                run_id=run_id,
                phases=phases,
                budget=_budget(repo, config),
            )
    if form == reading.JSON:
        reading.print_json(costs_document(costs))
        return 0
    reading.print_lines(render_costs(costs, reading.paint()))
    if costs.unknown and not has_table():
        reading.print_lines(["  `pip install 'git-pipeline[agents]'` adds a table of prices."])
    return 0


def _plan(records: Records, run_id: str) -> tuple[Config, Mapping[str, str]]:
    """The configuration of a run's plan and the phase of each workstream."""
    try:
        plan = records.plan(run_id)
    except InputError:  # one program run by itself
        return Config(), {}
    return plan.config, {ws.id: ws.phase or "" for ws in plan.workstreams}


def _budget(repo: Path, planned: Config) -> BudgetConfig:
    """The limits as they are now: a run that is carried on is held to these.

    Those of the run's plan where the configuration cannot be read.
    """
    with Repository.discover(repo) as repository:
        loaded = load_config(reading.top_of(repository), environ=os.environ)
    return planned.budget if errors_of(loaded.problems) else loaded.config.budget
