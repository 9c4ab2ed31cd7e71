"""Prices, in cents."""


def total(prices: list[int], discount: int = 0) -> int:
    """What all of it costs together, less a discount in per cent."""
    return sum(prices) - discount


def label(cents: int) -> str:
    """A price as people read it."""
    return f"{cents / 100:.2f}"
