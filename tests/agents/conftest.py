"""Real agents, installed by the session `agents`, in front of a scripted model."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from projects import Project
from sandboxes import KEY, KEY_NAME, files_of
from scripted_model import Model, in_turn, start_model

# Read before the fixtures that take such variables away; without it there is nothing to test.
_HOME = os.environ.get("PIPELINE_AGENTS_HOME", "")

collect_ignore_glob = [] if _HOME else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is marked, so that `-m agents` runs it and `-m "not agents"` does not."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.agents)


@pytest.fixture(scope="session")
def agents_home() -> Path:
    """The folder with the installed agents and the model server."""
    return Path(_HOME).resolve()


@pytest.fixture(autouse=True)
def _agents_on_path(agents_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agents' programs come first on PATH, without what else lies beside aider."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "aider").symlink_to(agents_home / "aider/bin/aider")
    for name in ("claude", "codex"):
        (folder / name).symlink_to(agents_home / "node_modules/.bin" / name)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_API_BASE", "_BASE_URL")):
            monkeypatch.delenv(name)


@pytest.fixture
def shop(new_project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch) -> Project:
    """A repository of four languages, and the key that its profiles name."""
    monkeypatch.setenv(KEY_NAME, KEY)
    return new_project("shop", files_of("mixed"))


@pytest.fixture
def model(agents_home: Path, tmp_path: Path) -> Iterator[Callable[..., Model]]:
    """Starts servers: ``model(turn, turn, …)`` answers by turns, or by given ``fixtures``."""
    started: list[Model] = []

    def start(
        *turns: dict[str, Any], fixtures: list[dict[str, Any]] | None = None, key: str = ""
    ) -> Model:
        folder = tmp_path / f"model-{len(started)}"
        started.append(start_model(agents_home, folder, fixtures or in_turn(turns), key))
        return started[-1]

    yield start
    for one in started:
        one.stop()
