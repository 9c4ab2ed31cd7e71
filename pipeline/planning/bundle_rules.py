"""What a schema cannot say about one bundle: paths, tools, policy, phase, something that checks."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from pipeline.model.check import Check
from pipeline.model.config import Config
from pipeline.model.glob import PatternError, plain_path
from pipeline.model.routing import AGENT_RUNG, AUTO, TaskKind
from pipeline.model.scope import parse_scope
from pipeline.model.workstream import PolicyOverride, Workstream
from pipeline.planning.checks import Complaint, Place
from pipeline.planning.documents import read_regular
from pipeline.planning.routing_rules import no_candidate
from pipeline.planning.secrets import secret_complaints
from pipeline.planning.suggest import did_you_mean

MAX_PATCH_BYTES = 64 * 1024 * 1024
RUNGS = ("mechanical", "tool", AGENT_RUNG)
_NO_POLICY = PolicyOverride()
_LIMITS = tuple(f.name for f in fields(PolicyOverride))


def check_bundle(ws: Workstream, config: Config, top: str) -> list[Complaint]:
    """Everything that is wrong with one bundle in itself; ``top`` is resolved."""
    found = [*_scope(ws), *_gates(ws, config), *_tool(ws, config, top)]
    if ws.policy != _NO_POLICY:
        found.extend(_policy(ws, config))
    if ws.fix:
        found.extend(wrong_rungs(ws.fix, config, ("fix",), ws.phase))
    if ws.phase and config.phases and ws.phase not in config.phases:
        remedy = did_you_mean(ws.phase, config.phases, otherwise="Add it under `phases`.")
        found.append((("phase",), f"names the phase `{ws.phase}`, which does not exist.", remedy))
    found.extend(_environments(ws.acceptance_tests, "acceptance_tests"))
    found.extend(_environments(ws.static or (), "static"))
    return found


def wrong_rungs(
    rungs: tuple[str, ...], config: Config, place: Place, phase: str | None = None
) -> Iterator[Complaint]:
    """Rungs of repair that are neither built in nor a profile, or that no tool stands on."""
    for index, rung in enumerate(rungs):
        if rung in config.tools:
            continue
        if rung not in RUNGS:
            known = [*RUNGS, *config.tools]
            remedy = did_you_mean(rung, known, otherwise="Describe it under `tools`.")
            yield (*place, index), f"names the rung `{rung}`, which does not exist.", remedy
        elif rung == AGENT_RUNG:
            why, remedy = no_candidate(config, TaskKind.FIX, phase)
            if why:
                yield (*place, index), f"asks the routing for an agent, but {why}.", remedy


def _scope(ws: Workstream) -> Iterator[Complaint]:
    if not ws.files_scope and not ws.files_create:
        yield (
            (),
            "has no scope: nothing may be changed.",
            "Name paths in `files_scope` (to modify or delete) or `files_create` (to create).",
        )
    for field, patterns in (("files_scope", ws.files_scope), ("files_create", ws.files_create)):
        for index, pattern in enumerate(patterns):
            try:
                if plain_path(pattern) is None:
                    parse_scope(pattern)
            except PatternError as error:
                remedy = "Write a path relative to the repository's root, such as `src/app.py`."
                yield (field, index), f"{error}.", remedy


def _gates(ws: Workstream, config: Config) -> Iterator[Complaint]:
    if ws.gate is not None and ws.gate not in config.gates:
        remedy = did_you_mean(ws.gate, config.gates, otherwise="Describe it under `gates`.")
        yield ("gate",), f"names the gate `{ws.gate}`, which does not exist.", remedy
    runtime = config.gates.get("runtime")
    if not ws.acceptance_tests and ws.gate is None and not (runtime and runtime.checks):
        yield (
            (),
            "has nothing that checks it.",
            "Add `acceptance_tests` or a `gate`, or configure the gate `runtime`.",
        )


def _environments(checks: tuple[Check, ...], field: str) -> Iterator[Complaint]:
    for index, check in enumerate(checks):
        if check.env:
            yield from secret_complaints(check.env, (field, index, "env"))


def _tool(ws: Workstream, config: Config, top: str) -> Iterator[Complaint]:
    profile = config.tools.get(ws.tool)
    if profile is None and ws.tool == AUTO:
        why, remedy = no_candidate(config, TaskKind.EDIT, ws.phase or "")
        if why:
            yield ("tool",), f"leaves the choice to the routing, but {why}.", remedy
    elif profile is None:
        remedy = did_you_mean(ws.tool, config.tools, otherwise="Describe it under `tools`.")
        yield ("tool",), f"names the tool `{ws.tool}`, which does not exist.", remedy
    elif profile.driver == "patch":
        yield from _only(ws.tool_args, "patch", ws.tool)
        yield from _patch(ws.tool_args.get("patch"), top)
    elif profile.driver == "command" and not profile.command:
        yield from _only(ws.tool_args, "command", ws.tool)
        yield from _command(ws.tool_args.get("command"))


def _only(args: Mapping[str, Any], name: str, tool: str) -> Iterator[Complaint]:
    for other in sorted(args.keys() - {name}):
        message = f"is an unknown argument of the tool `{tool}`."
        yield ("tool_args", other), message, f"It takes `{name}`."


def _patch(path: Any, top: str) -> Iterator[Complaint]:
    place = ("tool_args", "patch")
    remedy = "Give the path of a patch file in the repository, relative to its root."
    if not isinstance(path, str) or not path:
        yield place, "must be a path." if path is not None else "is missing.", remedy
        return
    try:
        read_referenced(path, top, size_only=True)
    except OSError as error:
        yield place, f"names `{path}`, which cannot be read: {error.strerror}.", remedy
    except ValueError as error:
        yield place, f"names `{path}`, which {error}.", remedy


def read_referenced(path: str, top: str, *, size_only: bool = False) -> bytes:
    """The bytes of a file that a bundle refers to, from the working tree.

    ``size_only`` looks without reading. Raises ``OSError``, or ``ValueError`` with a sentence's
    rest when it lies outside of the repository, is not a regular file, or is too large.
    """
    full = f"{top}/{path}"
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError("does not lie in the repository")
    if not os.path.realpath(full).startswith(f"{top.rstrip(os.sep)}{os.sep}"):
        raise ValueError("leads out of the repository")
    return read_regular(full, top=top, limit=MAX_PATCH_BYTES, size_only=size_only)


def _command(command: Any) -> Iterator[Complaint]:
    is_text = isinstance(command, str) and command.strip()
    is_list = (
        isinstance(command, list) and command and all(isinstance(part, str) for part in command)
    )
    if not is_text and not is_list:
        message = "is missing." if command is None else "must be text or a list of texts."
        remedy = "Give the command as text for the shell, or as a list without one."
        yield ("tool_args", "command"), message, remedy


def _policy(ws: Workstream, config: Config) -> Iterator[Complaint]:
    for name in _LIMITS:
        asked, permitted = getattr(ws.policy, name), getattr(config.policy, name)
        if asked is None or asked <= permitted:
            continue
        limit = str(permitted).lower() if isinstance(permitted, bool) else str(permitted)
        yield (
            ("policy", name),
            f"asks for more than the configuration permits ({limit}).",
            f"Lower it, or change `policy.{name}` in the configuration.",
        )
