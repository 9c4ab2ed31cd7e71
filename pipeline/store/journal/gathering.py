"""The files that a run's journal should hold, read from the database."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.store.journal.chain import Tip
from pipeline.store.journal.format import (
    ERRORS,
    EVENTS,
    PLAN,
    PUBLICATIONS,
    RUN,
    TEXTS,
    VERDICTS,
    WORKSTREAMS,
    Slice,
)
from pipeline.store.journal.lines import COLUMNS, line_of, select_sql
from pipeline.store.records import Records

_SLICE_LINES = 4000
_EVENT_WS = COLUMNS["events"].index("ws_id")
_EVENT_ID = COLUMNS["events"].index("id")
_VERDICT_KEY = COLUMNS["verdicts"].index("digest"), COLUMNS["verdicts"].index("created_at")
_OF_WORKSTREAM = (
    ("workstreams", select_sql("workstreams", "WHERE run_id = ? AND ws_id = ?")),
    ("step_attempts", select_sql("step_attempts", "WHERE run_id = ? AND ws_id = ? ORDER BY rowid")),
    ("patches", select_sql("patches", "WHERE run_id = ? AND ws_id = ? ORDER BY rowid")),
    ("reviews", select_sql("reviews", "WHERE run_id = ? AND ws_id = ? ORDER BY rowid")),
)
_OF_RUN = (
    (ERRORS, "errors", select_sql("errors", "WHERE run_id = ? ORDER BY rowid")),
    (
        PUBLICATIONS,
        "publications",
        select_sql("publications", "WHERE run_id = ? ORDER BY ws_id, kind, name, repository"),
    ),
)
_NEW_VERDICTS = select_sql("verdicts", "WHERE run_id = ? AND number >= ? ORDER BY number")
_LAST_VERDICT = "SELECT coalesce(max(number), 0) FROM verdicts WHERE run_id = ?"
_TEXTS = (
    "SELECT DISTINCT id, content FROM patches JOIN patch_texts USING (id) "
    "WHERE run_id = ? AND ws_id = ?"
)

File = tuple[bytes, bytes]


class Gathered:
    """What one batch could bring; ``files`` may hold what the journal has already.

    ``verdicts`` are the new ones, ``event_id`` is that of the last event.
    """

    def __init__(self, records: Records, run_id: str, tip: Tip, *, is_whole: bool) -> None:
        self._query = records.query
        # A database that no engine has opened since an upgrade lacks what is new.
        self._tables = {name for (name,) in records.query("SELECT name FROM sqlite_schema")}
        self._run_id = run_id
        self._top = str(records.layout.top)
        self._tip = tip
        self.last_event = tip.last_event
        self.last_event_id = tip.last_event_id
        self.last_time = ""
        self.verdicts: list[tuple[str, str]] = []
        self.verdict_number = tip.verdict_number
        self.files: list[File] = []
        self._gather(is_whole)

    def _gather(self, is_whole: bool) -> None:
        changed = self._events()
        if not is_whole and not changed:
            return
        if is_whole:
            found = self._query("SELECT ws_id FROM workstreams WHERE run_id = ?", (self._run_id,))
            changed = {ws_id for (ws_id,) in found}
        self._put(RUN, "runs", self._rows(select_sql("runs", "WHERE run_id = ?")))
        if self._tip.tree.get(PLAN) is None:
            self._plan()
        for ws_id in sorted(name for name in changed if name):
            self._workstream(ws_id)
        for path, table, sql in _OF_RUN:
            if table in self._tables:
                self._put(path, table, self._rows(sql))
        self._new_verdicts(0 if is_whole else self._tip.verdict_number)

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._query(sql, (self._run_id, *values))

    def _put(self, path: bytes, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        data = b"".join(line_of(table, row, self._top) for row in rows)
        if data:
            self.files.append((path, data))

    def _events(self) -> set[str | None]:
        """Add what happened since the last batch; returns to which workstreams it did."""
        sql = select_sql("events", "WHERE run_id = ? AND seq > ? ORDER BY seq")
        rows = self._rows(sql, self._tip.last_event)
        for first, part in _parts(rows):
            at = self._tip.last_event + first
            self._put(Slice(at + 1, at + len(part)).name(EVENTS), "events", part)
        if rows:
            self.last_event += len(rows)
            self.last_event_id = rows[-1][_EVENT_ID]
            self.last_time = rows[-1][COLUMNS["events"].index("ts")]
        return {row[_EVENT_WS] for row in rows}

    def _plan(self) -> None:
        sql = "SELECT content FROM plans JOIN runs ON plan_digest = digest WHERE run_id = ?"
        for (content,) in self._rows(sql):
            self.files.append((PLAN, zlib.decompress(content)))

    def _workstream(self, ws_id: str) -> None:
        path = b"%s/%s.jsonl" % (WORKSTREAMS, ws_id.encode())
        lines = [
            line_of(table, row, self._top)
            for table, sql in _OF_WORKSTREAM
            if table in self._tables
            for row in self._rows(sql, ws_id)
        ]
        self.files.append((path, b"".join(lines)))
        for patch_id, content in self._rows(_TEXTS, ws_id):
            text = b"%s/%s" % (TEXTS, patch_id.encode())
            if self._tip.tree.get(text) is None:
                self.files.append((text, zlib.decompress(content)))

    def _new_verdicts(self, number: int) -> None:
        # A verdict that replaces the newest one gets its number: so that one is looked at again.
        rows = [
            row
            for row in self._rows(_NEW_VERDICTS, number)
            if _verdict(row) not in self._tip.verdicts
        ]
        for first, part in _parts(rows):
            at = self._tip.verdict_lines + first
            self._put(Slice(at + 1, at + len(part)).name(VERDICTS), "verdicts", part)
        self.verdicts = [_verdict(row) for row in rows]
        ((self.verdict_number,),) = self._rows(_LAST_VERDICT)


def _verdict(row: tuple[Any, ...]) -> tuple[str, str]:
    digest, created_at = (row[at] for at in _VERDICT_KEY)
    return digest, created_at


def _parts(rows: list[tuple[Any, ...]]) -> Iterator[tuple[int, list[tuple[Any, ...]]]]:
    for first in range(0, len(rows), _SLICE_LINES):
        yield first, rows[first : first + _SLICE_LINES]
