"""Reviews in the store: with the move that belongs to them or not at all."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.base.clock import now
from pipeline.base.files import sha256
from pipeline.base.ids import new_id
from pipeline.base.resources import migrations
from pipeline.model.event import EventType
from pipeline.model.review import Answer, Option, Overlay, Review, ReviewKind, ReviewState
from pipeline.model.states import WorkstreamState
from pipeline.store import units
from pipeline.store.database import Mode, open_database
from pipeline.store.errors import IllegalMoveError, StaleStateError
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock
from pipeline.store.migrate import APPLICATION_ID
from pipeline.store.records import Records
from pipeline.store.reviews import answer_review, request_review, reviews

MakeRun = Callable[..., str]
W = WorkstreamState


def question(run_id: str, ws_id: str = "a", **changes: object) -> Review:
    asked = Review(
        new_id(), run_id, ws_id, 1, ReviewKind.LADDER, ReviewState.OPEN, "What now?", asked_at=now()
    )
    return replace(asked, **changes)  # type: ignore[arg-type]  # the caller names fields


def go_to_editing(ledger: Ledger, run_id: str, ws_id: str = "a") -> None:
    ledger.move(run_id, ws_id, W.PENDING, W.READY, "Ready.")
    ledger.move(run_id, ws_id, W.READY, W.EDITING, "Editing.")


def ask(ledger: Ledger, asked: Review, source: WorkstreamState = W.EDITING) -> None:
    request_review(ledger, asked, source, changes={}, extras=units.Extras())


def types(ledger: Ledger, run_id: str) -> list[EventType]:
    return [event.type for event in ledger.events(run_id, ws_id="a")][-2:]


def test_a_question_comes_with_its_move(ledger: Ledger, make_run: MakeRun) -> None:
    run_id = make_run(ledger)
    go_to_editing(ledger, run_id)
    asked = question(run_id)
    ask(ledger, asked)
    assert ledger.workstream(run_id, "a").state is W.AWAITING_REVIEW
    assert reviews(ledger, run_id, state=ReviewState.OPEN) == (asked,)
    assert types(ledger, run_id) == [EventType.REVIEW_REQUESTED, EventType.STATE_TRANSITION]


def test_where_the_move_is_stale_nothing_is_asked(ledger: Ledger, make_run: MakeRun) -> None:
    run_id = make_run(ledger)
    go_to_editing(ledger, run_id)
    with pytest.raises(StaleStateError):
        ask(ledger, question(run_id), W.FIXING)
    with pytest.raises(IllegalMoveError):
        ask(ledger, question(run_id, "b"), W.PENDING)
    assert reviews(ledger) == ()


def test_where_the_question_cannot_be_stored_nothing_moves(
    ledger: Ledger, make_run: MakeRun
) -> None:
    run_id = make_run(ledger)
    for ws_id in "ab":
        go_to_editing(ledger, run_id, ws_id)
    asked = question(run_id)
    ask(ledger, asked)
    with pytest.raises(Exception, match="review_id"):
        ask(ledger, replace(asked, ws_id="b"))
    assert ledger.workstream(run_id, "b").state is W.EDITING


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (Option.APPROVE, (ReviewState.APPROVED, W.MERGING, 1)),
        (Option.REJECT, (ReviewState.REJECTED, W.QUARANTINED, 1)),
        (Option.ADJUST, (ReviewState.ADJUSTED, W.READY, 2)),
    ],
)
def test_an_answer_comes_with_its_move(
    ledger: Ledger,
    make_run: MakeRun,
    option: Option,
    expected: tuple[ReviewState, WorkstreamState, int],
) -> None:
    run_id = make_run(ledger)
    go_to_editing(ledger, run_id)
    asked = question(run_id)
    ask(ledger, asked)
    answer = Answer(option, "why", "ann", overlay=Overlay(tasks=("more",)))
    record = answer_review(ledger, asked, answer, at=now(), changes={})
    (stored,) = reviews(ledger, run_id)
    assert (stored.state, record.state, record.generation) == expected
    assert record == ledger.workstream(run_id, "a")
    assert (stored.answered_by, stored.answer) == ("ann", answer)
    assert types(ledger, run_id) == [EventType.REVIEW_ANSWERED, EventType.STATE_TRANSITION]


def test_the_second_answer_changes_nothing(ledger: Ledger, make_run: MakeRun) -> None:
    run_id = make_run(ledger)
    go_to_editing(ledger, run_id)
    asked = question(run_id)
    ask(ledger, asked)
    answer_review(ledger, asked, Answer(Option.REJECT), at=now(), changes={})
    before = ledger.events(run_id), reviews(ledger)
    with pytest.raises(StaleStateError):
        answer_review(ledger, asked, Answer(Option.APPROVE), at=now(), changes={})
    assert (ledger.events(run_id), reviews(ledger)) == before


def test_an_older_question_is_not_answered_in_place_of_the_open_one(
    ledger: Ledger, make_run: MakeRun
) -> None:
    run_id = make_run(ledger)
    go_to_editing(ledger, run_id)
    older = question(run_id)
    ask(ledger, older)
    answer_review(ledger, older, Answer(Option.APPROVE), at=now(), changes={})
    ask(ledger, question(run_id), W.MERGING)
    with pytest.raises(StaleStateError):
        answer_review(ledger, older, Answer(Option.REJECT), at=now(), changes={})
    assert ledger.workstream(run_id, "a").state is W.AWAITING_REVIEW


def test_an_answer_is_not_kept_where_its_move_fails(ledger: Ledger, make_run: MakeRun) -> None:
    run_id = make_run(ledger)
    go_to_editing(ledger, run_id)
    asked = question(run_id)
    ask(ledger, asked)
    ledger.move(run_id, "a", W.AWAITING_REVIEW, W.ABANDONED, "Given up.")
    with pytest.raises(StaleStateError):
        answer_review(ledger, asked, Answer(Option.APPROVE), at=now(), changes={})
    assert [one.state for one in reviews(ledger)] == [ReviewState.OPEN]


@pytest.fixture
def old_database(layout: Layout) -> Path:
    """A database as the first version made it."""
    number, name, text = migrations()[0]
    layout.database.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(layout.database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(text)
        row = (number, name, sha256(text.encode()), now())
        connection.execute("INSERT INTO schema_meta VALUES (?, ?, ?, ?)", row)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    return layout.database


def test_a_database_of_the_first_version_is_brought_up_to_date(
    old_database: Path, layout: Layout, make_run: MakeRun
) -> None:
    with Records(layout) as records:  # one that only reads changes nothing and sees none
        assert reviews(records) == ()
    with RunLock(layout) as lock, Ledger(layout, lock) as ledger:
        run_id = make_run(ledger)
        go_to_editing(ledger, run_id)
        ask(ledger, question(run_id))
        assert len(reviews(ledger)) == 1
    opened = open_database(old_database, Mode.READ)
    assert opened is not None
    with closing(opened.connection) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(migrations()),)
        assert connection.execute("SELECT count(*) FROM schema_meta").fetchone() == (
            len(migrations()),
        )


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(["ask", "start", *Option]), max_size=12))
def test_a_workstream_awaits_review_exactly_while_one_is_open(
    ledger: Ledger, make_run: MakeRun, words: list[str]
) -> None:
    run_id = make_run(ledger)
    go_to_editing(ledger, run_id)
    answers = 0
    for word in words:
        record = ledger.workstream(run_id, "a")
        try:
            if word == "ask":
                ask(ledger, question(run_id, generation=record.generation), record.state)
            elif word == "start":
                ledger.move(run_id, "a", W.READY, W.EDITING, "Again.")
            else:
                newest = reviews(ledger, run_id)[-1:]
                for asked in newest:
                    answer_review(ledger, asked, Answer(Option(word)), at=now(), changes={})
                    answers += 1
        except (StaleStateError, IllegalMoveError):
            pass
        record = ledger.workstream(run_id, "a")
        still = reviews(ledger, run_id, state=ReviewState.OPEN)
        assert len(still) == (record.state is W.AWAITING_REVIEW)
    told = ledger.events(run_id, types={EventType.REVIEW_ANSWERED})
    assert len(told) == answers
    adjusted = reviews(ledger, run_id, state=ReviewState.ADJUSTED)
    assert ledger.workstream(run_id, "a").generation == 1 + len(adjusted)
