"""Runs from journals into the database: rows as they were, in the order in which they came to be.

Order is told by times and by the numbers of events, not by the numbers that a database gives its
rows, so that runs of several clones come together in the order in which they happened.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from pipeline.base.files import make_directory, write_atomic
from pipeline.base.git import Repository
from pipeline.store.export import EventExport
from pipeline.store.journal.chain import refuse
from pipeline.store.journal.checking import packed
from pipeline.store.journal.lines import COLUMNS, Row, insert_sql, values_of
from pipeline.store.journal.reading import RunJournal
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.records import Records
from pipeline.store.writer import Transaction

_KEYS: Mapping[str, tuple[str, ...]] = {
    "runs": ("run_id",),
    "workstreams": ("run_id", "ws_id"),
    "step_attempts": ("attempt_id",),
    "patches": ("run_id", "ws_id", "attempt_id", "id"),
    "reviews": ("review_id",),
    "errors": ("run_id", "code", "signature"),
    "publications": ("run_id", "ws_id", "kind", "name", "repository"),
}
_NEWER: Mapping[str, str] = {
    "errors": "excluded.count > errors.count",
    "publications": "excluded.updated_at > publications.updated_at",
}
"""Rows that may be newer in the database although no event tells of it."""

_ORDER = (
    "SELECT r.rowid, r.run_id, coalesce(e.ts, r.created_at) FROM runs r "
    "LEFT JOIN events e ON e.run_id = r.run_id AND e.seq = 1 ORDER BY r.rowid"
)

Timed = tuple[str, list[Any]]


class Standing(StrEnum):
    """How the database stands to a journal."""

    NEW = "new"
    BEHIND = "behind"
    SAME = "same"
    AHEAD = "ahead"
    DIFFERENT = "different"


def standing(records: Records, journal: RunJournal) -> Standing:
    """How far the database is with a journal's run, by the ids of its events."""
    rows = records.query("SELECT id FROM events WHERE run_id = ? ORDER BY seq", (journal.run_id,))
    stored = [event_id for (event_id,) in rows]
    told = [row["id"] for row in journal.rows["events"]]
    if not stored:
        return Standing.NEW
    common = min(len(stored), len(told))
    if stored[:common] != told[:common]:
        return Standing.DIFFERENT
    if len(stored) == len(told):
        return Standing.SAME
    return Standing.BEHIND if len(stored) < len(told) else Standing.AHEAD


def rebuild(
    ledger: Ledger, repo: Repository, layout: Layout, journals: Sequence[RunJournal]
) -> tuple[str, ...]:
    """Bring the database and the runs' files up to journals; returns the runs that it changed.

    Runs that are not there are added, those of which the beginning is there go on; everything is
    written or nothing. Raises ``JournalError`` where the database is ahead of a journal or tells
    the same run differently: that one is never overwritten.
    """
    del repo  # the rows say all that is asked of it
    stands = {journal.run_id: standing(ledger, journal) for journal in journals}
    for journal in journals:
        _require_older(stands[journal.run_id], journal)
    added = [j for j in journals if stands[j.run_id] is Standing.NEW]
    others = [j for j in journals if stands[j.run_id] is not Standing.NEW]
    top = str(layout.top)

    def unit(tx: Transaction) -> tuple[str, ...]:
        _add(tx, added, top)
        changed = [journal.run_id for journal in others if _extend(tx, journal, top)]
        for journal in journals:
            tx.forget_last(journal.run_id)
        _put_in_order(tx)
        return (*(journal.run_id for journal in added), *changed)

    changed = ledger.submit(unit)
    for journal in journals:
        restore_files(ledger, layout, journal)
    return changed


def restore_files(records: Records, layout: Layout, journal: RunJournal) -> None:
    """Write a run's ``events.jsonl`` and logs; a log that is there already is left alone."""
    EventExport(layout, records).catch_up(journal.run_id)
    folder = layout.tool_outputs(journal.run_id)
    for name, data in journal.logs.items():
        path = folder / name.decode("ascii")
        if not path.exists() and not path.is_symlink():
            make_directory(path.parent)
            write_atomic(path, data, durable=False)


def _require_older(stand: Standing, journal: RunJournal) -> None:
    if stand is Standing.AHEAD:
        raise refuse(
            journal.run_id,
            journal.commit,
            f"the database goes beyond its last event, {journal.last_event}",
            "The database holds the authority; `pipeline sync` brings the journal up to it.",
        )
    if stand is Standing.DIFFERENT:
        raise refuse(
            journal.run_id,
            journal.commit,
            "it tells other events than the database does, from the same run",
            "Two clones carried the run on. Keep one: move .pipeline away and rebuild from this "
            "journal, or delete its ref and let `pipeline sync` write the database's.",
        )


def _add(tx: Transaction, journals: Sequence[RunJournal], top: str) -> None:
    for journal in journals:
        _add_texts(tx, journal)
    _insert(tx, "runs", heapq.merge(*(_runs(j, top) for j in journals), key=_time))
    for journal in journals:
        _insert(tx, "workstreams", _plain(journal, "workstreams", top))
        _insert(tx, "events", _plain(journal, "events", top))
        _insert(tx, "publications", _plain(journal, "publications", top))
    for table, timed in _TIMED.items():
        _insert(tx, table, heapq.merge(*(timed(j, top) for j in journals), key=_time))


