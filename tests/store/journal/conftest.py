"""A real repository with a ledger to fill, and another one elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from places import Place, open_place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    yield from open_place(tmp_path / "repository")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Place]:
    """Another repository elsewhere, with nothing in it."""
    with contextmanager(open_place)(tmp_path / "elsewhere" / "clone") as place:
        yield place
