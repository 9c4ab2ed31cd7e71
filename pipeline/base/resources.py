"""The files that travel with the code: JSON schemas and SQL migrations."""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pipeline.base.errors import BugError

_MIGRATION = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


def schema_root() -> Traversable:
    """Return the folder of schemas: inside an installed package, or a checkout's top level."""
    packaged = files("pipeline") / "schema"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parents[2] / "schema"


def schema_path(name: str) -> Traversable:
    """Return where a schema lies, by its file name, such as ``event.v1.json``."""
    entry = schema_root() / name
    if not entry.is_file():
        raise BugError(f"There is no schema called {name}.")
    return entry


def migrations() -> tuple[tuple[int, str, str], ...]:
    """Return the database's migrations in order: number, file name, SQL; numbered from 1."""
    found = []
    for entry in (schema_root() / "migrations").iterdir():
        if match := _MIGRATION.fullmatch(entry.name):
            found.append((int(match[1]), entry.name, entry.read_text(encoding="utf-8")))
    found.sort()
    if [number for number, _, _ in found] != list(range(1, len(found) + 1)):
        raise BugError("The migrations are not numbered 1, 2, 3 …; the installation is damaged.")
    return tuple(found)
