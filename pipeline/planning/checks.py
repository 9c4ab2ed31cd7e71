"""Turns what authors write for checks and limits into values."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.model.check import Check, OutputFormat, ToolProfile
from pipeline.model.workstream import BreakerLimits

Place = tuple[str | int, ...]
Complaint = tuple[Place, str, str]
"""Where in the document, what is wrong, what would be right."""

_TUPLES = ("success_exit_codes", "env_allow")
_STEPS = frozenset({"edit", "static", "fix", "runtime", "merge"})


def command_value(raw: str | list[str]) -> str | tuple[str, ...]:
    """Text for the shell stays text, a list becomes a tuple."""
    return raw if isinstance(raw, str) else tuple(raw)


def acceptance_tests(raw: Sequence[Any]) -> tuple[Check, ...]:
    """Checks from a bundle's ``acceptance_tests``, named by their place where they have no name."""
    return tuple(_acceptance_test(item, number) for number, item in enumerate(raw, start=1))


def _acceptance_test(item: Any, number: int) -> Check:
    if isinstance(item, dict):
        return _from_object(item, {"name": f"acceptance-{number}"})
    return Check(f"acceptance-{number}", command_value(item), OutputFormat.LINES)


def checks(
    raw: Sequence[Any], tools: Mapping[str, ToolProfile], place: Place
) -> tuple[tuple[Check, ...], list[Complaint]]:
    """The checks of a gate or of a bundle's ``static``, and what is wrong with them."""
    found: list[Check] = []
    complaints: list[Complaint] = []
    for index, item in enumerate(raw):
        here = (*place, index)
        wrong = _complaints(item, tools, here)
        complaints.extend(wrong)
        if not wrong:
            found.append(_check(item, tools))
    names = [check.name for check in found]
    for name in sorted({n for n in names if names.count(n) > 1}):
        complaints.append((place, f"has two checks called `{name}`.", "Give each its own `name`."))
    return tuple(found), complaints


def _complaints(item: Any, tools: Mapping[str, ToolProfile], here: Place) -> list[Complaint]:
    if isinstance(item, str):
        return _tool_complaints(item, tools, here)
    kinds = [kind for kind in ("nox", "tool", "command") if kind in item]
    if len(kinds) != 1:
        return [(here, "must have exactly one of `nox`, `tool` and `command`.", "")]
    if kinds == ["tool"]:
        return _tool_complaints(item["tool"], tools, (*here, "tool"))
    return []


def _tool_complaints(name: str, tools: Mapping[str, ToolProfile], here: Place) -> list[Complaint]:
    from pipeline.planning.suggest import did_you_mean  # late: only for wrong input

    if name not in tools:
        remedy = did_you_mean(name, tools, otherwise="Describe it under `tools`.")
        return [(here, f"names the tool profile `{name}`, which does not exist.", remedy)]
    if not tools[name].command:
        return [(here, f"names the tool profile `{name}`, which has no command to check with.", "")]
    return []


def _check(item: Any, tools: Mapping[str, ToolProfile]) -> Check:
    if isinstance(item, str):
        return Check(**_of_profile(tools[item]))
    rest = {key: value for key, value in item.items() if key not in {"nox", "tool"}}
    if "tool" in item:
        return _from_object(rest, _of_profile(tools[item["tool"]]))
    if "nox" in item:
        session = item["nox"]
        nox = {"name": f"nox:{session}", "command": ("nox", "--session", session)}
        return _from_object(rest, {**nox, "version_command": ("nox", "--version")})
    command = rest["command"]
    first = command if isinstance(command, str) else " ".join(command)
    return _from_object(rest, {"name": first})


def _of_profile(profile: ToolProfile) -> dict[str, Any]:
    command = profile.command
    return {
        "name": profile.id,
        "command": command if isinstance(command, str) else (*command, *profile.args),
        "output": profile.output,
        "output_file": profile.output_file,
        "timeout_s": profile.timeout_s,
        "idle_timeout_s": profile.idle_timeout_s,
        "success_exit_codes": profile.success_exit_codes,
        "env_allow": profile.env_allow,
        "env": profile.env,
        "version_command": profile.version_command,
    }


def _from_object(raw: Mapping[str, Any], defaults: Mapping[str, Any]) -> Check:
    values = {**defaults, **raw}
    values["command"] = command_value(values["command"])
    for name in _TUPLES:
        if name in values:
            values[name] = tuple(values[name])
    for name in ("timeout_s", "idle_timeout_s"):
        if values.get(name) is not None:
            values[name] = float(values[name])
    return Check(**values)


def limits(raw: Mapping[str, Any], defaults: BreakerLimits) -> BreakerLimits:
    """Breaker limits from an object, over the limits that hold where it says nothing."""
    timeout = raw.get("timeout_s", defaults.timeout_s)
    return BreakerLimits(
        max_attempts=int(raw.get("max_attempts", defaults.max_attempts)),
        max_error_repeats=int(raw.get("max_error_repeats", defaults.max_error_repeats)),
        oscillation_threshold=int(raw.get("oscillation_threshold", defaults.oscillation_threshold)),
        timeout_s=None if timeout is None else float(timeout),
    )


def breakers(raw: Mapping[str, Any], defaults: BreakerLimits) -> dict[str, BreakerLimits]:
    """A bundle's ``circuit_breaker`` by step; ``*`` holds what is given for all steps."""
    general = limits(raw, defaults)
    by_step = {step: limits(raw[step], general) for step in sorted(_STEPS & raw.keys())}
    if general != BreakerLimits():
        by_step["*"] = general
    return by_step
