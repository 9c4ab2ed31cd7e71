"""The ledger: the one writer of state, in which a change and its event are one transaction."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pipeline.base.errors import BugError
from pipeline.model.codec import canonical
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.patch import Patch
from pipeline.model.plan import Plan
from pipeline.model.record import ErrorDraft, RunRecord, StepAttempt, WorkstreamRecord
from pipeline.model.states import RUN_MOVES, WORKSTREAM_MOVES, RunState, WorkstreamState
from pipeline.store import units
from pipeline.store.bus import Bus
from pipeline.store.database import Mode, open_database
from pipeline.store.errors import IllegalMoveError, StaleStateError
from pipeline.store.layout import Layout
from pipeline.store.lock import RunLock
from pipeline.store.records import Records
from pipeline.store.writer import Unit, Writer

__all__ = ["IllegalMoveError", "Ledger", "StaleStateError"]

T = TypeVar("T")

PatchAndText = tuple[Patch, bytes]


class Ledger(Records):
    """Reads and writes the state of all runs; one for each repository, held by the lock's owner.

    Every method that writes returns after the commit, except where it says otherwise; units are
    written in the order in which they are submitted. Writing methods raise ``UnfitError`` where
    the disk refuses (nothing is changed, the ledger stays usable) and ``BugError`` for what must
    not be asked. ``notes`` tells people what opening it found.
    """

    def __init__(
        self, layout: Layout, lock: RunLock, *, durable: Callable[[], None] = lambda: None
    ) -> None:
        """Open the database, creating or migrating it where needed.

        ``durable`` is called before each commit, so that the objects and refs that rows name are
        safe first; what it raises fails everything that waits.
        """
        if not lock.is_held or lock.layout.lock_file != layout.lock_file:
            raise BugError("The ledger needs the repository's run lock, held.")
        super().__init__(layout)
        self.lock = lock
        opened = open_database(layout.database, Mode.WRITE)
        if opened is None:
            raise AssertionError("a writer always gets a database")
        self.notes = opened.notes
        self.bus = Bus()
        self._writer = Writer(
            opened.connection, layout.database, durable=durable, publish=self.bus.publish
        )

    def close(self) -> None:
        """Write what waits, tell the subscribers, and close everything."""
        self._writer.flush_and_stop()
        self.bus.close()
        super().close()
        self._writer.close()

    def __enter__(self) -> "Ledger":
        return self

    # Runs

    def create_run(
        self,
        record: RunRecord,
        plan: Plan | None,
        workstreams: Sequence[WorkstreamRecord] = (),
        *,
        events: Sequence[EventDraft] = (),
    ) -> None:
        """Store a new run with its frozen plan and workstreams.

        Writes ``run_created`` and ``workstream_created`` events by itself.
        """
        content = canonical(plan) if plan is not None else None
        self._do(units.create_run(record, content, workstreams, events))

    def move_run(
        self,
        run_id: str,
        source: RunState,
        target: RunState,
        message: str,
        *,
        changes: Mapping[str, Any] | None = None,
        payload: Mapping[str, Any] | None = None,
        events: Sequence[EventDraft] = (),
    ) -> RunRecord:
        """Move a run; as ``move``."""
        if target not in RUN_MOVES[source]:
            self._refuse(run_id, None, source, target)
        return self._do(
            units.move_run(
                run_id,
                source,
                target,
                message,
                changes=changes or {},
                payload=payload or {},
                events=events,
            )
        )

    def update_run(
        self, run_id: str, changes: Mapping[str, Any], *, events: Sequence[EventDraft] = ()
    ) -> RunRecord:
        """Set columns of a run whatever its state."""
        return self._do(units.update_run(run_id, changes, events))

    # Workstreams

    def move(
        self,
        run_id: str,
        ws_id: str,
        source: WorkstreamState,
        target: WorkstreamState,
        message: str,
        *,
        changes: Mapping[str, Any] | None = None,
        payload: Mapping[str, Any] | None = None,
        events: Sequence[EventDraft] = (),
        attempt: StepAttempt | None = None,
        patch: PatchAndText | None = None,
        errors: Sequence[ErrorDraft] = (),
    ) -> WorkstreamRecord:
        """Move a workstream: compare-and-set on its state, with everything that belongs to it.

        One transaction sets the other columns in ``changes``, stores the finished ``attempt`` and
        the ``patch`` (with its text) of that attempt, counts ``errors``, and writes ``events`` and
        then a ``state_transition`` event with ``message``. Raises ``IllegalMoveError`` for a move
        that the table does not hold (an ``illegal_transition`` event is all that is written) and
        ``StaleStateError`` when the workstream is in another state than ``source``.
        """
        if target not in WORKSTREAM_MOVES[source]:
            self._refuse(run_id, ws_id, source, target)
        extras = units.Extras(events, attempt, units.packed(patch), errors)
        return self._do(
            units.move(
                run_id,
                ws_id,
                source,
                target,
                message=message,
                changes=changes or {},
                payload=payload or {},
                extras=extras,
            )
        )

    def update(
        self,
        run_id: str,
        ws_id: str,
        expected: WorkstreamState,
        *,
        changes: Mapping[str, Any],
        events: Sequence[EventDraft] = (),
        attempt: StepAttempt | None = None,
        patch: PatchAndText | None = None,
        errors: Sequence[ErrorDraft] = (),
    ) -> WorkstreamRecord:
        """Set columns of a workstream that is and stays in a state; otherwise as ``move``."""
        extras = units.Extras(events, attempt, units.packed(patch), errors)
        return self._do(units.update(run_id, ws_id, expected, changes, extras))

    # Attempts, patches, errors

    def start_attempt(self, attempt: StepAttempt, *, events: Sequence[EventDraft] = ()) -> None:
        """Store an attempt that begins, with an ``attempt_started`` event; does not wait."""
        self._do_soon(units.start_attempt(attempt, events))

    def finish_attempt(self, attempt: StepAttempt, *, events: Sequence[EventDraft] = ()) -> None:
        """Store how an attempt ended; ``StaleStateError`` unless it is stored as started."""
        self._do(units.finish_attempt(attempt, events))

    def save_patch(
        self,
        run_id: str,
        ws_id: str,
        attempt_id: str,
        patch: Patch,
        text: bytes,
        *,
        events: Sequence[EventDraft] = (),
    ) -> None:
        """Store a patch and its text; again for the same attempt, it replaces the flags."""
        content = zlib.compress(text, 1)
        self._do(
            units.save_patch(run_id, ws_id, attempt_id, patch=patch, content=content, events=events)
        )

    def record_error(
        self,
        code: str,
        signature: str,
        message: str,
        context: Mapping[str, Any],
        *,
        run_id: str = "",
    ) -> None:
        """Count an error by code and signature; does not wait."""
        self._do_soon(units.record_error(run_id, ErrorDraft(code, signature, message, context)))

    # Events and other units

    def record(self, *events: EventDraft) -> None:
        """Write events; each names its run."""
        self._do(units.record(events))

    def record_soon(self, *events: EventDraft) -> None:
        """Write events without waiting: they are durable at the latest with the next move."""
        self._do_soon(units.record(events))

    def flush(self) -> None:
        """Wait until everything that was asked for so far is durable, or has failed."""
        self._do(units.record(()))

    def submit(self, unit: Unit[T]) -> T:
        """Run a unit of another module of the store and wait for its commit."""
        return self._do(unit)

    def submit_soon(self, unit: Unit[Any]) -> None:
        """Queue a unit of another module of the store."""
        self._do_soon(unit)

    @property
    def group_sizes(self) -> tuple[int, int]:
        """How many units were written in how many commits."""
        return self._writer.units, self._writer.commits

    @property
    def pending(self) -> int:
        """How many units wait, those of the commit that is being made not included."""
        return self._writer.pending

    @property
    def unheard(self) -> tuple[BaseException, ...]:
        """What went wrong with units that nobody waited for."""
        return tuple(self._writer.unheard)

    def _do(self, unit: Unit[T]) -> T:
        return self._writer.submit(unit).result()

    def _do_soon(self, unit: Unit[Any]) -> None:
        self._writer.submit(unit, is_awaited=False)

    def _refuse(
        self,
        run_id: str,
        ws_id: str | None,
        source: RunState | WorkstreamState,
        target: RunState | WorkstreamState,
    ) -> None:
        what = f"{ws_id or f'Run {run_id}'} may not go from {source.value} to {target.value}."
        self.record(
            EventDraft(
                EventType.ILLEGAL_TRANSITION,
                what,
                level=Level.ERROR,
                run_id=run_id,
                ws_id=ws_id,
                payload={"from": source.value, "to": target.value},
            )
        )
        raise IllegalMoveError(what)
