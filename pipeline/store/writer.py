"""The one writer thread: units wait in a queue and are made durable together.

Everything that waits is written in one transaction, each unit in a savepoint of its own, so that a
unit that fails takes nothing back but itself. A unit is acknowledged only after the commit.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from pipeline.base.clock import now
from pipeline.base.errors import BugError
from pipeline.base.ids import new_id
from pipeline.model.event import Event, EventDraft
from pipeline.store.database import database_error
from pipeline.store.rows import json_text, plain_text

T = TypeVar("T")

_MAX_GROUP = 512
_PATIENCE_S = 0.02
_OF_ONE_UNIT = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
)

_LAST_EVENT = "SELECT coalesce(max(seq), 0) FROM events WHERE run_id = ?"
_INSERT_EVENT = """
    INSERT INTO events
        (run_id, seq, id, ts, level, type, message, ws_id, step, attempt_id, payload)
    VALUES
        (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class Transaction:
    """What a unit writes with; only valid inside of it.

    ``last`` maps runs to the number of their last event, as far as it is known. Events are
    written at the end of the unit.
    """

    def __init__(self, connection: sqlite3.Connection, last: dict[str, int]) -> None:
        self.execute = connection.execute
        self.executemany = connection.executemany
        self.time = ""
        self.events: list[Event] = []
        self._last = last
        self._rows: list[tuple[object, ...]] = []

    def event(self, draft: EventDraft, run_id: str = "", ws_id: str | None = None) -> None:
        """Write an event; ``run_id`` and ``ws_id`` stand in for what the draft leaves open."""
        run_id = draft.run_id or run_id
        ws_id = draft.ws_id or ws_id
        if (last := self._last.get(run_id)) is None:
            (last,) = self.execute(_LAST_EVENT, (run_id,)).fetchone()
        seq = self._last[run_id] = last + 1
        event_id = new_id()
        message = plain_text(draft.message)
        payload = draft.payload
        values = (
            run_id,
            seq,
            event_id,
            self.time,
            draft.level._value_,
            draft.type._value_,
            message,
            ws_id,
            draft.step,
            draft.attempt_id,
            json_text(payload) if payload else "{}",
        )
        self._rows.append(values)
        event = Event(
            event_id,
            seq,
            self.time,
            draft.level,
            run_id,
            draft.type,
            message,
            ws_id,
            draft.step,
            draft.attempt_id,
            payload,
        )
        self.events.append(event)

    def forget_last(self, run_id: str) -> None:
        """Ask the database again how far a run's events go: rows were put in beside ``event``."""
        self._last.pop(run_id, None)

    def write_events(self) -> None:
        """Write what ``event`` was given since the last call."""
        rows, self._rows = self._rows, []
        if rows:
            self.executemany(_INSERT_EVENT, rows)

    def forget_events(self, mark: int) -> None:
        """Undo all events but the first ``mark``; how far the runs are has to be asked again."""
        self._rows.clear()
        self._last.clear()
        del self.events[mark:]


Unit = Callable[[Transaction], T]


class Receipt(Generic[T]):
    """A promise that a unit will be durable; lighter than a ``concurrent.futures.Future``."""

    __slots__ = ("_done", "_error", "_value", "is_awaited")

    def __init__(self, *, is_awaited: bool = True) -> None:
        self.is_awaited = is_awaited
        self._done = threading.Lock()
        self._done.acquire()
        self._value: T | None = None
        self._error: BaseException | None = None

    def result(self) -> T:
        """Wait for the commit; return what the unit returned, or raise what went wrong."""
        with self._done:
            if self._error is not None:
                raise self._error
            return self._value  # type: ignore[return-value]  # set together with the lock

    @property
    def is_done(self) -> bool:
        """Whether ``result`` returns at once."""
        return not self._done.locked()

    def settle(self, value: T | None, error: BaseException | None) -> None:
        """Acknowledge; called once, by the writer."""
        self._value = value
        self._error = error
        self._done.release()


class Writer:
    """Owns the writing connection; ``submit`` from any thread.

    ``durable`` is called before each commit: what rows name (objects, refs) must be safe first.
    ``publish`` gets the events of each commit before the waiting callers are told.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        *,
        durable: Callable[[], None],
        publish: Callable[[Sequence[Event]], None],
    ) -> None:
        self._connection = connection
        self._path = path
        self._durable = durable
        self._publish = publish
        self._queue: SimpleQueue[tuple[Unit[Any], Receipt[Any]] | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._last: dict[str, int] = {}
        self._is_closed = False
        self.commits = 0
        self.units = 0
        self.unheard: list[BaseException] = []
        self._lost: BaseException | None = None
        # A daemon: a program that ends without closing the ledger must still end.
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def submit(self, unit: Unit[T], *, is_awaited: bool = True) -> Receipt[T]:
        """Queue a unit; units are written in the order in which they are submitted.

        What goes wrong with one that nobody waits for is kept in ``unheard``. Where the disk lost
        such a one, everything later fails for the same reason: it may rest on what is not there.
        """
        receipt: Receipt[T] = Receipt(is_awaited=is_awaited)
        with self._gate:
            if self._is_closed:
                raise BugError("The ledger is closed; nothing can be written any more.")
            self._queue.put((unit, receipt))
        return receipt

    @property
    def pending(self) -> int:
        """How many units wait in the queue."""
        return self._queue.qsize()

    def flush_and_stop(self) -> None:
        """Write what waits and end the thread; safe to call twice."""
        with self._gate:
            if not self._is_closed:
                self._is_closed = True
                self._queue.put(None)
        self._thread.join()

    def close(self) -> None:
        """Stop, then close the connection, which empties the log into the database."""
        self.flush_and_stop()
        self._connection.close()

    def _run(self) -> None:
        is_open = True
        while is_open:
            group, is_open = self._take()
            if group:
                self._write(group)

    def _take(self) -> tuple[list[tuple[Unit[Any], Receipt[Any]]], bool]:
        """Wait for a unit, then take everything that waits; false when the end was asked for.

        While nobody waits for any of it, a little more time is given for company.
        """
        group = []
        item = self._queue.get()
        until = time.monotonic() + _PATIENCE_S
        while item is not None:
            group.append(item)
            if item[1].is_awaited:
                until = 0.0
            if len(group) == _MAX_GROUP:
                break
            try:
                item = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                break
        return group, item is not None

    def _write(self, group: list[tuple[Unit[Any], Receipt[Any]]]) -> None:
        transaction = Transaction(self._connection, self._last)
        try:
            if self._lost is not None:
                raise self._lost
            answers = self._commit(transaction, group)
        except BaseException as error:  # noqa: BLE001 - whoever waits has to be told of anything
            transaction.forget_events(0)
            failure = self._as_failure(error)
            if not all(receipt.is_awaited for _, receipt in group):
                self._lost = failure
            for _, receipt in group:
                self._settle(receipt, None, failure)
            return
        self.commits += 1
        self.units += len(group)
        if transaction.events:  # before the callers go on: whoever drains the bus then gets them
            self._publish(tuple(transaction.events))
        for (_, receipt), (value, problem) in zip(group, answers, strict=True):
            self._settle(receipt, value, problem)

    def _commit(
        self, transaction: Transaction, group: list[tuple[Unit[Any], Receipt[Any]]]
    ) -> list[tuple[Any, Exception | None]]:
        execute = self._connection.execute
        if self._connection.in_transaction:  # an earlier rollback failed as well
            execute("ROLLBACK")
        try:
            execute("BEGIN IMMEDIATE")
            answers = [self._attempt(transaction, unit) for unit, _ in group]
            self._durable()
            execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                execute("ROLLBACK")
            raise
        return answers

    def _attempt(self, transaction: Transaction, unit: Unit[Any]) -> tuple[Any, Exception | None]:
        """Run one unit in its savepoint; its own failure is its answer, the disk's is raised."""
        execute = self._connection.execute
        mark = len(transaction.events)
        transaction.time = now()
        execute("SAVEPOINT unit")
        try:
            value = unit(transaction)
            transaction.write_events()
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not isinstance(error, _OF_ONE_UNIT):
                raise  # full, read-only, broken: it would hit every unit of the group
            execute("ROLLBACK TO unit")
            execute("RELEASE unit")
            transaction.forget_events(mark)
            return None, error
        execute("RELEASE unit")
        return value, None

    def _settle(self, receipt: Receipt[Any], value: Any, error: BaseException | None) -> None:
        if error is not None and not receipt.is_awaited:
            self.unheard.append(error)
        receipt.settle(value, error)

    def _as_failure(self, error: BaseException) -> BaseException:
        return database_error(error, self._path) if isinstance(error, sqlite3.Error) else error
