"""Everything that a database holds, in the order that readers rely on."""

import sqlite3
from pathlib import Path
from typing import Any

ORDER = {
    "plans": "digest",
    "runs": "rowid",
    "workstreams": "run_id, ws_id",
    "step_attempts": "rowid",
    "errors": "rowid",
    "events": "run_id, seq",
    "patches": "rowid",
    "patch_texts": "id",
    "verdicts": "number",
    "reviews": "rowid",
    "publications": "run_id, ws_id, kind, name, repository",
}
_LEFT_OUT = {"schema_meta"}


def dump(top: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows by table; a verdict's number is an order, and the checkout's place no value."""
    database = top / ".pipeline" / "state.db"
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        names = {
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        } - _LEFT_OUT
        assert names == set(ORDER), "a table is new: the journal has to hold it"
        found = {}
        for table, order in ORDER.items():
            cursor = connection.execute(f"SELECT * FROM {table} ORDER BY {order}")
            columns = [column for column, *_ in cursor.description]
            keep = [i for i, name in enumerate(columns) if (table, name) != ("verdicts", "number")]
            found[table] = [tuple(_placeless(row[i], str(top)) for i in keep) for row in cursor]
        return found
    finally:
        connection.close()


def _placeless(value: Any, top: str) -> Any:
    return value.replace(top, "TOP") if isinstance(value, str) else value
