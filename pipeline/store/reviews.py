"""Reviews in the store: a question or an answer is one transaction with the move it leads to."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.base.errors import InputError
from pipeline.model.codec import decode
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.finding import Finding
from pipeline.model.record import WorkstreamRecord
from pipeline.model.review import (
    ANSWERS,
    Answer,
    Option,
    Review,
    ReviewKind,
    ReviewState,
    Tried,
)
from pipeline.model.states import WORKSTREAM_MOVES, WorkstreamState
from pipeline.store import units
from pipeline.store.errors import StaleStateError
from pipeline.store.ledger import Ledger
from pipeline.store.records import Records
from pipeline.store.rows import WORKSTREAMS, Table, json_text
from pipeline.store.writer import Transaction, Unit

_W = WorkstreamState


def _tuple_of(cls: type[Any]) -> Any:
    return lambda text: tuple(decode(cls, item) for item in json.loads(text))


REVIEWS = Table(
    "reviews",
    Review,
    read={
        "kind": ReviewKind,
        "state": ReviewState,
        "findings": _tuple_of(Finding),
        "attempts": _tuple_of(Tried),
        "patch_ids": lambda text: tuple(json.loads(text)),
        "options": lambda text: tuple(map(Option, json.loads(text))),
        "advice": lambda text: tuple(json.loads(text)),
        "answer": lambda text: decode(Answer, json.loads(text)) if text else None,
    },
    write={
        "findings": json_text,
        "attempts": json_text,
        "patch_ids": json_text,
        "options": json_text,
        "advice": json_text,
        "answer": lambda answer: json_text(answer) if answer else "",
    },
)
_INSERT = REVIEWS.insert_sql()
_ANSWER = (
    "UPDATE reviews SET state = ?, answered_at = ?, answered_by = ?, answer = ? "
    "WHERE review_id = ? AND state = 'open'"
)
_NEXT_GENERATION = (
    "UPDATE workstreams SET generation = generation + 1 WHERE run_id = ? AND ws_id = ? "  # noqa: S608 - names of ours
    f"RETURNING {WORKSTREAMS.column_list}"
)


def reviews(
    records: Records,
    run_id: str | None = None,
    ws_id: str | None = None,
    *,
    state: ReviewState | None = None,
) -> tuple[Review, ...]:
    """Reviews, the oldest first; none in a database that is older than they are."""
    if not records.query("SELECT 1 FROM sqlite_schema WHERE name = 'reviews'"):
        return ()
    wanted: dict[str, str | None] = {
        "run_id": run_id.lower() if run_id else None,
        "ws_id": ws_id,
        "state": state.value if state else None,
    }
    given = {column: value for column, value in wanted.items() if value is not None}
    conditions = " AND ".join(["1", *(f"{column} = ?" for column in given)])
    sql = REVIEWS.select_sql(f"WHERE {conditions} ORDER BY rowid")
    return tuple(map(REVIEWS.from_row, records.query(sql, tuple(given.values()))))


def review(records: Records, review_id: str) -> Review:
    """One review by its whole id; raises ``InputError`` where there is none."""
    found = [one for one in reviews(records) if one.review_id == review_id]
    if not found:
        raise InputError(f"There is no review {review_id}.", remedy="See `pipeline review list`.")
    return found[0]


def request_review(
    ledger: Ledger,
    asked: Review,
    source: WorkstreamState,
    *,
    changes: Mapping[str, Any],
    extras: units.Extras,
) -> WorkstreamRecord:
    """Store an open review and move its workstream to ``awaiting_review``, both or neither.

    Raises as ``Ledger.move``.
    """
    message = f"{asked.ws_id} awaits review: {asked.summary}"
    if _W.AWAITING_REVIEW not in WORKSTREAM_MOVES[source]:
        return ledger.move(asked.run_id, asked.ws_id, source, _W.AWAITING_REVIEW, message)
    event = EventDraft(
        EventType.REVIEW_REQUESTED,
        message,
        level=Level.WARNING,
        payload={"review_id": asked.review_id, "kind": asked.kind.value},
    )
    move = units.move(
        asked.run_id,
        asked.ws_id,
        source,
        _W.AWAITING_REVIEW,
        message=message,
        changes=changes,
        payload={},
        extras=units.Extras((*extras.events, event), extras.attempt, extras.patch, extras.errors),
    )
    row = REVIEWS.to_row(asked)

    def unit(tx: Transaction) -> WorkstreamRecord:
        record = move(tx)
        tx.execute(_INSERT, row)
        return record

    return ledger.submit(unit)


def answer_review(
    ledger: Ledger,
    asked: Review,
    answer: Answer,
    *,
    at: str,
    changes: Mapping[str, Any],
    events: Sequence[EventDraft] = (),
) -> WorkstreamRecord:
    """Store the answer to an open review and move its workstream, both or neither.

    An adjusted workstream begins its next generation, so that no limit counts what was before.
    Raises ``StaleStateError`` where it was answered already or the workstream has moved.
    """
    return ledger.submit(_answering(asked, answer, at, changes, events))


def _answering(
    asked: Review,
    answer: Answer,
    at: str,
    changes: Mapping[str, Any],
    events: Sequence[EventDraft],
) -> Unit[WorkstreamRecord]:
    state, target = ANSWERS[answer.option]
    who = f" by {answer.by}" if answer.by else ""
    message = f"{asked.ws_id} was {state.value}{who}." + (f" {answer.message}".rstrip())
    event = EventDraft(
        EventType.REVIEW_ANSWERED,
        message,
        payload={"review_id": asked.review_id, "answer": json.loads(json_text(answer))},
    )
    move = units.move(
        asked.run_id,
        asked.ws_id,
        _W.AWAITING_REVIEW,
        target,
        message=message,
        changes=changes,
        payload={},
        extras=units.Extras((event, *events)),
    )
    values = (state.value, at, answer.by, json_text(answer), asked.review_id)

    def unit(tx: Transaction) -> WorkstreamRecord:
        if tx.execute(_ANSWER, values).rowcount != 1:
            raise StaleStateError(f"The review {asked.review_id} is not open.", actual="answered")
        record = move(tx)
        if answer.option is not Option.ADJUST:
            return record
        row = tx.execute(_NEXT_GENERATION, (asked.run_id, asked.ws_id)).fetchone()
        return WORKSTREAMS.from_row(row)

    return unit
