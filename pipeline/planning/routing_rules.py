"""What a schema cannot say about routing: names, circles of fallbacks, tasks without a tool."""

from collections.abc import Iterator

from pipeline.model.check import ToolProfile
from pipeline.model.config import Config, RoutingRule
from pipeline.model.routing import AUTO, TaskKind
from pipeline.planning.checks import Complaint, Place
from pipeline.planning.suggest import did_you_mean

_DESCRIBE = "Describe it under `tools`."
_NAME_MORE = "Name tools under `routing.tools`, or in a rule of `routing.rules` that always holds."


def routing_complaints(config: Config) -> Iterator[Complaint]:
    """What is wrong with the routing by itself."""
    routing = config.routing
    if AUTO in config.tools:
        message = "is the word for a tool that the routing chooses."
        yield ("tools", AUTO), message, "Rename the profile."
    yield from _tools(routing.tools, config, ("routing", "tools"))
    for index, rule in enumerate(routing.rules):
        yield from _rule(rule, config, ("routing", "rules", index))
    for tool, others in routing.fallback.items():
        place = ("routing", "fallback", tool)
        if tool not in config.tools:
            yield place, *_unknown(tool, config)
        yield from _tools(others, config, place)
    yield from _cycles(config)


def routing_warnings(config: Config) -> Iterator[Complaint]:
    """What is odd about the routing, and no error."""
    providers = {profile.agent.provider for profile in config.tools.values()} - {""}
    for name in config.routing.pools:
        if name not in providers:
            message = f"limits the provider `{name}`, which no tool's `agent.provider` names."
            remedy = did_you_mean(name, providers, otherwise="Remove it, or name it in a profile.")
            yield ("routing", "pools", name), message, remedy


def no_candidate(config: Config, kind: TaskKind, phase: str | None) -> tuple[str, str]:
    """Why the routing may find no tool for a kind of task, and the remedy; both empty if it will.

    Conditions that only a tree decides (language, size, risk) may hold or not: whatever they come
    to, there has to be a tool.
    """
    routing = config.routing
    for index, rule in enumerate(routing.rules):
        if not _may_hold(rule, kind, phase):
            continue
        if not any(_is_able(name, config, kind, rule.min_tier) for name in rule.use):
            why = f"no tool of `routing.rules[{index}]` can be asked for a task of kind `{kind}`"
            return why, "Name one there that takes feedback and is of the tier that it asks for."
        if not (rule.language or rule.size or rule.risk):
            return "", ""
    if not routing.tools:
        return "no rule holds for every such task, and `routing.tools` is empty", _NAME_MORE
    if not any(_is_able(name, config, kind, 0) for name in routing.tools):
        return f"no tool of `routing.tools` can be asked for a task of kind `{kind}`", _NAME_MORE
    return "", ""


def _may_hold(rule: RoutingRule, kind: TaskKind, phase: str | None) -> bool:
    has_kind = not rule.task_kind or kind.value in rule.task_kind
    return has_kind and (not rule.phase or phase is None or phase in rule.phase)


def _is_able(name: str, config: Config, kind: TaskKind, min_tier: int) -> bool:
    profile = config.tools.get(name)
    if profile is None:
        return False
    hears = kind is TaskKind.EDIT or profile.takes_feedback
    return hears and profile.agent.tier >= min_tier


def _rule(rule: RoutingRule, config: Config, place: Place) -> Iterator[Complaint]:
    yield from _tools(rule.use, config, (*place, "use"))
    known = [config.tools[name] for name in rule.use if name in config.tools]
    if known and all(profile.agent.tier < rule.min_tier for profile in known):
        message = f"asks for the tier {rule.min_tier}, which no tool of `use` has."
        yield (*place, "min_tier"), message, "Lower it, or set `agent.tier` of a tool."
    for index, phase in enumerate(rule.phase):
        if config.phases and phase not in config.phases:
            remedy = did_you_mean(phase, config.phases, otherwise="Add it under `phases`.")
            where = (*place, "phase", index)
            yield where, f"names the phase `{phase}`, which does not exist.", remedy


def _tools(names: tuple[str, ...], config: Config, place: Place) -> Iterator[Complaint]:
    for index, name in enumerate(names):
        if name not in config.tools:
            yield (*place, index), *_unknown(name, config)
        elif _needs_a_bundle(config.tools[name]):
            message = f"names `{name}`, which does only what one bundle tells it by `tool_args`."
            yield (*place, index), message, "Name an agent, or a profile with a command."


def _needs_a_bundle(profile: ToolProfile) -> bool:
    return profile.driver == "patch" or (profile.driver == "command" and not profile.command)


def _unknown(name: str, config: Config) -> tuple[str, str]:
    remedy = did_you_mean(name, config.tools, otherwise=_DESCRIBE)
    return f"names the tool `{name}`, which does not exist.", remedy


def _cycles(config: Config) -> Iterator[Complaint]:
    """Each circle of fallbacks once, told at the first of its tools."""
    told: set[frozenset[str]] = set()
    for start in config.routing.fallback:
        way = _way_back(start, config)
        if way and frozenset(way) not in told:
            told.add(frozenset(way))
            circle = " → ".join((*way, start))
            message = f"goes in a circle: {circle}."
            yield ("routing", "fallback", start), message, "Remove one of these."


def _way_back(start: str, config: Config) -> tuple[str, ...]:
    """The shortest way from a tool over fallbacks to itself, empty where there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    while ways:
        way = ways.pop(0)
        for other in config.routing.fallback.get(way[-1], ()):
            if other == start:
                return way
            if other not in seen:
                seen.add(other)
                ways.append((*way, other))
    return ()
