"""A small repository's folder, with bundles and a configuration written as they come."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.planning.bundles import LoadedBundles, load_bundles
from pipeline.planning.configuration import load_config


def bundle(ws_id: str, **fields: Any) -> dict[str, Any]:
    """A bundle that nothing is wrong with; ``fields`` replace its own, ``...`` removes one."""
    values: dict[str, Any] = {
        "id": ws_id,
        "tasks": ["Do it."],
        "files_scope": [f"src/{ws_id}.py"],
        "acceptance_tests": ["true"],
        "tool": "command",
        "tool_args": {"command": ["true"]},
    }
    values.update(fields)
    return {key: value for key, value in values.items() if value is not ...}


class Folder:
    """The top of a working tree."""

    def __init__(self, top: Path) -> None:
        self.top = top
        (top / "workstreams").mkdir()

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def add(self, *bundles: dict[str, Any]) -> None:
        for data in bundles:
            self.write(f"workstreams/{data['id']}.json", json.dumps(data, indent=2))

    def load(self) -> LoadedBundles:
        return load_bundles(self.top / "workstreams", self.top, load_config(self.top).config)

    def complaints(self) -> list[str]:
        """Everything that is wrong, as text, bundles and configuration together."""
        loaded = load_config(self.top)
        bundles = load_bundles(self.top / "workstreams", self.top, loaded.config)
        return [str(p) for p in (*loaded.problems, *bundles.problems)]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def make_bundle() -> Callable[..., dict[str, Any]]:
    return bundle
