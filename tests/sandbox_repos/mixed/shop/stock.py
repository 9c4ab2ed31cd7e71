"""What lies on the shelves."""


def take(stock: dict[str, int], name: str, count: int = 1) -> dict[str, int]:
    """The stock after some of it was taken."""
    left = stock[name] - count
    return {**stock, name: left}
