"""Amounts of money: whole billionths of a dollar, and how people write them."""

from decimal import ROUND_HALF_UP, Decimal, localcontext

NUSD = 1_000_000_000
"""Billionths in a dollar: the unit in which costs are stored and summed."""


def nusd(dollars: float | Decimal) -> int:
    """Dollars in billionths, exactly as they are written: ``0.1`` is 100,000,000."""
    value = dollars if isinstance(dollars, Decimal) else Decimal(str(dollars))
    with localcontext() as context:
        context.prec = 60
        return int((value * NUSD).to_integral_value(ROUND_HALF_UP))


def dollars(amount: int) -> str:
    """Billionths as ``$1.2345``; all digits where these would not show it (``$0.000000012``)."""
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), NUSD)
    digits = f"{rest:09}"
    if whole or rest >= NUSD // 10_000 or not rest:
        ten_thousandths = (abs(amount) + 50_000) // 100_000
        whole, rest = divmod(ten_thousandths, 10_000)
        digits = f"{rest:04}"
    return f"{sign}${whole:,}.{digits}"
