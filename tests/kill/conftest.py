"""Undisturbed runs, to compare with: of the demo, one for each way to land, and of an orchard."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from orchard import make_orchard
from undisturbed import Undisturbed

from pipeline.flow.demo import make_demo

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]  # /proc tells who lives


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
            place = tmp_path_factory.mktemp(f"undisturbed-{kind}")
            known[kind] = Undisturbed.of(origin(name), place, mode)
        return known[kind]

    return of
