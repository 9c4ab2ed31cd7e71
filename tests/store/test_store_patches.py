from collections.abc import Callable

import pytest

from pipeline.base.files import sha256
from pipeline.model.event import EventDraft, EventType
from pipeline.model.patch import Patch
from pipeline.model.states import PatchState as P
from pipeline.store.ledger import Ledger
from pipeline.store.patches import STATE_OF, patch_ledger

MakeRun = Callable[..., str]

TEXT = b"diff"
PATCH = Patch(sha256(TEXT), "1" * 40, "2" * 40)


@pytest.fixture
def run(ledger: Ledger, make_run: MakeRun) -> str:
    return make_run(ledger)


def tell(ledger: Ledger, run: str, *types: EventType, ws_id: str = "a") -> None:
    payload = {"patch_id": PATCH.id}
    for kind in types:
        ledger.record(EventDraft(kind, f"{kind}.", run_id=run, ws_id=ws_id, payload=payload))


def test_every_state_of_a_patch_has_its_event() -> None:
    assert set(STATE_OF.values()) == set(P)


def test_a_life_is_read_from_the_events(ledger: Ledger, run: str) -> None:
    ledger.save_patch(run, "a", "t1", PATCH, TEXT)
    tell(
        ledger,
        run,
        EventType.PATCH_CREATED,
        EventType.PATCH_VALIDATED,
        EventType.PATCH_APPLIED,
        EventType.GATE_PASSED,
        EventType.PATCH_VERIFIED,
        EventType.PATCH_COMMITTED,
    )

    (entry,) = patch_ledger(ledger, run)
    assert [s.state for s in entry.steps] == [
        P.CREATED, P.VALIDATED, P.APPLIED, P.VERIFIED, P.COMMITTED,
    ]  # fmt: skip
    assert (entry.state, entry.attempt_id, entry.ws_id) == (P.COMMITTED, "t1", "a")
    assert all(step.is_legal for step in entry.steps)
    assert entry.patch.tests_passed is True


def test_a_step_that_the_table_does_not_hold_is_flagged(ledger: Ledger, run: str) -> None:
    ledger.save_patch(run, "a", "t1", PATCH, TEXT)
    tell(ledger, run, EventType.PATCH_CREATED, EventType.PATCH_COMMITTED, EventType.PATCH_DROPPED)

    (entry,) = patch_ledger(ledger, run)
    assert [step.is_legal for step in entry.steps] == [True, False, False]
    assert entry.state is P.DROPPED


def test_a_life_that_begins_in_the_middle_is_flagged(ledger: Ledger, run: str) -> None:
    ledger.save_patch(run, "a", "t1", PATCH, TEXT)
    tell(ledger, run, EventType.PATCH_APPLIED)

    (entry,) = patch_ledger(ledger, run)
    assert [(s.state, s.is_legal) for s in entry.steps] == [(P.APPLIED, False)]


def test_the_same_patch_again_has_a_life_of_its_own(ledger: Ledger, run: str) -> None:
    for attempt in ("t1", "t2"):
        ledger.save_patch(run, "a", attempt, PATCH, TEXT)
        tell(ledger, run, EventType.PATCH_CREATED)
    tell(ledger, run, EventType.PATCH_QUARANTINED)
    ledger.save_patch(run, "b", "t3", PATCH, TEXT)
    tell(ledger, run, EventType.PATCH_CREATED, EventType.PATCH_DROPPED, ws_id="b")

    assert [(e.attempt_id, e.state) for e in patch_ledger(ledger, run)] == [
        ("t1", P.CREATED),
        ("t2", P.QUARANTINED),
        ("t3", P.DROPPED),
    ]


def test_a_patch_without_events_is_created(ledger: Ledger, run: str) -> None:
    ledger.save_patch(run, "a", "t1", PATCH, TEXT)

    (entry,) = patch_ledger(ledger, run)
    assert (entry.state, entry.steps, entry.patch.tests_passed) == (P.CREATED, (), None)
