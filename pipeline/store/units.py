"""What the writer can be asked to do: each unit is written whole or not at all."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.base.files import sha256
from pipeline.model.event import EventDraft, EventType
from pipeline.model.patch import Patch
from pipeline.model.record import ErrorDraft, RunRecord, StepAttempt, WorkstreamRecord
from pipeline.model.states import RunState, WorkstreamState
from pipeline.store.errors import StaleStateError
from pipeline.store.rows import ATTEMPTS, PATCHES, RUNS, WORKSTREAMS, json_text, plain_text
from pipeline.store.writer import Transaction, Unit

_INSERT_RUN = RUNS.insert_sql("plan_digest")
_INSERT_WORKSTREAM = WORKSTREAMS.insert_sql()
_INSERT_ATTEMPT = ATTEMPTS.insert_sql()
_FINISH_ATTEMPT = (
    f"UPDATE step_attempts SET {ATTEMPTS.set_sql(ATTEMPTS.columns)} "  # noqa: S608 - names of ours
    "WHERE attempt_id = ? AND state = 'started'"
)
_FLAGS = ("format_ok", "scope_ok", "constraints_ok", "tests_passed")
_SAVE_PATCH = (
    PATCHES.insert_sql("run_id", "ws_id", "attempt_id", "created_at")
    + " ON CONFLICT (run_id, ws_id, attempt_id, id) DO UPDATE SET "
    + ", ".join(f"{flag} = excluded.{flag}" for flag in _FLAGS)
)
_COUNT_ERROR = """
    INSERT INTO errors VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?6)
    ON CONFLICT (run_id, code, signature) DO UPDATE SET
        message = excluded.message, context = excluded.context,
        count = count + 1, last_seen = excluded.last_seen
"""


@dataclass(frozen=True, slots=True)
class PackedPatch:
    """A patch with its text as it is stored, made ready outside of the writer's thread."""

    patch: Patch
    content: bytes


@dataclass(frozen=True, slots=True)
class Extras:
    """What is stored together with a change of a workstream."""

    events: Sequence[EventDraft] = ()
    attempt: StepAttempt | None = None
    patch: PackedPatch | None = None
    errors: Sequence[ErrorDraft] = ()


def packed(patch: tuple[Patch, bytes] | None) -> PackedPatch | None:
    """A patch and its text, ready to be stored."""
    return PackedPatch(patch[0], zlib.compress(patch[1], 1)) if patch else None


def create_run(
    record: RunRecord,
    plan: bytes | None,
    workstreams: Sequence[WorkstreamRecord],
    events: Sequence[EventDraft],
) -> Unit[None]:
    """Store a run; ``plan`` is its canonical form."""
    content = zlib.compress(plan, 1) if plan is not None else b""
    digest = sha256(plan) if plan is not None else None

    def unit(tx: Transaction) -> None:
        if digest is not None:
            tx.execute("INSERT OR IGNORE INTO plans VALUES (?, ?)", (digest, content))
        tx.execute(_INSERT_RUN, (*RUNS.to_row(record), digest))
        tx.executemany(_INSERT_WORKSTREAM, map(WORKSTREAMS.to_row, workstreams))
        tx.event(
            EventDraft(
                EventType.RUN_CREATED,
                f"Run {record.run_id} was created with {len(workstreams)} workstreams.",
                payload={"key": record.key, "base_commit": record.base_commit},
            ),
            record.run_id,
        )
        for ws in workstreams:
            tx.event(
                EventDraft(
                    EventType.WORKSTREAM_CREATED,
                    f"{ws.ws_id} is number {ws.seq} of the plan.",
                    payload={"seq": ws.seq, "state": ws.state.value},
                ),
                record.run_id,
                ws.ws_id,
            )
        for draft in events:
            tx.event(draft, record.run_id)

    return unit


