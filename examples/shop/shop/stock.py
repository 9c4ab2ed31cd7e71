"""What is there."""

STOCK = {"apple": 3, "pear": 5}


def available(name: str) -> int:
    """Return how many there are."""
    return STOCK.get(name, 0)