def _add_texts(tx: Transaction, journal: RunJournal) -> None:
    if journal.plan is not None:
        digest = journal.rows["runs"][0]["plan_digest"]
        tx.execute("INSERT OR IGNORE INTO plans VALUES (?, ?)", (digest, packed(journal.plan)))
    for patch_id, text in journal.texts.items():
        tx.execute("INSERT OR IGNORE INTO patch_texts VALUES (?, ?)", (patch_id, packed(text)))


def _insert(tx: Transaction, table: str, rows: Iterable[Timed]) -> None:
    tx.executemany(insert_sql(table), (values for _, values in rows))


def _extend(tx: Transaction, journal: RunJournal, top: str) -> bool:
    """Let a stored run go on; whether anything was new."""
    before = _changes(tx)
    run_id = journal.run_id
    (last,) = tx.execute(
        "SELECT coalesce(max(seq), 0) FROM events WHERE run_id = ?", (run_id,)
    ).fetchone()
    is_behind = last < journal.last_event
    if is_behind:
        _add_texts(tx, journal)
    for table in _KEYS:
        if is_behind or table in _NEWER:
            sql = _upsert_sql(table)
            for _, values in _timed_or_plain(journal, table, top):
                tx.execute(sql, values)
    new = [row for row in journal.rows["events"] if row["seq"] > last]
    tx.executemany(insert_sql("events"), [values_of("events", row, top) for row in new])
    for row in journal.rows["verdicts"]:
        _replace_verdict(tx, row, top)
    return _changes(tx) > before


def _changes(tx: Transaction) -> int:
    (count,) = tx.execute("SELECT total_changes()").fetchone()
    return int(count)


def _upsert_sql(table: str) -> str:
    keys = _KEYS[table]
    names = [name for name in COLUMNS[table] if name not in keys]
    sets = ", ".join(f'"{name}" = excluded."{name}"' for name in names)
    differs = " OR ".join(f'{table}."{name}" IS NOT excluded."{name}"' for name in names)
    condition = _NEWER.get(table, differs)
    conflict = ", ".join(f'"{key}"' for key in keys)
    return f"{insert_sql(table)} ON CONFLICT ({conflict}) DO UPDATE SET {sets} WHERE {condition}"


def _replace_verdict(tx: Transaction, row: Row, top: str) -> None:
    """Put in a verdict that is not there, or only as an older one."""
    found = tx.execute(
        "SELECT created_at FROM verdicts WHERE digest = ? AND run_id = ?",
        (row["digest"], row["run_id"]),
    ).fetchone()
    if found and found[0] >= row["created_at"]:
        return
    tx.execute(
        "DELETE FROM verdicts WHERE digest = ? AND run_id = ?", (row["digest"], row["run_id"])
    )
    tx.execute(insert_sql("verdicts"), values_of("verdicts", row, top))


def _put_in_order(tx: Transaction) -> None:
    """Number the runs by when they were made: who reads them takes the last for the newest."""
    rows = tx.execute(_ORDER).fetchall()
    wanted = sorted(rows, key=lambda row: row[2])
    if wanted == rows:
        return
    for sign in (-1, 1):  # first out of the way of one another
        for number, (_, run_id, _) in enumerate(wanted, start=1):
            tx.execute("UPDATE runs SET rowid = ? WHERE run_id = ?", (sign * number, run_id))


def _time(item: Timed) -> str:
    return item[0]


def _plain(journal: RunJournal, table: str, top: str) -> Iterator[Timed]:
    return (("", values_of(table, row, top)) for row in journal.rows[table])


def _runs(journal: RunJournal, top: str) -> Iterator[Timed]:
    created = next((row["ts"] for row in journal.rows["events"]), "")
    return ((created, values) for _, values in _plain(journal, "runs", top))


def _by_column(table: str, column: str) -> Callable[[RunJournal, str], Iterator[Timed]]:
    def timed(journal: RunJournal, top: str) -> Iterator[Timed]:
        return ((row[column], values_of(table, row, top)) for row in journal.rows[table])

    return timed


def _sorted_by(table: str, column: str) -> Callable[[RunJournal, str], Iterator[Timed]]:
    """As `_by_column`, for rows that lie in several files."""

    def timed(journal: RunJournal, top: str) -> Iterator[Timed]:
        return iter(sorted(_by_column(table, column)(journal, top), key=_time))

    return timed


def _attempts(journal: RunJournal, top: str) -> Iterator[Timed]:
    """Attempts in the order of the events that tell of their start."""
    starts = {
        row["attempt_id"]: (row["seq"], row["ts"])
        for row in reversed(journal.rows["events"])
        if row["type"] == "attempt_started"
    }
    none = (0, "")
    rows = sorted(
        journal.rows["step_attempts"], key=lambda row: starts.get(row["attempt_id"], none)
    )
    for row in rows:
        _, ts = starts.get(row["attempt_id"], none)
        yield ts or row["started_at"], values_of("step_attempts", row, top)


_TIMED: Mapping[str, Callable[[RunJournal, str], Iterator[Timed]]] = {
    "step_attempts": _attempts,
    "patches": _sorted_by("patches", "created_at"),
    "reviews": _sorted_by("reviews", "asked_at"),
    "errors": _by_column("errors", "first_seen"),
    "verdicts": _by_column("verdicts", "created_at"),
}


def _timed_or_plain(journal: RunJournal, table: str, top: str) -> Iterator[Timed]:
    timed = _TIMED.get(table)
    return timed(journal, top) if timed else _plain(journal, table, top)
