"""Fixtures for any test: `github`, a running fake, and `github_contract`, the same in process.

What they need is imported when a test asks for them: every session loads this file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .in_process import InProcess
    from .starting import Fake


@pytest.fixture
def github(tmp_path: Path) -> "Iterator[Fake]":
    """A GitHub with octo/shop and the app token ghs_good; no violation may be left at the end."""
    from .starting import start

    fake = start(tmp_path / "github")
    yield fake
    violations = fake.violations()
    fake.stop()
    assert violations == []


@pytest.fixture
def github_contract(tmp_path: Path) -> "Iterator[InProcess]":
    """The same in process, at https://api.github.com, for what talks through `requests`."""
    from .in_process import in_process

    with in_process(tmp_path / "github") as made:
        yield made
    assert made.violations() == []
