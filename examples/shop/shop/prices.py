"""Prices in cents."""


def total(prices: list[int]) -> int:
    """Return the sum of all prices."""
    return sum(prices)
