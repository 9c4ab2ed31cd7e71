import dataclasses

from pipeline.base.ids import new_id
from pipeline.model.event import EventDraft, EventType
from pipeline.model.publication import Publication, PublicationKind
from pipeline.model.record import RunRecord
from pipeline.model.states import RunState
from pipeline.store.publications import publications, save_publication

RUN = new_id().lower()
PULL = Publication(RUN, "a", PublicationKind.PULL_REQUEST, "", "o/n", 7, "https://x/7", "1" * 40)


def test_a_publication_is_kept_once_and_updated(ledger):
    ledger.create_run(RunRecord(RUN, "k", RunState.PENDING, "0" * 40), None)
    save_publication(ledger, PULL)
    event = EventDraft(EventType.RESUMED, "Something.")
    save_publication(ledger, dataclasses.replace(PULL, state="closed", digest="d"), events=[event])
    other = dataclasses.replace(PULL, repository="o/other")
    save_publication(ledger, other)
    first, second = publications(ledger, RUN)
    assert (first.state, first.digest, first.number) == ("closed", "d", 7)
    assert first.updated_at
    assert second.repository == "o/other"
    assert ledger.events(RUN)[-1].ws_id == "a"


def test_without_a_database_nothing_is_published(layout):
    from pipeline.store.records import Records

    with Records(layout) as records:
        assert publications(records, RUN) == ()
