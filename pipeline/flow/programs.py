"""The programs that a plan needs, looked for before anything is run."""

import os
from collections.abc import Iterator, Mapping

from pipeline.base.errors import UnfitError
from pipeline.base.process import which
from pipeline.flow.prepare import Prepared
from pipeline.model.check import Check
from pipeline.model.plan import Plan
from pipeline.model.workstream import Workstream

Use = tuple[str, Mapping[str, str], str]
"""A program, the variables that its user sets for it, and where it is used."""


def require_programs(prepared: Prepared) -> None:
    """Raise ``UnfitError`` that lists every program that is not found, and where it is used.

    What a shell string starts is the shell's to find, and a name with a slash may lie in a tree
    that only comes to be: both are left to the moment when they are run.
    """
    path = prepared.environ.get("PATH", os.defpath)
    missing: dict[str, list[str]] = {}
    for program, variables, where in _uses(prepared.plan):
        own = variables.get("PATH", path)
        search = path if own.startswith("env:") else own
        if which(program, path=search, cwd=prepared.layout.top) is None:
            places = missing.setdefault(program, [])
            if where not in places:
                places.append(where)
    if missing:
        lines = [f"  {program}: {_some(places)}" for program, places in sorted(missing.items())]
        count = f"{len(missing)} program{'s' if len(missing) > 1 else ''}"
        raise UnfitError(
            "\n".join([f"{count} that the plan needs cannot be found on PATH:", *lines]),
            remedy="Install what is missing, or change the command in the place named; "
            "`pipeline doctor` looks again.",
        )


def _some(places: list[str]) -> str:
    more = f" and {len(places) - 3} more places" if len(places) > 3 else ""
    return ", ".join(places[:3]) + more


def _uses(plan: Plan) -> Iterator[Use]:
    """Every program that running the plan would look for on ``PATH``."""
    for program, variables, where in _commands(plan):
        if isinstance(program, tuple) and program:
            word = program[0]
            if word and os.sep not in word and "{" not in word:
                yield word, variables, where


def _commands(plan: Plan) -> Iterator[tuple[object, Mapping[str, str], str]]:
    config = plan.config
    for step in config.setup:
        yield step.command, {}, f"the set-up step `{step.name}`"
    used = {ws.gate for ws in plan.workstreams if ws.gate}
    own_static = all(ws.static is not None for ws in plan.workstreams)
    used |= {"runtime"} if own_static else {"static", "runtime"}
    for name, gate in config.gates.items():
        if name in used:
            yield from _checks(gate.checks, f"the gate `{name}`")
    for ws in plan.workstreams:
        yield from _of_workstream(plan, ws)


def _of_workstream(plan: Plan, ws: Workstream) -> Iterator[tuple[object, Mapping[str, str], str]]:
    profile = plan.config.tools[ws.tool]
    own = ws.tool_args.get("command")
    if isinstance(own, list):
        yield tuple(own), profile.env, f"`tool_args.command` of the workstream `{ws.id}`"
    elif own is None and profile.driver != "patch":
        yield profile.command, profile.env, f"the tool `{profile.id}`"
    yield from _checks(ws.static or (), f"`static` of the workstream `{ws.id}`")
    yield from _checks(ws.acceptance_tests, f"`acceptance_tests` of the workstream `{ws.id}`")


def _checks(
    checks: tuple[Check, ...], where: str
) -> Iterator[tuple[object, Mapping[str, str], str]]:
    for check in checks:
        yield check.command, check.env, where
