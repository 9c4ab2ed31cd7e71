"""What an attempt of an agent cost, and what the next one is expected to cost at most."""

import importlib
import importlib.util
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, localcontext
from functools import cache
from itertools import pairwise
from typing import Any

from pipeline.model.agent import Usage
from pipeline.model.check import ToolProfile
from pipeline.model.money import nusd

EXPECTED_TURNS = 6
"""How often an agent is expected to send its prompt; each answer becomes part of the next one."""

DEFAULT_OUTPUT_TOKENS = 4096
"""What an answer is expected to take at most where the profile does not say."""

_CHARS_PER_TOKEN = 3  # fewer than in any text of ours, so that the estimate is an upper one
_TOKEN_PRICES = ("input", "cached_input", "output")


def priced(usage: Usage, profile: ToolProfile, *, at: datetime | None = None) -> Usage:
    """The usage with its cost and who knows it, as far as anybody does.

    What the agent itself said stands first, then the profile's ``cost``, then the maintained
    table of prices (at the time ``at``, now by default). Where none of them knows, ``cost_nusd``
    is ``None`` and ``source`` empty: an attempt without counted tokens has no known cost, except
    what its profile charges ``per_attempt``.
    """
    named = replace(
        usage,
        provider=usage.provider or profile.agent.provider,
        model=usage.model or profile.agent.model,
    )
    if usage.cost_nusd is not None:
        return replace(named, source=usage.source or "agent")
    for source, cost in (("profile", by_profile(named, profile)), ("table", by_table(named, at))):
        if cost is not None:
            return replace(named, cost_nusd=cost, source=source)
    return replace(named, source="")


def expected(profile: ToolProfile, prompt_tokens: int) -> int | None:
    """The most that an attempt is expected to cost, in billionths; ``None`` if nobody can tell."""
    usage = Usage(
        provider=profile.agent.provider,
        model=profile.agent.model,
        requests=EXPECTED_TURNS,
        input_tokens=prompt_tokens * EXPECTED_TURNS,
        output_tokens=profile.agent.max_output_tokens or DEFAULT_OUTPUT_TOKENS,
    )
    return priced(usage, profile).cost_nusd


def expected_tokens(profile: ToolProfile, prompt_tokens: int) -> int:
    """The most tokens that an attempt is expected to use, sent and received."""
    output = profile.agent.max_output_tokens or DEFAULT_OUTPUT_TOKENS
    return prompt_tokens * EXPECTED_TURNS + output


def tokens_of(text: str) -> int:
    """An upper estimate of a text's tokens, for any model."""
    return len(text) // _CHARS_PER_TOKEN + 1


def by_profile(usage: Usage, profile: ToolProfile) -> int | None:
    """The cost by the profile's own prices; ``None`` where it names none that can be used."""
    prices = {name: Decimal(str(price)) for name, price in profile.cost.items()}
    has_token_prices = any(name in prices for name in _TOKEN_PRICES)
    has_tokens = bool(usage.input_tokens or usage.output_tokens)
    if not (has_token_prices and has_tokens) and "per_attempt" not in prices:
        return None
    zero = Decimal(0)
    input_price = prices.get("input", zero)
    cached = min(usage.cached_tokens, usage.input_tokens)
    with localcontext() as context:
        context.prec = 60
        per_million = (
            (usage.input_tokens - cached) * input_price
            + cached * prices.get("cached_input", input_price)
            + usage.output_tokens * prices.get("output", zero)
        )
        return nusd(per_million.scaleb(-6) + prices.get("per_attempt", zero))


def by_table(usage: Usage, at: datetime | None = None) -> int | None:
    """The cost by the table of ``genai-prices``; ``None`` where it is absent or does not know.

    Some prices depend on the size of a request, so that the tokens are shared out evenly among
    the requests first. The table lies in the package; nothing is ever fetched.
    """
    table = _table()
    if table is None or not usage.model or not (usage.input_tokens or usage.output_tokens):
        return None
    total = Decimal(0)
    for times, sent, cached, received in _requests(usage):
        tokens = table.Usage(input_tokens=sent, cache_read_tokens=cached, output_tokens=received)
        price = _price(table, tokens, usage, at)
        if price is None:
            return None
        with localcontext() as context:
            context.prec = 60
            total += times * price
    return nusd(total)


def has_table() -> bool:
    """Whether the table of prices is installed."""
    return importlib.util.find_spec("genai_prices") is not None


@cache
def _table() -> Any:
    """The package with the prices, imported when it is first needed: it takes most of a second."""
    try:
        return importlib.import_module("genai_prices")
    except ImportError:
        return None


def _requests(usage: Usage) -> list[tuple[int, int, int, int]]:
    """The usage as equal requests: how many of a kind, tokens sent, of these cached, received."""
    count = max(usage.requests, 1)
    amounts = (
        usage.input_tokens,
        min(usage.cached_tokens, usage.input_tokens),
        usage.output_tokens,
    )
    # The first ``amount % count`` requests have one token more than the others.
    ends = sorted({amount % count for amount in amounts} | {0, count})
    found = []
    for start, end in pairwise(ends):
        sent, cached, received = (a // count + (start < a % count) for a in amounts)
        found.append((end - start, sent, cached, received))
    return found


def _price(table: Any, tokens: Any, usage: Usage, at: datetime | None) -> Decimal | None:
    """What one request costs; models are also found by names such as ``openai/gpt-4o``."""
    prefix, _, plain = usage.model.rpartition("/")
    # A provider that the table does not know may be a proxy, whose prices are its own affair.
    tries = [(usage.provider or None, usage.model)]
    if prefix:
        tries += [(usage.provider or prefix, plain)]
    for provider, model in tries:
        try:
            found = table.calc_price(
                tokens, model, provider_id=provider, genai_request_timestamp=at
            )
        except (LookupError, ValueError):
            continue
        price: Decimal = found.total_price
        return price
    return None
