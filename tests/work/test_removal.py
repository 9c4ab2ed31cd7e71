"""Removing what a tool left, also where whoever removed it before was killed halfway."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.work.removal import Trash
from pipeline.work.walk import OPEN_DIRECTORY


@pytest.fixture
def slot(tmp_path: Path) -> Iterator[int]:
    """A slot's directory, open."""
    handle = os.open(tmp_path, OPEN_DIRECTORY)
    yield handle
    os.close(handle)


@pytest.mark.parametrize("seen_first", ["1", "2", "3"])
def test_what_a_killed_engine_left_in_the_trash_is_removed(
    slot: int, tmp_path: Path, seen_first: str
) -> None:
    for name in ("1", "2", "3"):
        inner = "deep" if name == seen_first else "flat"
        (tmp_path / "trash" / name / inner / "below").mkdir(parents=True)
        (tmp_path / "trash" / name / inner / "below" / "file").write_text("x")

    Trash(slot).close()

    assert list((tmp_path / "trash").iterdir()) == []
