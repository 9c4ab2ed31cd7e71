"""Moments at which an engine is killed, drawn from a seed and spread over a run's life."""

import random
import time
from dataclasses import dataclass

from demo_shop import Process, Shop


@dataclass(frozen=True)
class Length:
    """How long an undisturbed run is, in seconds and in events."""

    seconds: float
    events: int


@dataclass(frozen=True)
class Moment:
    """When: after so many events where ``events`` is set, then after so many seconds."""

    seconds: float
    events: int = 0

    def wait(self, shop: Shop, process: Process) -> None:
        """Return when it has come, or the process has ended."""
        if self.events:
            shop.wait_for_events(process, self.events)
        until = time.monotonic() + self.seconds
        while process.poll() is None and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.01))


def draw(seed: int, length: Length) -> tuple[Moment, ...]:
    """The kills of one trial: one or more; all after the first hit the run that carries on."""
    chance = random.Random(seed)
    moments = [_one(chance, length)]
    while chance.random() < 0.3:
        moments.append(_one(chance, length))
    return tuple(moments)


def _one(chance: random.Random, length: Length) -> Moment:
    kind = chance.random()
    if kind < 0.45:  # just after something was written
        return Moment(chance.uniform(0.0, 0.03), chance.randint(1, length.events))
    if kind < 0.60:  # starting up
        return Moment(chance.uniform(0.0, 0.3 * length.seconds))
    if kind < 0.75:  # finishing
        last = chance.randint(length.events - 3, length.events)
        return Moment(chance.uniform(0.0, 0.15), last)
    return Moment(chance.uniform(0.0, length.seconds))
