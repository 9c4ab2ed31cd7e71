"""Ids that sort by the time of their making: ULIDs, in lower case.

A generator of our own, because importing python-ulid costs about 45 ms (it brings in pydantic
support and importlib.metadata), which is most of what a short command may take.
Source: https://github.com/ulid/spec (48 bits of milliseconds, 80 bits of randomness).
"""

import os
import re
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_SHIFTS = tuple(range(120, -1, -10))
_RANDOM_BITS = 80
_MAX_RANDOM = (1 << _RANDOM_BITS) - 1
_PATTERN = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")


class IdGenerator:
    """Makes ids that grow strictly, also within a millisecond and when the clock goes back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millis = 0
        self._random = 0

    def new(self, millis: int | None = None) -> str:
        """Return a new id; ``millis`` since the epoch replaces the clock."""
        if millis is None:
            millis = time.time_ns() // 1_000_000
        with self._lock:
            if millis > self._millis:
                self._millis = millis
                self._random = int.from_bytes(os.urandom(10)) >> 1  # room to count upwards
            elif self._random < _MAX_RANDOM:
                self._random += 1
            else:
                self._millis += 1
                self._random = 0
            value = self._millis << _RANDOM_BITS | self._random
        return "".join([_PAIRS[value >> shift & 1023] for shift in _SHIFTS])


_generator = IdGenerator()


def new_id() -> str:
    """Return a new id: 26 characters, greater than every earlier one of this process."""
    return _generator.new()


def is_id(text: str) -> bool:
    """Whether a text has the form of an id."""
    return _PATTERN.fullmatch(text) is not None
