"""The decision: the rule that holds, its candidates in order, the first that is fit."""

from collections.abc import Iterator

from pipeline.model.config import RoutingRule
from pipeline.model.routing import (
    BreakerState,
    Candidate,
    Decision,
    RoutingInputs,
    RoutingTask,
    Strategy,
    TaskKind,
    ToolFacts,
)
from pipeline.work.routing.scores import Ranked, rank

_RESTS = "its breaker is open"


def decide(inputs: RoutingInputs) -> Decision:
    """Choose a tool; the same inputs give the same decision, and nothing else is looked at.

    ``selected`` is empty where no candidate is fit: the reason then says why.
    """
    index, rule = _named(inputs) if inputs.wanted else _rule(inputs)
    strategy = Strategy(rule.strategy or inputs.config.strategy)
    facts = {tool.id: tool for tool in inputs.tools}
    ranked = rank(strategy, [facts[name] for name in rule.use if name in facts], inputs)
    scores = dict(ranked)
    why = {n: _unfit(facts[n], rule, inputs) for n in _with_chains(ranked, facts, inputs)}
    resting = [name for name, reason in why.items() if reason == _RESTS]
    fit = [name for name, reason in why.items() if not reason]
    if not fit and inputs.has_waited:
        fit = resting
    selected = fit[0] if fit else ""
    preferred = inputs.failed[-1] if inputs.failed else ranked[0][0] if ranked else ""
    return Decision(
        selected,
        strategy,
        tuple(
            Candidate(n, scores.get(n), "" if n == selected else reason or f"{selected} is first")
            for n, reason in why.items()
        ),
        _reason(selected, preferred, strategy, index, inputs),
        index,
        preferred if selected and selected != preferred else "",
        not fit and bool(resting),
    )


def holds(rule: RoutingRule, task: RoutingTask) -> bool:
    """Whether every condition of a rule holds for a task; an empty one always does."""
    main_language = task.languages[0] if task.languages else ""
    given = (
        (rule.task_kind, task.kind.value),
        (rule.language, main_language),
        (rule.size, task.size),
        (rule.risk, task.risk),
        (rule.phase, task.phase),
    )
    return all(not wanted or value in wanted for wanted, value in given)


def _rule(inputs: RoutingInputs) -> tuple[int | None, RoutingRule]:
    for index, rule in enumerate(inputs.config.rules):
        if holds(rule, inputs.task):
            return index, rule
    return None, RoutingRule(use=inputs.config.tools)


def _named(inputs: RoutingInputs) -> tuple[None, RoutingRule]:
    return None, RoutingRule(use=(inputs.wanted,), strategy=Strategy.FIXED)


def _with_chains(
    ranked: Ranked, facts: dict[str, ToolFacts], inputs: RoutingInputs
) -> tuple[str, ...]:
    """The order in which tools are considered: what replaces a tool stands before the rest."""
    names = [name for name, _ in ranked]
    blocked = [*reversed(inputs.failed)]
    if names and inputs.breakers.get(names[0]) is BreakerState.OPEN:
        blocked.append(names[0])
    chain = [other for tool in blocked for other in _chain(tool, inputs)]
    order = dict.fromkeys((*chain, *names))
    return tuple(name for name in order if name in facts)


def _chain(tool: str, inputs: RoutingInputs) -> Iterator[str]:
    """What is asked in place of a tool, nearest first, each once."""
    seen, waiting = {tool}, [tool]
    while waiting:
        for other in inputs.config.fallback.get(waiting.pop(0), ()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
                yield other


def _unfit(tool: ToolFacts, rule: RoutingRule, inputs: RoutingInputs) -> str:
    """Why a tool is not asked, empty where it may be."""
    if tool.id in inputs.failed:
        return "it failed at this task already"
    if tool.tier < rule.min_tier:
        return f"its tier {tool.tier} is below {rule.min_tier}"
    hears = tool.takes_feedback or inputs.task.kind is TaskKind.EDIT or tool.id == inputs.wanted
    if not hears:
        return "it takes no feedback"
    return _RESTS if inputs.breakers.get(tool.id) is BreakerState.OPEN else ""


def _reason(
    selected: str, preferred: str, strategy: Strategy, index: int | None, inputs: RoutingInputs
) -> str:
    if inputs.wanted:
        rule = f"the bundle or ladder names {inputs.wanted}"
    else:
        rule = "no rule holds" if index is None else f"rule {index} holds"
    if not selected:
        return f"No tool is left: {rule}, and no candidate is fit."
    if selected != preferred and preferred:
        return f"{selected} is asked in place of {preferred}: {rule}, strategy {strategy}."
    return f"{selected} is the first that is fit: {rule}, strategy {strategy}."
