"""Rows of the database as lines of JSON and back, byte for byte the same.

Columns that hold JSON are nested instead of quoted. Paths of logs are told relative to the main
checkout's top level (``top:…``), which may be elsewhere in another clone.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.model.codec import DecodeError, decode_bytes, encode_bytes
from pipeline.store.layout import STATE_DIR
from pipeline.store.rows import json_text

_TOP = "top:"
_LOGS = ("stdout_log", "stderr_log")
_BIGGEST = 1 << 63

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "runs": (
        "run_id", "key", "state", "base_commit", "base_ref", "kind", "integration_branch",
        "integration_commit", "jobs", "created_at", "started_at", "finished_at", "duration_s",
        "engine_cpu_s", "gates_run", "verdicts_reused", "taken_from", "reason", "plan_digest",
    ),
    "workstreams": (
        "run_id", "ws_id", "seq", "state", "generation", "branch", "start_commit", "commit",
        "tree", "checked_start", "checked_commit", "landing_commit", "returns", "attempts",
        "findings", "patch_id", "reason", "reason_code",
    ),
    "step_attempts": (
        "attempt_id", "run_id", "ws_id", "generation", "step", "number", "state", "tool",
        "ending", "exit_code", "started_at", "finished_at", "duration_s", "start_tree",
        "result_tree", "patch_id", "stdout_log", "stderr_log", "findings", "reason", "details",
    ),
    "errors": (
        "run_id", "code", "signature", "message", "context", "count", "first_seen", "last_seen",
    ),
    "events": (
        "id", "seq", "ts", "level", "run_id", "type", "message", "ws_id", "step", "attempt_id",
        "payload",
    ),
    "patches": (
        "run_id", "ws_id", "attempt_id", "id", "base_tree", "result_tree", "paths", "added",
        "removed", "size", "format_ok", "scope_ok", "constraints_ok", "tests_passed",
        "created_at",
    ),
    "verdicts": ("digest", "run_id", "key", "result", "content", "created_at"),
    "reviews": (
        "review_id", "run_id", "ws_id", "generation", "kind", "state", "summary", "findings",
        "attempts", "patch_ids", "options", "advice", "asked_at", "answered_at", "answered_by",
        "answer",
    ),
    "publications": (
        "run_id", "ws_id", "kind", "name", "repository", "number", "url", "commit", "state",
        "digest", "updated_at",
    ),
}  # fmt: skip  # lists of words read better in rows
"""The columns of format 1, by table; a test holds them against the database."""

_JSON: Mapping[str, frozenset[str]] = {
    "step_attempts": frozenset({"findings", "details"}),
    "errors": frozenset({"context"}),
    "events": frozenset({"payload"}),
    "patches": frozenset({"paths"}),
    "verdicts": frozenset({"content"}),
    "reviews": frozenset({"findings", "attempts", "patch_ids", "options", "advice", "answer"}),
}
_FLAGS = frozenset({"format_ok", "scope_ok", "constraints_ok", "tests_passed"})

Row = dict[str, Any]


class CorruptLineError(ValueError):
    """A line that no writer of ours made."""


def select_sql(table: str, rest: str) -> str:
    """SQL for rows in the order of ``COLUMNS``; ``rest`` follows the table's name."""
    columns = ", ".join(f'"{column}"' for column in COLUMNS[table])
    return f"SELECT {columns} FROM {table} {rest}"  # noqa: S608 - names of ours


def insert_sql(table: str) -> str:
    """SQL that inserts such a row."""
    columns = ", ".join(f'"{column}"' for column in COLUMNS[table])
    marks = ", ".join("?" * len(COLUMNS[table]))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - names of ours


