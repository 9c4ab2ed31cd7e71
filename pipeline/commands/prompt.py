"""``pipeline prompt``: what the tool of a workstream would be told; nothing is run or changed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.errors import ExitCode, InputError
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.flow.gathering import Ground
from pipeline.flow.prepare import RunRequest, prepare
from pipeline.flow.prompting import Asked, compose, kind_of, prompt_values
from pipeline.flow.stored import StoredRun, tell_next
from pipeline.model.agent import Prompt
from pipeline.model.check import ToolProfile
from pipeline.model.config import Config
from pipeline.model.record import Step

_LATEST = "latest"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the command line asks for; ``tool`` and ``run`` are ``None`` where not given."""

    ws_id: str
    step: Step
    tool: str | None
    run: str | None
    part: int


@click.command(
    "prompt",
    epilog=reading.examples(
        "pipeline prompt add-login",
        "pipeline prompt add-login --tool aider --format json",
        "pipeline prompt add-login --step fix --run latest",
    ),
)
@click.argument("workstream", metavar="WS")
@click.option(
    "--step",
    type=click.Choice([Step.EDIT.value, Step.FIX.value]),
    default=Step.EDIT.value,
    help="The step that asks: edit (the default) or fix.",
)
@click.option("--tool", metavar="PROFILE", help="The tool to be told; the bundle's by default.")
@click.option(
    "--run",
    metavar="RUN",
    help="What this run would ask next, `latest` for the newest; else the bundle is read as it "
    "is now, and the base.",
)
@click.option(
    "--part",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Which part, where the files are too much for one prompt.",
)
@reading.format_option
@reading.repo_option
def command(
    *,
    workstream: str,
    step: str,
    tool: str | None,
    run: str | None,
    part: int,
    form: str,
    repo: Path,
) -> int:
    """Show what the tool of workstream WS would be told; run nothing, change nothing.

    Agents get a prompt from templates, within their budget of tokens; other tools a plain text.
    """
    wanted = _Wanted(workstream, Step(step), tool, run, part)
    told = _of_now(repo, wanted) if run is None else _of_run(repo, wanted)
    if form == reading.JSON:
        reading.print_json({"workstream": workstream, **prompt_values(told), "text": told.text})
    else:
        _show(told)
    return ExitCode.OK


def _of_now(repo: Path, wanted: _Wanted) -> Prompt:
    """From the bundles and the configuration on disk, and the base commit."""
    prepared = prepare(RunRequest(repo, os.environ))
    with prepared.repo:
        plan = prepared.plan
        bundles = {ws.id: ws for ws in plan.workstreams}
        reading.require_known("workstream", wanted.ws_id, list(bundles))
        ws = bundles[wanted.ws_id]
        ground = Ground(prepared.repo, plan.config, plan.base_commit, bundles)
        profile = _profile(plan.config, wanted.tool or ws.tool)
        kind = kind_of(wanted.step, None)
        return compose(ground, profile, Asked(ws, ground.base_tree, kind, part=wanted.part))


def _of_run(repo: Path, wanted: _Wanted) -> Prompt:
    """From what a run has stored: its plan, the tree it has come to, what went wrong."""
    with Repository.discover(repo) as repository, reading.reading(repo) as records:
        name = None if wanted.run == _LATEST else wanted.run
        run_id = reading.find_run(records, name, kind="run").run_id
        known = {record.ws_id: record for record in records.workstreams(run_id)}
        reading.require_known("workstream", wanted.ws_id, list(known))
        run = StoredRun.of(records, repository, run_id)
        record = known[wanted.ws_id]
        if not record.tree:  # it has not begun
            base = run.plan.base_commit
            tree = repository.commit_tree(base)
            record = replace(record, tree=tree, start_commit=base, commit=base)
        profile = _profile(run.config, wanted.tool or run.workstream(wanted.ws_id).tool)
        return tell_next(run, record, profile, wanted.step, part=wanted.part)


def _profile(config: Config, name: str) -> ToolProfile:
    tools: Mapping[str, ToolProfile] = config.tools
    if name == "auto":
        raise InputError(
            "The tool of this workstream is chosen when it runs.",
            remedy=f"Say which one to look at by `--tool`: {', '.join(sorted(tools))}.",
        )
    reading.require_known("tool", name, sorted(tools))
    return tools[name]


def _show(told: Prompt) -> None:
    """The text on standard output, what there is to know about it on standard error."""
    for line in told.text.removesuffix("\n").split("\n"):
        console.emit(console.safe(line.replace("\t", "    ")))
    if told.limit:
        part = f", part {told.part} of {told.parts}" if told.parts > 1 else ""
        made = f"; {', '.join(told.strategies)}" if told.strategies else ""
        console.tell(f"about {told.tokens} of {told.limit} tokens{part}{made}")
