"""How the strategies rank candidates: by turn, price or experience."""

from collections.abc import Sequence

from pipeline.model.routing import Experience, RoutingInputs, RoutingTask, Strategy, ToolFacts

PROMPT_TOKENS = 3000
"""Tokens of instructions and conventions that each prompt carries."""
ANSWER_TOKENS = 500
"""Tokens of an answer beside the change itself."""
BYTES_PER_TOKEN = 4
CHANGED_SHARE = 5
"""One byte in five of what is in scope is taken to be written anew."""
PRIOR = (2.0, 1.0)
"""A tool without experience is taken to succeed in two of three attempts: it gets its chance."""
COST_WEIGHT = 0.15
TIME_WEIGHT = 0.05

Ranked = tuple[tuple[str, float | None], ...]


def rank(strategy: Strategy, tools: Sequence[ToolFacts], inputs: RoutingInputs) -> Ranked:
    """Tools with their scores, the best first; equal ones in the configured order."""
    if strategy is Strategy.ROUND_ROBIN and tools:
        first = inputs.turn % len(tools)
        return tuple((tool.id, None) for tool in (*tools[first:], *tools[:first]))
    if strategy is Strategy.CHEAPEST:
        costs = {tool.id: expected_nusd(inputs.task, tool) for tool in tools}
        known = [(t.id, -float(c)) for t in tools if (c := costs[t.id]) is not None]
        unknown = [(t.id, None) for t in tools if costs[t.id] is None]
        return (*sorted(known, key=lambda item: -item[1]), *unknown)
    if strategy is Strategy.METRICS:
        scores = _metrics(tools, inputs)
        return tuple(sorted(scores.items(), key=lambda item: -item[1]))
    return tuple((tool.id, None) for tool in tools)


def expected_nusd(task: RoutingTask, tool: ToolFacts) -> int | None:
    """What an attempt is expected to cost, in billionths of a dollar; ``None`` without a price.

    The prompt holds what is in scope, four bytes to a token; the answer a fifth of it.
    """
    if tool.input_nusd is None and tool.output_nusd is None and not tool.attempt_nusd:
        return None
    tokens_in = PROMPT_TOKENS + task.bytes // BYTES_PER_TOKEN
    tokens_out = ANSWER_TOKENS + task.bytes // (BYTES_PER_TOKEN * CHANGED_SHARE)
    return round(
        tokens_in * (tool.input_nusd or 0.0)
        + tokens_out * (tool.output_nusd or 0.0)
        + tool.attempt_nusd
    )


def success_rate(known: Experience | None) -> float:
    """The mean of the Beta distribution after what was seen."""
    good, bad = PRIOR
    if known is not None:
        good, bad = good + known.successes, bad + known.failures
    return good / (good + bad)


def _metrics(tools: Sequence[ToolFacts], inputs: RoutingInputs) -> dict[str, float]:
    """Success rate, less up to 0.15 for the dearest and up to 0.05 for the slowest of them."""
    past = {e.tool: e for e in inputs.experience if e.kind == inputs.task.kind}
    costs = {tool.id: _cost(tool, past.get(tool.id), inputs.task) for tool in tools}
    times = {t.id: (e.duration_s or 0.0) if (e := past.get(t.id)) else 0.0 for t in tools}
    most_cost = max(costs.values(), default=0.0) or 1.0
    most_time = max(times.values(), default=0.0) or 1.0
    return {
        tool.id: round(
            success_rate(past.get(tool.id))
            - COST_WEIGHT * costs[tool.id] / most_cost
            - TIME_WEIGHT * times[tool.id] / most_time,
            9,
        )
        for tool in tools
    }


def _cost(tool: ToolFacts, known: Experience | None, task: RoutingTask) -> float:
    if known is not None and known.cost_nusd is not None:
        return known.cost_nusd
    return float(expected_nusd(task, tool) or 0)
