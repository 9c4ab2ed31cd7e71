"""What all tests share: nothing of the person who runs them is read or written."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["projects", "fakehub.fixtures"]

_SLOW = ("actions", "commands", "docs", "flow", "github", "hooks", "kill", "replay", "workflows")
"""Folders whose tests start the whole program or run whole plans; the quick gate skips them."""

_FOREIGN = ("GIT_", "PIPELINE_", "NO_COLOR", "FORCE_COLOR", "CI", "GITHUB_")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in the slow folders, so that nobody has to remember it in each file."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.path.relative_to(here).parts[0] in _SLOW:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def _private_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home, a cache and a configuration of the tests' own, and no variables of a person's."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_FOREIGN) and name != "PIPELINE_TESTS_WHEEL":
                patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        yield
