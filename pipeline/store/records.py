"""Reading what is stored: any thread, any process, also while the writer is at work."""

import json
import sqlite3
import threading
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.files import sha256
from pipeline.model.codec import decode
from pipeline.model.event import Event, EventType
from pipeline.model.patch_ledger import PatchRecord
from pipeline.model.plan import Plan
from pipeline.model.record import (
    AttemptState,
    ErrorRecord,
    RunRecord,
    StepAttempt,
    WorkstreamRecord,
)
from pipeline.model.states import RunState
from pipeline.store import rows
from pipeline.store.database import Mode, database_error, open_database
from pipeline.store.layout import Layout

R = TypeVar("R")
Values = Iterable[str | int | float | bytes | None]


class Records:
    """The reading side of the store; where there is no database yet everything is empty.

    Each thread gets a read-only connection of its own. Nothing is ever created or changed.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._path: Path = layout.database
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._connections_lock = threading.Lock()

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._connections_lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
            self._local = threading.local()

    def __enter__(self) -> "Records":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Runs

    def run(self, run_id: str) -> RunRecord:
        """Return a run; raises ``InputError`` where there is no such run."""
        found = self._select(rows.RUNS, "WHERE run_id = ?", (run_id.lower(),))
        if not found:
            raise InputError(f"There is no run {run_id}.", remedy="See `pipeline runs`.")
        return found[0]

    def latest_run(
        self,
        key: str | None = None,
        *,
        states: Collection[RunState] | None = None,
        kind: str | None = None,
    ) -> RunRecord | None:
        """Return the run that was created last, of those with a key, in states, of a kind."""
        found = self.runs(states=states, key=key, kind=kind, limit=1)
        return found[0] if found else None

    def runs(
        self,
        status: RunState | None = None,
        limit: int | None = None,
        *,
        states: Collection[RunState] | None = None,
        key: str | None = None,
        kind: str | None = None,
        prefix: str = "",
    ) -> tuple[RunRecord, ...]:
        """Return runs, the newest first; ``prefix`` is how their ids begin."""
        wanted = [status] if status is not None else list(states) if states is not None else None
        conditions: list[str] = ["run_id >= ?", "run_id < ?"]
        values: list[Any] = [prefix.lower(), prefix.lower() + "\x7f"]
        if wanted is not None:
            conditions.append(_in("state", wanted))
            values.extend(state.value for state in wanted)
        for column, value in (("key", key), ("kind", kind)):
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        values.append(-1 if limit is None else limit)
        rest = f"WHERE {' AND '.join(conditions)} ORDER BY rowid DESC LIMIT ?"
        return self._select(rows.RUNS, rest, values)

    def plan(self, run_id: str) -> Plan:
        """Return the frozen plan of a run; raises ``InputError`` where there is none."""
        found = self._query(
            "SELECT digest, content FROM plans JOIN runs ON plan_digest = digest WHERE run_id = ?",
            (run_id.lower(),),
        )
        if not found:
            raise InputError(f"There is no plan of run {run_id}.", remedy="See `pipeline runs`.")
        digest, content = found[0]
        return decode(Plan, json.loads(self._unpacked(content, digest, f"the plan of {run_id}")))

    # What belongs to a run

    def workstreams(self, run_id: str) -> tuple[WorkstreamRecord, ...]:
        """Return a run's workstreams in plan order."""
        return self._select(rows.WORKSTREAMS, "WHERE run_id = ? ORDER BY seq", (run_id.lower(),))

    def workstream(self, run_id: str, ws_id: str) -> WorkstreamRecord:
        """Return a workstream; raises ``InputError`` where the run holds none of this id."""
        found = self._select(
            rows.WORKSTREAMS, "WHERE run_id = ? AND ws_id = ?", (run_id.lower(), ws_id)
        )
        if not found:
            raise InputError(
                f"Run {run_id} has no workstream {ws_id}.", remedy="See `pipeline show-run`."
            )
        return found[0]

    def attempts(
        self,
        run_id: str,
        ws_id: str | None = None,
        generation: int | None = None,
        *,
        state: AttemptState | None = None,
    ) -> tuple[StepAttempt, ...]:
        """Return a run's attempts, the oldest first."""
        conditions, values = ["run_id = ?"], [run_id.lower()]
        wanted: tuple[tuple[str, Any], ...] = (
            ("ws_id", ws_id),
            ("generation", generation),
            ("state", state),
        )
        for column, value in wanted:
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        return self._select(
            rows.ATTEMPTS, f"WHERE {' AND '.join(conditions)} ORDER BY rowid", values
        )

    def open_attempts(self) -> tuple[StepAttempt, ...]:
        """Return the attempts of all runs that were started and not finished."""
        return self._select(rows.ATTEMPTS, "WHERE state = 'started' ORDER BY rowid", ())

    def events(
        self,
        run_id: str,
        after_seq: int = 0,
        types: Collection[EventType] | None = None,
        *,
        ws_id: str | None = None,
        limit: int | None = None,
    ) -> tuple[Event, ...]:
        """Return a run's events with a greater ``seq``, in order."""
        conditions = ["run_id = ?", "seq > ?"]
        values: list[Any] = [run_id.lower(), after_seq]
        if types is not None:
            conditions.append(_in("type", types))
            values.extend(kind.value for kind in types)
        if ws_id is not None:
            conditions.append("ws_id = ?")
            values.append(ws_id)
        values.append(-1 if limit is None else limit)
        rest = f"WHERE {' AND '.join(conditions)} ORDER BY seq LIMIT ?"
        return self._select(rows.EVENTS, rest, values)

    def patches(self, run_id: str) -> tuple[PatchRecord, ...]:
        """Return a run's patches, the oldest first."""
        table = rows.PATCHES
        found = self._query(
            f"SELECT run_id, ws_id, attempt_id, created_at, {table.column_list} "  # noqa: S608 - names of ours
            "FROM patches WHERE run_id = ? ORDER BY rowid",
            (run_id.lower(),),
        )
        return tuple(
            PatchRecord(run, ws, attempt, table.from_row(rest), created)
            for run, ws, attempt, created, *rest in found
        )

    def patch_text(self, run_id: str, patch_id: str) -> bytes:
        """Return the bytes of a run's patch; raises ``InputError`` where the run has none such."""
        found = self._query(
            "SELECT content FROM patches JOIN patch_texts USING (id) WHERE run_id = ? AND id = ?",
            (run_id.lower(), patch_id),
        )
        if not found:
            raise InputError(
                f"Run {run_id} has no patch {patch_id}.", remedy="See `pipeline show-patches`."
            )
        return self._unpacked(found[0][0], patch_id, f"patch {patch_id}")

    def errors(self, run_id: str | None = None) -> tuple[ErrorRecord, ...]:
        """Return errors with their counts, of one run or of all, the most frequent first."""
        where, values = ("", ()) if run_id is None else ("WHERE run_id = ?", (run_id.lower(),))
        return self._select(rows.ERRORS, f"{where} ORDER BY count DESC, signature", values)

    def branch_values(self, branch: str) -> frozenset[str]:
        """Return every commit that the engine ever made for a visible branch (a full name)."""
        found = self._query(
            'SELECT "commit" FROM workstreams JOIN runs USING (run_id) '
            'WHERE branch = ?1 AND "commit" <> base_commit UNION '
            "SELECT checked_commit FROM workstreams WHERE branch = ?1 UNION "
            "SELECT landing_commit FROM workstreams JOIN runs USING (run_id) "
            "WHERE integration_branch = ?1",
            (branch,),
        )
        return frozenset(commit for (commit,) in found if commit)

    # How it is read

    def query(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """Run a reading statement of another module of the store."""
        return self._query(sql, values)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all that this thread reads in the block be of one moment; not to be nested."""
        self._query("BEGIN", ())
        try:
            yield
        finally:
            self._query("ROLLBACK", ())

    def _select(self, table: rows.Table[R], rest: str, values: Values) -> tuple[R, ...]:
        return tuple(map(table.from_row, self._query(table.select_sql(rest), values)))

    def _query(self, sql: str, values: Values) -> list[tuple[Any, ...]]:
        connection = self._connection()
        if connection is None:
            return []
        try:
            return connection.execute(sql, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise database_error(error, self._path) from error

    def _connection(self) -> sqlite3.Connection | None:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None and (opened := open_database(self._path, Mode.READ)):
            connection = self._local.connection = opened.connection
            with self._connections_lock:
                self._connections.append(connection)
        return connection

    def _unpacked(self, content: bytes, digest: str, what: str) -> bytes:
        try:
            data = zlib.decompress(content)
        except zlib.error:
            data = b""
        if sha256(data) != digest:
            raise UnfitError(
                f"The database {self._path} is damaged: {what} has changed.",
                remedy="Start a new run with `pipeline run --fresh`.",
            )
        return data


def _in(column: str, values: Collection[Any]) -> str:
    return f"{column} IN ({', '.join('?' * len(values))})"
