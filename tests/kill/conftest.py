"""Undisturbed runs, to compare with: of the demo, one for each way to land, and of an orchard."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from demo_shop import Shop
from evidence import Outcome, outcome
from moments import Length
from orchard import make_orchard

from pipeline.flow.demo import make_demo

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]  # /proc tells who lives


@dataclass(frozen=True)
class Undisturbed:
    """A repository before its run, what a run of it comes to, and how long that takes."""

    origin: Path
    mode: str
    outcome: Outcome
    length: Length


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Undisturbed]:
    """Gives what an undisturbed run comes to: of the demo for a mode of landing, or ``orchard``."""
    origins: dict[str, Path] = {}
    known: dict[str, Undisturbed] = {}

    def origin(name: str) -> Path:
        if name not in origins:
            origins[name] = tmp_path_factory.mktemp(name) / "origin"
            (make_orchard if name == "orchard" else make_demo)(origins[name])
        return origins[name]

    def of(kind: str) -> Undisturbed:
        if kind not in known:
            name, mode = ("orchard", "batch") if kind == "orchard" else ("demo", kind)
            shop = Shop.copy(origin(name), tmp_path_factory.mktemp(f"undisturbed-{kind}"), mode)
            began = time.monotonic()
            done = shop.run()
            length = Length(time.monotonic() - began, shop.events())
            assert done.code == 1, done.err
            known[kind] = Undisturbed(origin(name), mode, outcome(shop), length)
        return known[kind]

    return of
