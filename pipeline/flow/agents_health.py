"""Whether the agents that a repository uses, or could use, can be called on this machine."""

import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.base.errors import UnfitError
from pipeline.base.process import which
from pipeline.model.agent import AgentFailure
from pipeline.model.check import ToolProfile, ToolType
from pipeline.model.config import Config
from pipeline.model.event import EventType
from pipeline.model.routing import BreakerState
from pipeline.model.states import RunState
from pipeline.report.surroundings import Checkup, Fitness
from pipeline.store.records import Records
from pipeline.work.agents import ADAPTERS, Contract
from pipeline.work.agents.preflight import Fault, look, program_of, why_no_key
from pipeline.work.tools import tool_environment

_VARIABLE = "env:"


@dataclass(frozen=True, slots=True)
class AgentHealth:
    """What was found of one agent; ``credentials`` says by name which variables are set.

    ``path`` and ``version`` are empty where the program was not found. ``problems`` are sentences
    with what to do, none where the agent can be called. ``breaker`` is as in the run that is going
    on, ``closed`` where none is. ``is_configured`` tells a profile from an agent that is only
    known.
    """

    tool: str
    driver: str
    program: str
    path: str = ""
    version: str = ""
    versions: str = ""
    is_version_known: bool = False
    credentials: Mapping[str, bool] | None = None
    breaker: BreakerState = BreakerState.CLOSED
    is_configured: bool = True
    problems: tuple[str, ...] = ()


def agents_health(
    config: Config, environ: Mapping[str, str], breakers: Mapping[str, BreakerState]
) -> tuple[AgentHealth, ...]:
    """The agents of all profiles, then those that no profile uses; starts version commands only."""
    profiles = [p for p in config.tools.values() if p.driver in ADAPTERS]
    drivers = {profile.driver for profile in profiles}
    known = [ToolProfile(d, ToolType.AI, driver=d) for d in sorted(ADAPTERS) if d not in drivers]
    found = []
    with tempfile.TemporaryDirectory(prefix="pipeline-doctor-") as folder:
        for profile in (*profiles, *known):
            health = _health(profile, environ, Path(folder))
            found.append(
                replace(
                    health,
                    breaker=breakers.get(profile.id, BreakerState.CLOSED),
                    is_configured=profile.driver in drivers,
                )
            )
    return tuple(found)


def breaker_states(records: Records) -> dict[str, BreakerState]:
    """The breakers of tools in the run that is going on, by tool; none where no run is."""
    run = records.latest_run(states={RunState.RUNNING}, kind="run")
    if run is None:
        return {}
    tripped = records.events(run.run_id, types={EventType.BREAKER_TRIPPED})
    return {
        str(event.payload["tool"]): BreakerState(event.payload["to"])
        for event in tripped
        if event.payload.get("kind") == "tool"
    }


def checkups(found: Collection[AgentHealth], needed: Collection[str]) -> Iterator[Checkup]:
    """Agents as findings; what cannot be called is bad where the tool is ``needed``."""
    for health in found:
        bad = Fitness.BAD if health.tool in needed else Fitness.NOTE
        if not health.is_configured:
            yield Checkup(health.tool, Fitness.NOTE, f"{_said(health)}; no profile uses it")
            continue
        if not health.problems:
            yield Checkup(health.tool, Fitness.OK, _said(health))
        for problem in health.problems:
            what, _, remedy = problem.partition(": ")
            yield Checkup(health.tool, bad, f"{what}.", _sentence(remedy))
        if health.breaker is not BreakerState.CLOSED:
            message = "its breaker is open: it failed several times in a row in the run going on"
            remedy = "It is asked again by itself; `pipeline show-events` tells what happened."
            yield Checkup(health.tool, Fitness.NOTE, message, remedy)


def _health(profile: ToolProfile, environ: Mapping[str, str], cwd: Path) -> AgentHealth:
    contract = ADAPTERS[profile.driver].contract
    program = program_of(contract, profile)[0]
    low, high = contract.versions
    health = AgentHealth(
        profile.id,
        profile.driver,
        program,
        versions=f"from {low} to before {high}",
        credentials=_credentials(contract, profile, environ),
    )
    no_key = why_no_key(contract, profile, environ)
    keyless = replace(profile, agent=replace(profile.agent, api_key="", base_url=""), env={})
    try:
        env = tool_environment(keyless, environ=environ, own={"HOME": str(cwd)})
        path = which(program, path=env.get("PATH", ""), cwd=cwd)
        anyone = replace(contract, credentials=())
        seen = look(anyone, keyless, env=env, environ=environ, cwd=cwd)
    except UnfitError as error:
        return replace(health, problems=(str(error),))
    faults: list[Fault | None] = [seen.fault, no_key]
    return replace(
        health,
        path=str(path or ""),
        version=seen.version,
        is_version_known=bool(seen.version)
        and not (seen.fault and seen.fault.failure is AgentFailure.VERSION),
        problems=tuple(fault.message for fault in faults if fault),
    )


def _credentials(
    contract: Contract, profile: ToolProfile, environ: Mapping[str, str]
) -> dict[str, bool]:
    """The variables that may hold the agent's credentials, and whether they do; never a value."""
    key = profile.agent.api_key
    names = (key.removeprefix(_VARIABLE),) if key.startswith(_VARIABLE) else contract.credentials
    return {name: bool(environ.get(name)) or name in profile.env for name in names}


def _said(health: AgentHealth) -> str:
    if not health.path:
        return f"{health.program} is not on PATH"
    is_set = [name for name, is_there in (health.credentials or {}).items() if is_there]
    keys = f"{', '.join(is_set)} is set" if is_set else "no credentials are set"
    return f"{health.program} {health.version or 'of an unknown version'}: {health.path}; {keys}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
