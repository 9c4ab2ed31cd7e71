"""Moments at which an engine is killed, drawn from a seed and spread over a run's life."""

import math
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
    """When: after a share of the events that are still to come, then after so many seconds.

    ``takes_all`` is for a death that takes every process below the engine at the same time.
    """

    seconds: float
    share: float | None = None
    takes_all: bool = False

    def goal(self, told: int, length: Length) -> int:
        """How many events there have to be, where ``told`` there are before the engine starts."""
        if self.share is None:
            return 0
        return told + math.ceil(self.share * max(10, length.events - told))

    def wait(self, shop: Shop, process: Process, goal: int) -> None:
        """Return when it has come, or the process has ended."""
        if goal:
            shop.wait_for_events(process, goal)
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
    takes_all = chance.random() < 0.25
    kind = chance.random()
    if kind < 0.55:  # just after something was written
        return Moment(chance.choice((0.0, 0.015)) * chance.random(), chance.random(), takes_all)
    if kind < 0.70:  # starting up
        return Moment(chance.uniform(0.0, 0.3 * length.seconds), None, takes_all)
    if kind < 0.80:  # finishing
        return Moment(chance.uniform(0.0, 0.15), chance.uniform(0.97, 1.0), takes_all)
    return Moment(chance.uniform(0.0, length.seconds), None, takes_all)
