"""A run that nobody disturbed, to compare the others with."""

import time
from dataclasses import dataclass
from pathlib import Path

from demo_shop import Shop
from evidence import Outcome, outcome
from moments import Length


@dataclass(frozen=True)
class Undisturbed:
    """A repository before its run, what a run of it comes to, and how long that takes."""

    origin: Path
    mode: str
    outcome: Outcome
    length: Length

    @classmethod
    def of(cls, origin: Path, place: Path, mode: str) -> "Undisturbed":
        """Run a copy; something in it has to fail, so that failures are compared too."""
        shop = Shop.copy(origin, place, mode)
        began = time.monotonic()
        done = shop.run()
        length = Length(time.monotonic() - began, shop.events())
        assert done.code == 1, done.err
        return cls(origin, mode, outcome(shop), length)
