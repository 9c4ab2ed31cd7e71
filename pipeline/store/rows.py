"""Records as rows: each record class is a table whose columns are its fields."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar, get_type_hints

from pipeline.base.errors import BugError
from pipeline.model.codec import decode, decode_bytes, encode
from pipeline.model.event import Event, EventType, Level
from pipeline.model.finding import Finding
from pipeline.model.patch import Patch
from pipeline.model.record import (
    AttemptState,
    ErrorRecord,
    RunRecord,
    Step,
    StepAttempt,
    WorkstreamRecord,
)
from pipeline.model.states import RunState, WorkstreamState

R = TypeVar("R")
Convert = Callable[[Any], Any]

_encode_json = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=encode
).encode
_SCALARS: Mapping[type, tuple[type, ...]] = {str: (str,), int: (int,), float: (float, int)}


def plain_text(value: str) -> str:
    """Text that every reader can hold: lone surrogates (from odd file names) become ``\\udcXX``."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")


def json_text(value: Any) -> str:
    """A value as compact JSON text; raises ``BugError`` for what has no JSON form."""
    try:
        return plain_text(_encode_json(value))
    except (TypeError, ValueError) as error:
        raise BugError(f"A payload cannot be written down: {error}.") from error


class Table(Generic[R]):
    """A record class and its table.

    ``read`` and ``write`` convert single fields; the others are stored as they are. ``fixed``
    are columns that no change may set.
    """

    def __init__(
        self,
        name: str,
        record: type[R],
        *,
        read: Mapping[str, Convert] | None = None,
        write: Mapping[str, Convert] | None = None,
        fixed: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.record = record
        self.columns = tuple(f.name for f in dataclasses.fields(record))  # type: ignore[arg-type]  # every record is a dataclass
        self.column_list = ", ".join(f'"{column}"' for column in self.columns)
        index = {column: i for i, column in enumerate(self.columns)}
        self._read = [(index[column], convert) for column, convert in (read or {}).items()]
        self._write = [(index[column], convert) for column, convert in (write or {}).items()]
        hints = get_type_hints(record)
        self._kinds = {c: _SCALARS.get(hints[c]) for c in self.columns if c not in fixed}
        self._updates: dict[tuple[str, ...], str] = {}

    def to_row(self, record: R) -> list[Any]:
        """A record as values in the order of ``columns``."""
        row = [getattr(record, column) for column in self.columns]
        for i, convert in self._write:
            row[i] = convert(row[i])
        return [plain_text(v) if type(v) is str else v for v in row]

    def from_row(self, row: Sequence[Any]) -> R:
        """The record of a row that was selected by ``column_list``."""
        values = list(row)
        for i, convert in self._read:
            values[i] = convert(values[i])
        return self.record(*values)

    def insert_sql(self, *extra: str) -> str:
        """SQL that inserts a row of ``to_row``, with values for ``extra`` columns behind."""
        names = ", ".join([self.column_list, *extra])
        marks = ", ".join("?" * (len(self.columns) + len(extra)))
        return f"INSERT INTO {self.name} ({names}) VALUES ({marks})"  # noqa: S608 - names of ours

    def select_sql(self, rest: str) -> str:
        """SQL that selects whole rows; ``rest`` is what follows the table's name."""
        return f"SELECT {self.column_list} FROM {self.name} {rest}"  # noqa: S608 - names of ours

    def set_sql(self, columns: tuple[str, ...]) -> str:
        """``SET`` assignments for columns, each with one mark."""
        if (sql := self._updates.get(columns)) is None:
            sql = self._updates[columns] = ", ".join(f'"{column}" = ?' for column in columns)
        return sql

    def change_values(self, changes: Mapping[str, Any]) -> list[Any]:
        """The values of changed columns; raises ``BugError`` for a wrong name or type."""
        values = []
        for column, value in changes.items():
            kinds = self._kinds.get(column)
            if kinds is None:
                raise BugError(f"A change may not set {column} of {self.name}.")
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise BugError(f"{self.name}.{column} cannot be {value!r}.")
            values.append(plain_text(str(value)) if kinds == (str,) else value)
        return values


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _findings(text: str) -> tuple[Finding, ...]:
    return tuple(decode(Finding, item) for item in json.loads(text)) if text != "[]" else ()


def _paths(text: str) -> tuple[bytes, ...]:
    return tuple(decode_bytes(item) for item in json.loads(text))


RUNS = Table(
    "runs", RunRecord, read={"state": RunState}, fixed=("run_id", "key", "state", "base_commit")
)
WORKSTREAMS = Table(
    "workstreams",
    WorkstreamRecord,
    read={"state": WorkstreamState},
    fixed=("run_id", "ws_id", "seq", "state", "generation"),
)
ATTEMPTS = Table(
    "step_attempts",
    StepAttempt,
    read={"step": Step, "state": AttemptState, "findings": _findings, "details": json.loads},
    write={"findings": json_text, "details": json_text},
)
EVENTS = Table("events", Event, read={"level": Level, "type": EventType, "payload": json.loads})
ERRORS = Table("errors", ErrorRecord, read={"context": json.loads}, write={"context": json_text})
PATCHES = Table(
    "patches",
    Patch,
    read={
        "paths": _paths,
        **dict.fromkeys(("format_ok", "scope_ok", "constraints_ok", "tests_passed"), _flag),
    },
    write={"paths": json_text},
)
