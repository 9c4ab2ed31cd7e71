"""What all tests share: nothing of the person who runs them is read or written."""

import os
from collections.abc import Iterator

import pytest

pytest_plugins = ["projects"]

_FOREIGN = ("GIT_", "PIPELINE_", "NO_COLOR", "FORCE_COLOR", "CI", "GITHUB_")


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
