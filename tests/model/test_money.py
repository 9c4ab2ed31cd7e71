"""Amounts are exact, and shown so that nothing that is there looks like nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.money import NUSD, dollars, nusd


def test_dollars_are_taken_as_they_are_written():
    assert [nusd(0.1), nusd(0.3), nusd(1e-9), nusd(4.9e-10), nusd(0)] == [
        100_000_000, 300_000_000, 1, 0, 0,
    ]  # fmt: skip
    assert nusd(Decimal("123456789.123456789")) == 123_456_789_123_456_789


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "$0.0000"),
        (1, "$0.000000001"),
        (99_999, "$0.000099999"),
        (100_000, "$0.0001"),
        (1_234_567_890_123, "$1,234.5679"),
        (999_999_999, "$1.0000"),
        (-1_500_000_000, "-$1.5000"),
    ],
)
def test_an_amount_for_people(amount, shown):
    assert dollars(amount) == shown


@given(st.integers(0, 10**18))
def test_what_is_shown_is_near_and_never_nothing(amount):
    shown = Decimal(dollars(amount).lstrip("$").replace(",", ""))
    assert abs(shown * NUSD - amount) <= 50_000
    assert bool(shown) == bool(amount)
