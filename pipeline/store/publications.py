"""What of a run has been published, in the store."""

from collections.abc import Sequence

from pipeline.model.event import EventDraft
from pipeline.model.publication import Publication, PublicationKind
from pipeline.store.ledger import Ledger
from pipeline.store.records import Records
from pipeline.store.rows import Table
from pipeline.store.writer import Transaction

PUBLICATIONS = Table("publications", Publication, read={"kind": PublicationKind})
_KEY = ("run_id", "ws_id", "kind", "name", "repository")
_REST = tuple(column for column in PUBLICATIONS.columns if column not in _KEY)
_SAVE = f"{PUBLICATIONS.insert_sql()} ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET " + ", ".join(
    f'"{column}" = excluded."{column}"' for column in _REST
)


def publications(records: Records, run_id: str) -> tuple[Publication, ...]:
    """What of a run has been published, the run's own first, then by workstream."""
    rest = "WHERE run_id = ? ORDER BY ws_id, kind, name, repository"
    found = records.query(PUBLICATIONS.select_sql(rest), (run_id.lower(),))
    return tuple(map(PUBLICATIONS.from_row, found))


def save_publication(
    ledger: Ledger, publication: Publication, *, events: Sequence[EventDraft] = ()
) -> None:
    """Store that something has been published or updated; without ``updated_at``, now.

    Raises ``UnfitError`` where the disk refuses.
    """
    row = PUBLICATIONS.to_row(publication)

    def unit(tx: Transaction) -> None:
        if not publication.updated_at:
            row[-1] = tx.time
        tx.execute(_SAVE, row)
        for event in events:
            tx.event(event, publication.run_id, publication.ws_id or None)

    ledger.submit(unit)