def move_run(
    run_id: str,
    source: RunState,
    target: RunState,
    message: str,
    *,
    changes: Mapping[str, Any],
    payload: Mapping[str, Any],
    events: Sequence[EventDraft],
) -> Unit[RunRecord]:
    """Compare-and-set the state of a run."""
    sql = _update_sql("runs", ("state", *changes), "run_id = ? AND state = ?", RUNS.column_list)
    values = (target.value, *RUNS.change_values(changes), run_id, source.value)
    draft = _transition(source, target, message, payload)

    def unit(tx: Transaction) -> RunRecord:
        row = tx.execute(sql, values).fetchone()
        if row is None:
            raise _stale_run(tx, run_id, source.value)
        for event in events:
            tx.event(event, run_id)
        tx.event(draft, run_id)
        return RUNS.from_row(row)

    return unit


def update_run(
    run_id: str, changes: Mapping[str, Any], events: Sequence[EventDraft]
) -> Unit[RunRecord]:
    """Set columns of a run."""
    sql = _update_sql("runs", tuple(changes), "run_id = ?", RUNS.column_list)
    values = (*RUNS.change_values(changes), run_id)

    def unit(tx: Transaction) -> RunRecord:
        row = tx.execute(sql, values).fetchone()
        if row is None:
            raise _stale_run(tx, run_id, "any state")
        for event in events:
            tx.event(event, run_id)
        return RUNS.from_row(row)

    return unit


def move(
    run_id: str,
    ws_id: str,
    source: WorkstreamState,
    target: WorkstreamState,
    *,
    message: str,
    changes: Mapping[str, Any],
    payload: Mapping[str, Any],
    extras: Extras,
) -> Unit[WorkstreamRecord]:
    """Compare-and-set the state of a workstream."""
    sql = _update_ws(("state", *changes))
    values = (target.value, *WORKSTREAMS.change_values(changes), run_id, ws_id, source.value)
    draft = _transition(source, target, message, payload)

    def unit(tx: Transaction) -> WorkstreamRecord:
        row = tx.execute(sql, values).fetchone()
        if row is None:
            raise _stale_ws(tx, run_id, ws_id, source)
        _write_extras(tx, run_id, ws_id, extras)
        tx.event(draft, run_id, ws_id)
        return WORKSTREAMS.from_row(row)

    return unit


def update(
    run_id: str,
    ws_id: str,
    expected: WorkstreamState,
    changes: Mapping[str, Any],
    extras: Extras,
) -> Unit[WorkstreamRecord]:
    """Set columns of a workstream that is in a state."""
    sql = _update_ws(tuple(changes) or ("state",))
    values = (
        *(WORKSTREAMS.change_values(changes) or (expected.value,)),
        run_id,
        ws_id,
        expected.value,
    )

    def unit(tx: Transaction) -> WorkstreamRecord:
        row = tx.execute(sql, values).fetchone()
        if row is None:
            raise _stale_ws(tx, run_id, ws_id, expected)
        _write_extras(tx, run_id, ws_id, extras)
        return WORKSTREAMS.from_row(row)

    return unit


def start_attempt(attempt: StepAttempt, events: Sequence[EventDraft]) -> Unit[None]:
    """Store an attempt that begins."""
    row = ATTEMPTS.to_row(attempt)
    by = f" with {attempt.tool}" if attempt.tool else ""
    draft = EventDraft(
        EventType.ATTEMPT_STARTED,
        f"{attempt.ws_id}: {attempt.step.value} attempt {attempt.number}{by} started.",
        step=attempt.step.value,
        attempt_id=attempt.attempt_id,
        payload={"number": attempt.number, "tool": attempt.tool},
    )

    def unit(tx: Transaction) -> None:
        tx.execute(_INSERT_ATTEMPT, row)
        tx.event(draft, attempt.run_id, attempt.ws_id)
        for event in events:
            tx.event(event, attempt.run_id, attempt.ws_id)

    return unit


def finish_attempt(attempt: StepAttempt, events: Sequence[EventDraft]) -> Unit[None]:
    """Store how an attempt ended."""

    def unit(tx: Transaction) -> None:
        _write_extras(tx, attempt.run_id, attempt.ws_id, Extras(events, attempt))

    return unit


def save_patch(
    run_id: str,
    ws_id: str,
    attempt_id: str,
    *,
    patch: Patch,
    content: bytes,
    events: Sequence[EventDraft],
) -> Unit[None]:
    """Store a patch; ``content`` is its packed text."""

    def unit(tx: Transaction) -> None:
        _write_patch(tx, run_id, ws_id, attempt_id, PackedPatch(patch, content))
        for event in events:
            tx.event(event, run_id, ws_id)

    return unit


