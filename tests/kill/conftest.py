"""Undisturbed runs of the demo, to compare with; one for each way to land."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from demo_shop import Shop
from evidence import Outcome, outcome
from moments import Length

from pipeline.flow.demo import make_demo

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]  # /proc tells who lives


@dataclass(frozen=True)
class Undisturbed:
    """A repository before its run, what a run of it comes to, and how long that takes."""

    origin: Path
    outcome: Outcome
    length: Length


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's repository; every trial has a copy, so that all have the same commits."""
    directory = tmp_path_factory.mktemp("demo") / "origin"
    make_demo(directory)
    return directory


@pytest.fixture(scope="session")
def undisturbed(
    origin: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Undisturbed]:
    """Gives what an undisturbed run comes to, for a mode of landing."""
    known: dict[str, Undisturbed] = {}

    def of(mode: str) -> Undisturbed:
        if mode not in known:
            shop = Shop.copy(origin, tmp_path_factory.mktemp(f"undisturbed-{mode}"), mode)
            began = time.monotonic()
            done = shop.run()
            length = Length(time.monotonic() - began, shop.events())
            assert done.code == 1, done.err
            known[mode] = Undisturbed(origin, outcome(shop), length)
        return known[mode]

    return of
