"""Turns a configuration that its schema accepts into values, and says what is wrong with it."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.model.agent import AgentSettings
from pipeline.model.check import Gate, ToolProfile, ToolType
from pipeline.model.config import Config, PhaseConfig, RoutingRule, SetupStep
from pipeline.model.glob import PatternError, parse_anywhere
from pipeline.model.protected import DEFAULT_DISCARD, DEFAULT_PROTECTED
from pipeline.planning.bundle_rules import wrong_rungs
from pipeline.planning.checks import Complaint, checks, command_value
from pipeline.planning.environment import sections
from pipeline.planning.profiles import BUILT_IN, DRIVERS
from pipeline.planning.routing_rules import routing_complaints
from pipeline.planning.secrets import secret_complaints

DEFAULT_MARK = "@default"


def decode_config(data: Mapping[str, Any]) -> tuple[Config, list[Complaint]]:
    """The effective configuration, and complaints about what a schema cannot see."""
    plain = {name: _section(name, defaults, data) for name, defaults in sections().items()}
    tools, complaints = _tools(data.get("tools", {}))
    gates, wrong = _gates(data.get("gates", {}), tools)
    complaints.extend(wrong)
    config = Config(
        **plain,
        phases={name: _phase(raw) for name, raw in data.get("phases", {}).items()},
        setup=tuple(_setup_step(raw) for raw in data.get("setup", ())),
        tools=tools,
        gates=gates,
    )
    complaints.extend(_between(config))
    return _with_lists(config, data), complaints


def _section(name: str, defaults: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    given = data.get(name, {})
    kind = type(getattr(Config(), name))
    return kind(**{key: _like(defaults[key], value) for key, value in given.items()})


def _like(default: Any, value: Any) -> Any:
    """A JSON value in the form that the field has."""
    if isinstance(value, list):
        return tuple(_rule(item) if isinstance(item, dict) else item for item in value)
    if isinstance(value, dict):
        return {key: _like(0, item) for key, item in value.items()}
    if isinstance(value, bool) or value is None or not isinstance(value, int | float):
        return value
    return int(value) if isinstance(default, int) else float(value)


def _rule(raw: Mapping[str, Any]) -> RoutingRule:
    return RoutingRule(**{key: _like(0, value) for key, value in raw.items()})


def _with_lists(config: Config, data: Mapping[str, Any]) -> Config:
    """Fills the built-in lists in; the folder of bundles is always protected."""
    protected = data.get("policy", {}).get("protected", [DEFAULT_MARK])
    discard = data.get("capture", {}).get("discard", [DEFAULT_MARK])
    folder = config.paths.workstreams.strip("/")
    own = () if config.paths.workstreams.startswith("/") or ".." in folder else (f"/{folder}/",)
    return dataclasses.replace(
        config,
        policy=dataclasses.replace(
            config.policy,
            protected=tuple(dict.fromkeys((*_expand(protected, DEFAULT_PROTECTED), *own))),
        ),
        capture=dataclasses.replace(
            config.capture, discard=tuple(dict.fromkeys(_expand(discard, DEFAULT_DISCARD)))
        ),
    )


def _expand(given: Sequence[str], built_in: tuple[str, ...]) -> Iterator[str]:
    for pattern in given:
        if pattern == DEFAULT_MARK:
            yield from built_in
        else:
            yield pattern


def _phase(raw: Mapping[str, Any]) -> PhaseConfig:
    return PhaseConfig(raw.get("enabled", True), float(raw.get("timeout_s", 0)))


def _setup_step(raw: Mapping[str, Any]) -> SetupStep:
    default = SetupStep.__dataclass_fields__["timeout_s"].default
    return SetupStep(
        name=raw["name"],
        command=command_value(raw["command"]),
        files=tuple(raw.get("files", ())),
        directories=tuple(raw.get("directories", ())),
        timeout_s=float(raw.get("timeout_s", default)),
    )


def _tools(raw: Mapping[str, Any]) -> tuple[dict[str, ToolProfile], list[Complaint]]:
    tools = dict(BUILT_IN)
    complaints: list[Complaint] = []
    for name, given in raw.items():
        tools[name] = _profile(name, given)
        complaints.extend(_profile_complaints(tools[name], given, ("tools", name)))
    return dict(sorted(tools.items())), complaints


def _profile(name: str, raw: Mapping[str, Any]) -> ToolProfile:
    values: dict[str, Any] = {key: _like(None, value) for key, value in raw.items()}
    values["id"] = name
    if "type" in values:
        values["type"] = ToolType(values["type"])
    for key in ("timeout_s", "idle_timeout_s"):
        if values.get(key) is not None:
            values[key] = float(values[key])
    for key in ("success_exit_codes",):
        if key in values:
            values[key] = tuple(int(code) for code in values[key])
    if values.get("concurrency") is not None:
        values["concurrency"] = int(values["concurrency"])
    values["cost"] = {key: float(value) for key, value in raw.get("cost", {}).items()}
    if "agent" in values:
        values["agent"] = AgentSettings(**{k: _like(0, v) for k, v in raw["agent"].items()})
    if values.get("driver") in DRIVERS:
        values = {"type": ToolType.AI, "takes_feedback": True, **values}
    return dataclasses.replace(BUILT_IN.get(name, ToolProfile(name)), **values)


def _profile_complaints(
    profile: ToolProfile, raw: Mapping[str, Any], place: tuple[str | int, ...]
) -> Iterator[Complaint]:
    if raw.get("id", profile.id) != profile.id:
        message = f"is `{raw['id']}`, but the profile stands under `{profile.id}`."
        yield (*place, "id"), message, "Leave it out."
    if isinstance(profile.command, str) and profile.args:
        message = "goes with a list only, and the command is text for the shell."
        yield (*place, "args"), message, "Write the arguments into the command."
    yield from secret_complaints(profile.env, (*place, "env"))


def _gates(
    raw: Mapping[str, Any], tools: Mapping[str, ToolProfile]
) -> tuple[dict[str, Gate], list[Complaint]]:
    gates: dict[str, Gate] = {}
    complaints: list[Complaint] = []
    for name, given in sorted(raw.items()):
        found, wrong = checks(given, tools, ("gates", name))
        gates[name] = Gate(name, found)
        complaints.extend(wrong)
        for index, item in enumerate(given):
            if isinstance(item, dict) and "env" in item:
                place = ("gates", name, index, "env")
                complaints.extend(secret_complaints(item["env"], place))
    return gates, complaints


def _between(config: Config) -> Iterator[Complaint]:
    """What is wrong between values that are right by themselves."""
    if config.landing.batch_start > config.landing.batch_max:
        place = ("landing", "batch_start")
        yield place, f"is more than `batch_max` ({config.landing.batch_max}).", "Lower it."
    if config.paths.ws_prefix == config.paths.run_prefix:
        yield ("paths", "run_prefix"), "is the same as `ws_prefix`.", "Choose another."
    names = [step.name for step in config.setup]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield ("setup", index, "name"), f"`{name}` stands there twice.", "Rename one."
    yield from wrong_rungs(config.repair.fix, config, ("repair", "fix"))
    yield from routing_complaints(config)
    if config.review.judge and config.review.judge not in config.tools:
        message = f"names the tool `{config.review.judge}`, which does not exist."
        yield ("review", "judge"), message, "Describe it under `tools`."
    for place, patterns in (
        (("policy", "protected"), config.policy.protected),
        (("capture", "discard"), config.capture.discard),
    ):
        for index, pattern in enumerate(patterns):
            try:
                parse_anywhere(pattern)
            except PatternError as error:
                yield (*place, index), f"{error}.", "Write it as in .gitignore."
