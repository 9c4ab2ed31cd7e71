"""The limits of a budget as values: caps on costs, and windows of a minute."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

MINUTE_S = 60.0

Reserved = int | None
"""Billionths of a dollar set aside; ``None`` is all that is left, whatever that is."""


class Answer(StrEnum):
    """What a cap says to an attempt: it may start, later perhaps, or never."""

    GO = "go"
    WAIT = "wait"
    STOP = "stop"


def ask(
    limit: int,
    spent: int,
    in_flight: Sequence[Reserved],
    wanted: Reserved,
    *,
    least: int = 0,
) -> Answer:
    """Whether one more attempt fits below a cap.

    ``in_flight`` is what the attempts that count against it have set aside, ``wanted`` what the
    next one would, which is an upper estimate; one that needs more than is left, or nobody knows
    how much, is only let in alone. ``least`` is what it will use in any case: it is not let in
    where that is too much already.
    """
    if wanted is not None and None not in in_flight:
        known = sum(amount or 0 for amount in in_flight)
        if spent + known + wanted <= limit:
            return Answer.GO
    if spent >= limit:
        return Answer.STOP
    if in_flight:
        return Answer.WAIT
    return Answer.GO if spent + least <= limit else Answer.STOP


@dataclass(slots=True)
class Window:
    """What was used in the last minute, of what may be; ``limit`` 0 is none."""

    limit: int
    _used: deque[tuple[float, int]] = field(default_factory=deque)
    _sum: int = 0

    def add(self, now: float, amount: int) -> None:
        """Count what has been used until now (a monotonic time in seconds)."""
        if self.limit and amount:
            self._used.append((now, amount))
            self._sum += amount

    def wait_s(self, now: float, in_flight: int, wanted: int) -> float | None:
        """How long until more may be used: 0 for now, ``None`` until something in flight ends.

        What is wanted by one alone is let through although it is more than the limit: to wait
        would not make it less.
        """
        while self._used and self._used[0][0] <= now - MINUTE_S:
            self._sum -= self._used.popleft()[1]
        is_alone = not self._used and not in_flight
        if not self.limit or is_alone or self._sum + in_flight + wanted <= self.limit:
            return 0.0
        return self._used[0][0] + MINUTE_S - now if self._used else None
