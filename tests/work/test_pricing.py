"""Costs are exact to the billionth of a dollar, and it is known who knows them."""

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.agent import AgentSettings, Usage
from pipeline.model.check import ToolProfile
from pipeline.work.pricing import (
    DEFAULT_OUTPUT_TOKENS,
    EXPECTED_TURNS,
    by_table,
    expected,
    priced,
    tokens_of,
)

COST = {"input": 2.0, "cached_input": 0.2, "output": 8.0}
WHEN = datetime(2025, 11, 1, tzinfo=UTC)


def profile(**changes):
    return ToolProfile("agent", **changes)


def test_what_the_agent_says_stands_first():
    usage = Usage(input_tokens=1000, cost_nusd=7)
    assert priced(usage, profile(cost=COST)) == Usage(
        input_tokens=1000, cost_nusd=7, source="agent"
    )


def test_an_agent_that_says_zero_is_believed():
    assert priced(Usage(input_tokens=1000, cost_nusd=0), profile(cost=COST)).cost_nusd == 0


def test_the_profile_stands_before_the_table():
    usage = Usage("anthropic", "claude-sonnet-4-5", 1, 1000, 400, 50)
    found = priced(usage, profile(cost={**COST, "per_attempt": 0.01}))
    # 600 x $2, 400 x $0.2 and 50 x $8 for a million, and a cent.
    assert (found.cost_nusd, found.source) == (1_200_000 + 80_000 + 400_000 + 10_000_000, "profile")


def test_cached_tokens_cost_as_others_where_no_price_is_given():
    usage = Usage(input_tokens=1000, cached_tokens=1000)
    assert priced(usage, profile(cost={"input": 3.0})).cost_nusd == 3_000_000


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(), COST),
        (Usage(input_tokens=5), {}),
        (Usage(model="no-such-model", input_tokens=5), {}),
    ],
)
def test_what_nobody_knows_is_unknown_and_not_nothing(usage, cost):
    found = priced(usage, profile(cost=cost))
    assert (found.cost_nusd, found.source) == (None, "")


def test_an_attempt_that_tells_no_tokens_has_its_flat_price():
    assert priced(Usage(), profile(cost={**COST, "per_attempt": 0.04})).cost_nusd == 40_000_000


def test_the_profile_fills_in_which_model_it_was():
    settings = AgentSettings(model="some-model", provider="somebody")
    found = priced(Usage(), profile(agent=settings))
    assert (found.provider, found.model) == ("somebody", "some-model")


prices = st.decimals(0, 1000, places=6).map(float)
counts = st.integers(0, 10**10)


kinds = ("input", "cached_input", "output", "per_attempt")


@given(counts, counts, counts, st.fixed_dictionaries(dict.fromkeys(kinds, prices)))
def test_costs_by_profile_are_exact(sent, cached, received, cost):
    cached = min(cached, sent)
    found = priced(Usage("", "", 1, sent, cached, received), profile(cost=cost)).cost_nusd
    exact = {name: Fraction(Decimal(str(value))) for name, value in cost.items()}
    dollars = (
        (sent - cached) * exact["input"]
        + cached * exact["cached_input"]
        + received * exact["output"]
    ) / 10**6 + exact["per_attempt"]
    assert abs(found - dollars * 10**9) <= Fraction(1, 2)


def test_the_most_that_is_expected():
    settings = AgentSettings(max_output_tokens=1000)
    assert expected(profile(cost={"input": 1.0, "output": 10.0}, agent=settings), 500) == (
        EXPECTED_TURNS * 500 * 1000 + 1000 * 10_000
    )
    assert expected(profile(cost={"output": 1.0}), 500) == DEFAULT_OUTPUT_TOKENS * 1000
    assert expected(profile(), 500) is None


@given(st.text())
def test_a_text_has_more_tokens_than_none(text):
    assert tokens_of(text) >= 1


class TestTable:
    """The maintained table, where it is installed."""

    @pytest.fixture(autouse=True)
    def table(self):
        pytest.importorskip("genai_prices")

    def test_it_is_asked_last(self):
        usage = Usage("anthropic", "claude-sonnet-4-5", 1, 3300, 0, 60)
        found = priced(usage, profile(), at=WHEN)
        assert (found.cost_nusd, found.source) == (10_800_000, "table")

    def test_a_model_with_its_provider_in_front_is_found(self):
        plain = Usage("openai", "gpt-4o", 1, 1000, 0, 10)
        assert by_table(plain, WHEN) == 2_600_000
        assert by_table(Usage("", "openai/gpt-4o", 1, 1000, 0, 10), WHEN) == 2_600_000
        assert by_table(Usage("openai", "openai/gpt-4o", 1, 1000, 0, 10), WHEN) == 2_600_000

    def test_a_provider_that_it_does_not_know_has_its_own_prices(self):
        assert by_table(Usage("our-proxy", "gpt-4o", 1, 1000, 0, 10), WHEN) is None

    def test_a_price_by_size_counts_single_requests(self):
        """More than 200,000 tokens at once are dearer; ten requests together are not."""
        one = by_table(Usage("google", "gemini-2.5-pro", 1, 50_001, 20_001, 7), WHEN)
        ten = by_table(Usage("google", "gemini-2.5-pro", 10, 500_010, 200_010, 70), WHEN)
        at_once = by_table(Usage("google", "gemini-2.5-pro", 1, 500_010, 200_010, 70), WHEN)
        assert ten == 10 * one
        assert at_once > ten

    @given(st.integers(1, 40), counts, counts, counts)
    def test_sharing_out_loses_no_token(self, requests, sent, cached, received):
        """Where every token costs the same, the number of requests does not matter."""
        usages = [
            Usage("openai", "gpt-4o", n, sent, min(cached, sent), received) for n in (1, requests)
        ]
        first, second = (by_table(usage, WHEN) for usage in usages)
        assert first == second

    def test_it_is_never_fetched(self):
        """Run with an audit hook that refuses every connection and name look-up."""
        code = (
            "import sys\n"
            "def refuse(event, args):\n"
            "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.sendto'):\n"
            "        print('network', event); sys.stdout.flush()\n"
            "sys.addaudithook(refuse)\n"
            "from pipeline.model.agent import Usage\n"
            "from pipeline.work.pricing import by_table\n"
            "import threading\n"
            "assert 'genai_prices' not in sys.modules\n"
            "print(by_table(Usage('anthropic', 'claude-sonnet-4-5', 1, 3300, 0, 60)),"
            " threading.active_count())\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["10800000", "1"]


def test_without_the_table_nothing_fails():
    code = (
        "import sys\n"
        "sys.modules['genai_prices'] = None\n"  # as where it is not installed
        "from pipeline.model.agent import Usage\n"
        "from pipeline.work.pricing import by_table\n"
        "print(by_table(Usage('anthropic', 'claude-sonnet-4-5', 1, 3300, 0, 60)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"
