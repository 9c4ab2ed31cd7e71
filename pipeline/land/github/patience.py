"""How long GitHub is waited for: at limits as long as it says, at faults a little, bounded."""

import random
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

DEFAULT_WAIT_S = 300.0
_UNNAMED_LIMIT_S = 60.0  # "wait for at least one minute": rate-limits-for-the-rest-api


class Patience:
    """The seconds that may be waited in all, and the faults that one request may meet.

    ``sleep`` and ``uniform`` are there to be replaced by those who do not want to wait.
    """

    def __init__(
        self,
        total_s: float = DEFAULT_WAIT_S,
        *,
        faults: int = 5,
        first_s: float = 0.5,
        sleep: Callable[[float], object] = time.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.left_s = max(0.0, total_s)
        self.faults = faults
        self._first_s = first_s
        self._sleep = sleep
        self._uniform = uniform

    def take(self, seconds: float) -> bool:
        """Wait, and return whether there was so much patience left; without it, do not wait."""
        if seconds > self.left_s:
            return False
        self.left_s -= seconds
        self._sleep(seconds)
        return True

    def after_fault(self, number: int) -> bool:
        """Wait before the try after the ``number``-th fault (from 1) of a request; whether to."""
        if number >= self.faults:
            return False
        longest = self._first_s * 2.0 ** (number - 1)
        return self.take(self._uniform(longest / 2, longest))


def is_limit(status: int, headers: Mapping[str, str], message: str) -> bool:
    """Whether an answer means "not now", and not "never".

    Source: docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api: 403 or 429 with
    ``retry-after``, with ``x-ratelimit-remaining: 0``, or with words about a secondary limit.
    """
    if status == 429:
        return True
    said = message.lower()
    return status == 403 and (
        "retry-after" in headers
        or headers.get("x-ratelimit-remaining") == "0"
        or "secondary rate limit" in said
        or "rate limit exceeded" in said
    )


def limit_s(headers: Mapping[str, str], number: int) -> float:
    """The seconds to wait for a limit that was met the ``number``-th time (from 1) in a row."""
    if "retry-after" in headers:
        named = _number(headers["retry-after"])
        return _UNNAMED_LIMIT_S if named is None else max(0.0, named)
    if headers.get("x-ratelimit-remaining") == "0":
        reset = _number(headers.get("x-ratelimit-reset", ""))
        if reset is not None:
            return max(0.0, reset - _now(headers)) + 1.0
    return _UNNAMED_LIMIT_S * 2.0 ** (number - 1)


def _now(headers: Mapping[str, str]) -> float:
    """The server's time: the clock here may be wrong."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (TypeError, ValueError):
        return time.time()


def _number(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
