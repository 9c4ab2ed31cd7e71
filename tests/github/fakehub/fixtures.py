"""Fixtures for any test: `github`, a running fake whose contract has to hold at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .starting import Fake, start


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Fake]:
    """A GitHub with octo/shop and the app token ghs_good; no violation may be left at the end."""
    fake = start(tmp_path / "github")
    yield fake
    violations = fake.violations()
    fake.stop()
    assert violations == []
