import json

import pytest

from pipeline.base.errors import BugError
from pipeline.base.resources import migrations, schema_path, schema_root


def test_every_schema_can_be_read_by_its_name() -> None:
    names = [e.name for e in schema_root().iterdir() if e.name.endswith(".json")]

    assert "event.v1.json" in names
    for name in names:
        assert json.loads(schema_path(name).read_bytes())["$id"] == name
        assert schema_path(name).name == name


def test_an_unknown_schema_is_a_bug() -> None:
    with pytest.raises(BugError, match=r"nothing\.v1"):
        schema_path("nothing.v1.json")


def test_migrations_are_numbered_from_one() -> None:
    found = migrations()

    assert [number for number, _, _ in found] == list(range(1, len(found) + 1))
    assert all(name.startswith(f"{number:04}_") for number, name, _ in found)
    assert "CREATE TABLE events" in found[0][2]