def record_error(run_id: str, error: ErrorDraft) -> Unit[None]:
    """Count an error."""

    def unit(tx: Transaction) -> None:
        _count_error(tx, run_id, error)

    return unit


def record(events: Sequence[EventDraft]) -> Unit[None]:
    """Write events that come with no change of state."""

    def unit(tx: Transaction) -> None:
        for event in events:
            tx.event(event)

    return unit


_update_cache: dict[tuple[str, tuple[str, ...], str], str] = {}


def _update_sql(table: str, columns: tuple[str, ...], where: str, returning: str) -> str:
    """An UPDATE that gives back the row; made once for each set of columns."""
    key = (table, columns, where)
    if (sql := _update_cache.get(key)) is None:
        sets = ", ".join(f'"{column}" = ?' for column in columns)
        sql = f"UPDATE {table} SET {sets} WHERE {where} RETURNING {returning}"  # noqa: S608 - names of ours
        _update_cache[key] = sql
    return sql


def _update_ws(columns: tuple[str, ...]) -> str:
    where = "run_id = ? AND ws_id = ? AND state = ?"
    return _update_sql("workstreams", columns, where, WORKSTREAMS.column_list)


def _write_extras(tx: Transaction, run_id: str, ws_id: str, extras: Extras) -> None:
    attempt = extras.attempt
    attempt_id = ""
    if attempt is not None:
        attempt_id = attempt.attempt_id
        changed = tx.execute(_FINISH_ATTEMPT, (*ATTEMPTS.to_row(attempt), attempt_id)).rowcount
        if changed != 1:
            raise _stale_attempt(tx, attempt_id)
    if extras.patch is not None:
        _write_patch(tx, run_id, ws_id, attempt_id, extras.patch)
    for error in extras.errors:
        _count_error(tx, run_id, error)
    for event in extras.events:
        tx.event(event, run_id, ws_id)


def _count_error(tx: Transaction, run_id: str, error: ErrorDraft) -> None:
    words = (plain_text(error.signature), plain_text(error.message), json_text(error.context))
    tx.execute(_COUNT_ERROR, (run_id, error.code, *words, tx.time))


def _write_patch(
    tx: Transaction, run_id: str, ws_id: str, attempt_id: str, packed_patch: PackedPatch
) -> None:
    patch = packed_patch.patch
    tx.execute("INSERT OR IGNORE INTO patch_texts VALUES (?, ?)", (patch.id, packed_patch.content))
    tx.execute(_SAVE_PATCH, (*PATCHES.to_row(patch), run_id, ws_id, attempt_id, tx.time))


def _transition(
    source: RunState | WorkstreamState,
    target: RunState | WorkstreamState,
    message: str,
    payload: Mapping[str, Any],
) -> EventDraft:
    return EventDraft(
        EventType.STATE_TRANSITION,
        message,
        payload={"from": source.value, "to": target.value, **payload},
    )


def _stale_run(tx: Transaction, run_id: str, expected: str) -> StaleStateError:
    row = tx.execute("SELECT state FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    return _stale(f"Run {run_id}", expected, row)


def _stale_ws(
    tx: Transaction, run_id: str, ws_id: str, expected: WorkstreamState
) -> StaleStateError:
    row = tx.execute(
        "SELECT state FROM workstreams WHERE run_id = ? AND ws_id = ?", (run_id, ws_id)
    ).fetchone()
    return _stale(f"Workstream {ws_id} of run {run_id}", expected.value, row)


def _stale_attempt(tx: Transaction, attempt_id: str) -> StaleStateError:
    row = tx.execute(
        "SELECT state FROM step_attempts WHERE attempt_id = ?", (attempt_id,)
    ).fetchone()
    return _stale(f"Attempt {attempt_id}", "started", row)


def _stale(what: str, expected: str, row: tuple[str] | None) -> StaleStateError:
    actual = row[0] if row else ""
    return StaleStateError(
        f"{what} was expected in {expected}, but " + (f"is {actual}." if row else "is not stored."),
        actual=actual,
    )
