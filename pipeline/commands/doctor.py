"""``pipeline doctor``: are the surroundings fit, and what is to be done where they are not."""

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.console import Cell
from pipeline.base.errors import ExitCode, PipelineError
from pipeline.base.git import Repository
from pipeline.commands import reading, sources
from pipeline.flow.agents_health import AgentHealth, agents_health, breaker_states, checkups
from pipeline.flow.prepare import tool_environ
from pipeline.flow.publishing import open_hub
from pipeline.flow.remote_health import check_remote
from pipeline.land.github.access import is_meant, token_name
from pipeline.model.config import Config
from pipeline.planning.problem import Problem, errors_of
from pipeline.planning.profiles import DRIVERS
from pipeline.report import surroundings
from pipeline.report.surroundings import Checkup, Fitness
from pipeline.store.records import Records

_COLOURS = {Fitness.OK: "green", Fitness.NOTE: "yellow", Fitness.BAD: "red"}


@click.command(
    "doctor",
    epilog=reading.examples(
        "pipeline doctor",
        "pipeline doctor --agents",
        "pipeline doctor --remote origin",
        "pipeline doctor --format json",
    ),
)
@click.option("--agents", is_flag=True, help="Look at the coding agents, and at nothing else.")
@click.option(
    "--remote",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[NAME]",
    help="Try whether a remote can carry the record of runs; `journal.remote` by default.",
)
@reading.format_option
@reading.repo_option
def command(form: str, repo: Path, *, agents: bool, remote: str | None) -> int:
    """Check the surroundings and say how to mend them; exits 3 where a run would not go well."""
    more: dict[str, object] = {}
    if agents and remote is not None:
        raise click.UsageError("Give --agents or --remote, not both.")
    if agents:
        found, more["agents"] = _examine_agents(repo)
    elif remote is not None:
        found = list(_examine_remote(repo, remote))
    else:
        found = [*surroundings.check_programs(), *_examine(repo)]
    is_fit = all(checkup.fitness is not Fitness.BAD for checkup in found)
    if form == reading.JSON:
        reading.print_json({"is_fit": is_fit, "checkups": found, **more})
    else:
        reading.print_lines(list(_lines(found)))
    return ExitCode.OK if is_fit else ExitCode.UNFIT


def _examine(repo: Path) -> Iterator[Checkup]:
    try:
        with Repository.discover(repo) as repository:
            yield from surroundings.check_repository(repository)
            yield from _examine_checkout(repository)
    except PipelineError as error:
        yield surroundings.complaint("repository", error)


def _examine_agents(repo: Path) -> tuple[list[Checkup], tuple[AgentHealth, ...]]:
    """Whether the agents of a repository can be called: of those to choose from, one at least."""
    with Repository.discover(repo) as repository:
        spec = sources.load_specification(repository)
        wrong = sources.read_config(repository).problems  # without bundles agents may be fit
        with Records(sources.configured_layout(repository, spec.config)) as records:
            breakers = breaker_states(records)
    found = agents_health(spec.config, tool_environ(os.environ), breakers)
    named = {name for name in sources.named_tools(spec) if name in spec.config.tools}
    chosen = sources.used_tools(spec) - named
    is_served = any(not health.problems for health in found if health.tool in chosen)
    told = checkups(found, named if is_served else named | chosen)
    return [*_complaints(wrong), *told], found


def _examine_remote(repo: Path, remote: str) -> Iterator[Checkup]:
    with Repository.discover(repo) as repository:
        loaded = sources.read_config(repository)
        yield from _complaints(loaded.problems)
        yield from check_remote(repository, loaded.config, remote or loaded.config.journal.remote)


def _complaints(problems: Sequence[Problem]) -> Iterator[Checkup]:
    wrong = errors_of(problems)
    if wrong:
        message = f"{console.count(len(wrong), 'problem')} in bundles or configuration"
        yield Checkup("specification", Fitness.BAD, message, "`pipeline validate` shows them.")


def _examine_checkout(repository: Repository) -> Iterator[Checkup]:
    layout = reading.find_layout(repository)
    try:
        spec = sources.load_specification(repository)
    except PipelineError as error:
        yield surroundings.complaint("configuration", error)
    else:
        layout = sources.configured_layout(repository, spec.config)
        yield from _complaints(spec.problems)
        used = sources.used_tools(spec)
        path = os.environ.get("PATH", os.defpath)
        yield from surroundings.check_tools(spec.config, used, layout.top, path)
        yield from _point_to_agents(spec.config, used)
        yield from _examine_publishing(repository, spec.config)
    yield from surroundings.check_branches(repository, layout)
    yield from surroundings.check_disk(layout)
    yield from surroundings.check_database(layout)
    yield from surroundings.check_lock(layout)


def _examine_publishing(repository: Repository, config: Config) -> Iterator[Checkup]:
    """Whether it is clear where `pipeline publish` writes, and as whom; GitHub is not asked."""
    remote = config.publish.remote
    url = repository.remotes.url(remote) if remote in repository.remotes.names() else ""
    if not is_meant(config.publish, url, os.environ):
        return
    try:
        with open_hub(config, url, os.environ) as hub:
            target = f"{hub.repository} at {hub.api_url}, with {token_name(os.environ)}"
        yield Checkup("publish", Fitness.OK, target)
    except PipelineError as error:
        message = f"`pipeline publish` cannot be used yet: {error.what}"
        yield Checkup("publish", Fitness.NOTE, message, error.remedy)


def _point_to_agents(config: Config, used: Collection[str]) -> Iterator[Checkup]:
    """Agents are asked for their versions, which takes its time: that is a look of its own."""
    names = [name for name in sorted(used) if config.tools[name].driver in DRIVERS]
    if names:
        message = f"not looked at here: {', '.join(names)}"
        yield Checkup("agents", Fitness.NOTE, message, "`pipeline doctor --agents` does.")


def _lines(found: Sequence[Checkup]) -> Iterator[str]:
    lines = console.columns(["", "", ""], map(_row, found), reading.paint())[1:]
    for line, checkup in zip(lines, found, strict=True):
        yield line
        if checkup.remedy:
            yield f"      {console.safe(checkup.remedy)}"


def _row(checkup: Checkup) -> list[Cell | str | int]:
    state = Cell(checkup.fitness, _COLOURS[checkup.fitness])
    return [state, checkup.name, console.safe(checkup.message)]