def line_of(table: str, values: Sequence[Any], top: str) -> bytes:
    """A row, as it was selected, as a line; ``top`` is the main checkout's top level."""
    row = dict(zip(COLUMNS[table], values, strict=True))
    for column in _JSON.get(table, ()):
        row[column] = json.loads(row[column]) if row[column] else None
    if table == "patches":
        row |= {flag: None if row[flag] is None else bool(row[flag]) for flag in _FLAGS}
    elif table == "verdicts":
        row["key"] = encode_bytes(row["key"])
        row["content"] = _told(row["content"], top)
    elif table == "step_attempts":
        row = _told(row, top)
    return json_text({"table": table, "row": row}).encode() + b"\n"


def parse_line(line: bytes) -> tuple[str, Row]:
    """The table and the row of a line; raises ``CorruptLineError``."""
    value = loads(line)
    if not isinstance(value, dict) or list(value) != ["table", "row"]:
        raise CorruptLineError("a line is no row")
    table, row = value["table"], value["row"]
    if not isinstance(table, str) or not isinstance(row, dict):
        raise CorruptLineError("a line is no row")
    if tuple(row) != COLUMNS.get(table):
        raise CorruptLineError(f"a row of {table[:40]!r} has other columns than it should")
    if json_text(value).encode() + b"\n" != line:
        raise CorruptLineError(f"a row of {table} is not written the way ours are")
    return table, row


def values_of(table: str, row: Row, top: str) -> list[Any]:
    """A row of ``parse_line`` as the database holds it, in the order of ``COLUMNS``."""
    row = dict(row)
    if table == "patches":
        row |= {flag: None if row[flag] is None else int(row[flag]) for flag in _FLAGS}
    elif table == "verdicts":
        row["key"] = decode_bytes(row["key"])
        row["content"] = _placed(row["content"], top)
    elif table == "step_attempts":
        row = _placed(row, top)
    for column in _JSON.get(table, ()):
        row[column] = "" if row[column] is None else json_text(row[column])
    return list(row.values())


def loads(data: bytes) -> Any:
    """The JSON value in bytes; raises ``CorruptLineError`` for what is not ours to read."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise CorruptLineError(f"it is no JSON: {str(error)[:80]}") from None
    return value


def check_scalars(row: Row) -> None:
    """Raise ``CorruptLineError`` for a number or text that the database cannot hold."""
    for column, value in row.items():
        if isinstance(value, int) and not -_BIGGEST <= value < _BIGGEST:
            raise CorruptLineError(f"{column} is too large a number")
        if isinstance(value, str) and not _is_plain(value):
            raise CorruptLineError(f"{column} holds half a character")


def check_logs(table: str, row: Row) -> None:
    """Raise ``CorruptLineError`` for the path of a log that leads out of our own directory."""
    holder = row["content"] if table == "verdicts" else row
    for name in _LOGS:
        value = holder.get(name, "") if isinstance(holder, dict) else ""
        if not isinstance(value, str) or not value.startswith(_TOP):
            continue
        path = PurePosixPath(value.removeprefix(_TOP))
        if path.is_absolute() or ".." in path.parts or path.parts[:1] != (STATE_DIR,):
            raise CorruptLineError(f"{name} leads out of {STATE_DIR}")


def check_key(row: Row) -> bytes:
    """The whole key of a verdict; raises ``CorruptLineError``."""
    try:
        return decode_bytes(row["key"])
    except DecodeError as error:
        raise CorruptLineError(f"the key of a verdict is not readable: {error}") from None


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _is_plain(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _told(row: Row, top: str) -> Row:
    """A row whose logs are told relative to the top level."""
    for name in _LOGS:
        value = row.get(name)
        if value and value.startswith(f"{top}/{STATE_DIR}/"):
            row = {**row, name: _TOP + value[len(top) + 1 :]}
    return row


def _placed(row: Row, top: str) -> Row:
    """The inverse of ``_told``."""
    for name in _LOGS:
        value = row.get(name)
        if isinstance(value, str) and value.startswith(_TOP):
            row = {**row, name: str(Path(top) / value.removeprefix(_TOP))}
    return row
