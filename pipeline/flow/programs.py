"""The programs and variables that a plan needs, looked for before anything is run."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.base.errors import UnfitError
from pipeline.base.process import which
from pipeline.flow.prepare import Prepared
from pipeline.model.check import Check, ToolProfile
from pipeline.model.routing import profiles_for
from pipeline.model.workstream import Workstream

_VARIABLE = "env:"


@dataclass(frozen=True, slots=True)
class _Use:
    """A command, the variables that are set for it, and where it is used."""

    command: tuple[str, ...] | str
    variables: Mapping[str, str]
    where: str


def require_programs(prepared: Prepared) -> None:
    """Raise ``UnfitError`` that lists every program and variable that is not there, and its use.

    What a shell string starts is the shell's to find, and a name with a slash may lie in a tree
    that only comes to be: both are left to the moment when they are run.
    """
    missing: dict[str, list[str]] = {}
    for use in _uses(prepared):
        for name in _missing(use, prepared):
            places = missing.setdefault(name, [])
            if use.where not in places:
                places.append(use.where)
    if missing:
        lines = [f"  {name}: {_some(places)}" for name, places in sorted(missing.items())]
        raise UnfitError(
            "\n".join(["The plan needs what cannot be found on PATH or is not set:", *lines]),
            remedy="Install or set what is missing, or change the command in the place named; "
            "`pipeline doctor` looks again.",
        )


def _missing(use: _Use, prepared: Prepared) -> Iterator[str]:
    """What a use lacks: its program, and variables that are read from the environment."""
    environ = prepared.environ
    for value in use.variables.values():
        source = value.removeprefix(_VARIABLE)
        if value != source and source not in environ:
            yield f"the variable {source}"
    word = use.command[0] if isinstance(use.command, tuple) and use.command else ""
    if not word or os.sep in word or "{" in word:
        return
    path = use.variables.get("PATH", environ.get("PATH", os.defpath))
    if path.startswith(_VARIABLE):
        path = environ.get(path.removeprefix(_VARIABLE), os.defpath)
    if which(word, path=path, cwd=prepared.layout.top) is None:
        yield word


def _some(places: list[str]) -> str:
    more = f" and {len(places) - 3} more places" if len(places) > 3 else ""
    return ", ".join(places[:3]) + more


def _uses(prepared: Prepared) -> Iterator[_Use]:
    """Everything that running the plan would start."""
    plan, config = prepared.plan, prepared.plan.config
    for step in config.setup:
        yield _Use(step.command, {}, f"the set-up step `{step.name}`")
    used = {"runtime", *(ws.gate for ws in plan.workstreams if ws.gate)}
    if any(ws.static is None for ws in plan.workstreams):
        used.add("static")
    for name in sorted(used & config.gates.keys()):
        yield from _checks(config.gates[name].checks, f"the gate `{name}`")
    if config.review.judge:
        judge = config.tools[config.review.judge]
        yield _Use(judge.command, judge.env, "`review.judge`")
    for ws in plan.workstreams:
        tools = [_of_tool(profile, ws) for profile in profiles_for(ws.tool, config)]
        # Of those that the routing may choose one is enough; it is asked in place of the others.
        if not any(use is None or not any(_missing(use, prepared)) for use in tools):
            yield from filter(None, tools)
        yield from _checks(ws.static or (), f"`static` of the workstream `{ws.id}`")
        yield from _checks(ws.acceptance_tests, f"`acceptance_tests` of the workstream `{ws.id}`")


def _of_tool(profile: ToolProfile, ws: Workstream) -> _Use | None:
    own = ws.tool_args.get("command")
    if profile.driver == "patch":
        return None
    where = f"the tool `{profile.id}` of the workstream `{ws.id}`"
    command = own if isinstance(own, str) else tuple(own) if own else profile.command
    return _Use(command, profile.env, where)


def _checks(checks: tuple[Check, ...], where: str) -> Iterator[_Use]:
    return (_Use(check.command, check.env, where) for check in checks)
