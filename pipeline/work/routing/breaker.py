"""A breaker for each tool, shared by all workstreams of a run."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock

from pipeline.model.routing import BreakerState


@dataclass(slots=True)
class _Breaker:
    failures: int = 0
    opened_at: float | None = None
    is_passing: bool = False


@dataclass(frozen=True, slots=True)
class BreakerChange:
    """A breaker went from one state to another after so many failures in a row."""

    tool: str
    before: BreakerState
    after: BreakerState
    failures: int


class ToolBreakers:
    """Leaves a tool alone for a while after failures of its surroundings in a row.

    Closed, it is asked. After ``limit`` failures in a row it is open for ``rest_s`` seconds of
    ``clock``; then it is half open: whoever claims it makes the one attempt that tries, and it
    rests again meanwhile, so that a claim that comes to nothing blocks nobody for good. What
    answers closes it. Safe between threads.
    """

    def __init__(
        self, limit: int, rest_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._rest_s = rest_s
        self._clock = clock
        self._lock = RLock()
        self._breakers: dict[str, _Breaker] = {}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from asking, so that a look and the claim that follows are one."""
        with self._lock:
            yield

    def states(self, tools: Iterable[str]) -> dict[str, BreakerState]:
        """How the breakers of tools are just now."""
        with self._lock:
            return {tool: self._state(tool) for tool in tools}

    def claim(self, tool: str) -> bool:
        """Whether the tool may be asked now; of a half-open one only the first asker may."""
        with self._lock:
            state = self._state(tool)
            if state is BreakerState.HALF_OPEN:
                self._breakers[tool].opened_at = self._clock()
            return state is not BreakerState.OPEN

    def rest_left(self, tools: Iterable[str]) -> float:
        """Seconds until the first of these tools has rested, 0 where waiting does not help.

        It helps where what the tool failed at last may pass by itself.
        """
        with self._lock:
            found = (self._breakers.get(tool) for tool in tools)
            waits = [
                self._rest_s - (self._clock() - b.opened_at)
                for b in found
                if b is not None and b.opened_at is not None and b.is_passing
            ]
        return max(0.0, min(waits, default=0.0))

    def failed(self, tool: str, *, is_passing: bool = True) -> BreakerChange | None:
        """Count a failure of the surroundings; the change, if the breaker opens by it."""
        with self._lock:
            breaker = self._breakers.setdefault(tool, _Breaker())
            breaker.is_passing = is_passing
            was_open = breaker.opened_at is not None
            breaker.failures += 1
            if breaker.failures < self._limit:
                return None
            breaker.opened_at = self._clock()
            before = BreakerState.HALF_OPEN if was_open else BreakerState.CLOSED
            return BreakerChange(tool, before, BreakerState.OPEN, breaker.failures)

    def answered(self, tool: str) -> BreakerChange | None:
        """The tool worked, well or not; the change, if its breaker closes by it."""
        with self._lock:
            breaker = self._breakers.pop(tool, None)
            if breaker is None or breaker.opened_at is None:
                return None
            return BreakerChange(tool, BreakerState.HALF_OPEN, BreakerState.CLOSED, 0)

    def _state(self, tool: str) -> BreakerState:
        breaker = self._breakers.get(tool)
        if breaker is None or breaker.opened_at is None:
            return BreakerState.CLOSED
        is_resting = self._clock() - breaker.opened_at < self._rest_s
        return BreakerState.OPEN if is_resting else BreakerState.HALF_OPEN
