import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.base.clock import now
from pipeline.base.errors import BugError, InputError, UnfitError
from pipeline.base.files import sha256
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.finding import Finding
from pipeline.model.patch import Patch
from pipeline.model.record import AttemptState, StepAttempt
from pipeline.model.states import RunState
from pipeline.model.states import WorkstreamState as W
from pipeline.store.layout import Layout
from pipeline.store.ledger import IllegalMoveError, Ledger, StaleStateError
from pipeline.store.lock import RunLock
from pipeline.store.records import Records

MakeRun = Callable[..., str]
MakeAttempt = Callable[..., StepAttempt]
Busy = Callable[[Ledger], AbstractContextManager[None]]

TREE = "7" * 40


@pytest.fixture
def run(ledger: Ledger, make_run: MakeRun) -> str:
    return make_run(ledger)


@pytest.fixture
def edited(ledger: Ledger, run: str) -> str:
    """A run whose workstream ``a`` is in ``editing``."""
    ledger.move(run, "a", W.PENDING, W.READY, "Ready.")
    ledger.move(run, "a", W.READY, W.EDITING, "Starts.")
    return run


def patch(text: bytes) -> Patch:
    return Patch(sha256(text), TREE, "8" * 40, (b"a", b"\xff"), 1, 2, len(text), format_ok=True)


# Runs


def test_a_run_comes_back_as_it_was_stored(ledger: Ledger, make_run: MakeRun) -> None:
    run = make_run(ledger, 3, key="k")

    assert ledger.run(run.upper()) == ledger.run(run)
    assert ledger.run(run).state is RunState.PENDING
    assert [(ws.ws_id, ws.seq, ws.state) for ws in ledger.workstreams(run)] == [
        ("a", 0, W.PENDING),
        ("b", 1, W.PENDING),
        ("c", 2, W.PENDING),
    ]
    assert [ws.id for ws in ledger.plan(run).workstreams] == ["a", "b", "c"]
    assert [event.type for event in ledger.events(run)] == [
        EventType.RUN_CREATED,
        *[EventType.WORKSTREAM_CREATED] * 3,
    ]


def test_a_run_is_created_once(ledger: Ledger, run: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        ledger.create_run(ledger.run(run), None)

    assert len(ledger.events(run)) == 3


def test_runs_are_found_by_key_state_and_prefix(ledger: Ledger, make_run: MakeRun) -> None:
    first, second, third = (make_run(ledger, key=key) for key in ("k1", "k2", "k1"))
    ledger.move_run(second, RunState.PENDING, RunState.RUNNING, "Go.")

    assert [r.run_id for r in ledger.runs()] == [third, second, first]
    assert [r.run_id for r in ledger.runs(limit=1)] == [third]
    assert [r.run_id for r in ledger.runs(RunState.RUNNING)] == [second]
    assert [r.run_id for r in ledger.runs(prefix=first.upper())] == [first]
    assert ledger.latest_run("k2") == ledger.run(second)
    assert ledger.latest_run("k1", states={RunState.PENDING}) == ledger.run(third)
    assert ledger.latest_run("k3") is None
    assert ledger.latest_run(kind="exec") is None


def test_what_is_not_there_is_named(ledger: Ledger, run: str) -> None:
    with pytest.raises(InputError, match="no run 01nothing"):
        ledger.run("01nothing")
    with pytest.raises(InputError, match="no workstream zz"):
        ledger.workstream(run, "zz")
    with pytest.raises(InputError, match="no plan"):
        ledger.plan("01nothing")
    with pytest.raises(InputError, match="no patch"):
        ledger.patch_text(run, "0" * 64)


def test_a_run_moves_and_keeps_its_numbers(ledger: Ledger, run: str) -> None:
    ledger.move_run(run, RunState.PENDING, RunState.RUNNING, "Go.", changes={"jobs": 4})
    moved = ledger.update_run(run, {"gates_run": 7, "engine_cpu_s": 1})

    assert (moved.state, moved.jobs, moved.gates_run, moved.engine_cpu_s) == (
        RunState.RUNNING,
        4,
        7,
        1.0,
    )
    (event,) = ledger.events(run, types=[EventType.STATE_TRANSITION])
    assert (event.payload, event.ws_id) == ({"from": "pending", "to": "running"}, None)
    with pytest.raises(StaleStateError) as caught:
        ledger.move_run(run, RunState.PENDING, RunState.RUNNING, "Again.")
    assert caught.value.actual == "running"
    with pytest.raises(IllegalMoveError):
        ledger.move_run(run, RunState.COMPLETED, RunState.RUNNING, "No.")


# Moves


def test_a_move_sets_columns_and_writes_its_event(ledger: Ledger, run: str) -> None:
    moved = ledger.move(
        run,
        "a",
        W.PENDING,
        W.READY,
        "It is ready.",
        changes={"tree": TREE, "attempts": 2},
        payload={"why": "test"},
        events=[EventDraft(EventType.TOOL_PROGRESS, "Half way.", step="edit")],
    )

    assert moved == ledger.workstream(run, "a")
    assert (moved.state, moved.tree, moved.attempts) == (W.READY, TREE, 2)
    progress, transition = ledger.events(run, after_seq=3)
    assert (progress.type, progress.ws_id, progress.step) == ("tool_progress", "a", "edit")
    assert transition.payload == {"from": "pending", "to": "ready", "why": "test"}
    assert (transition.seq, transition.ws_id, transition.level) == (5, "a", Level.INFO)
    assert transition.message == "It is ready."


def test_a_stale_source_changes_nothing_and_tells_the_state(ledger: Ledger, edited: str) -> None:
    before = ledger.workstream(edited, "a"), ledger.events(edited)

    with pytest.raises(StaleStateError, match="but is editing") as caught:
        ledger.move(edited, "a", W.READY, W.EDITING, "Again.", changes={"tree": TREE})

    assert caught.value.actual == "editing"
    assert (ledger.workstream(edited, "a"), ledger.events(edited)) == before
    with pytest.raises(StaleStateError) as caught:
        ledger.move(edited, "zz", W.READY, W.EDITING, "Nobody.")
    assert caught.value.actual == ""


def test_an_illegal_move_changes_nothing_and_is_told(ledger: Ledger, run: str) -> None:
    before = ledger.workstreams(run)

    with pytest.raises(IllegalMoveError, match="a may not go from pending to done"):
        ledger.move(run, "a", W.PENDING, W.DONE, "Hop.")

    assert ledger.workstreams(run) == before
    *_, event = ledger.events(run)
    assert (event.type, event.level, event.ws_id) == ("illegal_transition", "error", "a")
    assert event.payload == {"from": "pending", "to": "done"}


def test_of_two_that_move_the_same_one_wins(ledger: Ledger, run: str) -> None:
    ledger.move(run, "a", W.PENDING, W.READY, "Ready.")
    outcomes: list[str] = []

    def claim(name: str) -> None:
        try:
            ledger.move(run, "a", W.READY, W.EDITING, name, changes={"branch": name})
        except StaleStateError:
            outcomes.append("lost")
        else:
            outcomes.append(name)

    threads = [threading.Thread(target=claim, args=(str(i),)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (winner,) = set(outcomes) - {"lost"}
    assert len(outcomes) == 16
    assert ledger.workstream(run, "a").branch == winner


def test_an_update_needs_the_state_and_keeps_it(ledger: Ledger, run: str) -> None:
    updated = ledger.update(run, "a", W.PENDING, changes={"attempts": 1})

    assert (updated.state, updated.attempts) == (W.PENDING, 1)
    assert ledger.update(run, "a", W.PENDING, changes={}) == updated
    with pytest.raises(StaleStateError, match="but is pending"):
        ledger.update(run, "a", W.READY, changes={"attempts": 9})
    assert ledger.workstream(run, "a") == updated


@pytest.mark.parametrize(
    "changes",
    [
        {"nonsense": 1},
        {"state": "done"},
        {"run_id": "x"},
        {"seq": 5},
        {"tree = '', state": "x"},
        {"attempts": "many"},
        {"attempts": True},
        {"tree": 5},
        {"tree": None},
    ],
)
def test_only_columns_of_the_record_can_be_set_with_values_of_their_type(
    ledger: Ledger, run: str, changes: dict[str, object]
) -> None:
    before = ledger.workstream(run, "a"), ledger.events(run)

    with pytest.raises(BugError):
        ledger.move(run, "a", W.PENDING, W.READY, "No.", changes=changes)
    with pytest.raises(BugError):
        ledger.update(run, "a", W.PENDING, changes=changes)

    assert (ledger.workstream(run, "a"), ledger.events(run)) == before


# Attempts, patches, errors


def test_an_attempt_and_its_patch_are_stored_with_the_move(
    ledger: Ledger, edited: str, make_attempt: MakeAttempt
) -> None:
    attempt = make_attempt(edited)
    text = b"diff --git \xff\n" * 50
    ledger.start_attempt(attempt)
    done = replace(
        attempt,
        state=AttemptState.SUCCEEDED,
        exit_code=0,
        duration_s=1,
        findings=(Finding("ruff", "E1", "bad", b"\xff.py", 3),),
        details={"rung": "tool"},
    )
    ledger.move(
        edited, "a", W.EDITING, W.STATIC_CHECK, "Done.", attempt=done, patch=(patch(text), text)
    )

    assert ledger.attempts(edited, "a") == (done,)
    assert ledger.open_attempts() == ()
    (stored,) = ledger.patches(edited)
    assert (stored.patch, stored.ws_id) == (patch(text), "a")
    assert stored.attempt_id == attempt.attempt_id
    assert ledger.patch_text(edited, patch(text).id) == text
    (started,) = ledger.events(edited, types=[EventType.ATTEMPT_STARTED])
    assert started.attempt_id == attempt.attempt_id


def test_an_attempt_ends_once(ledger: Ledger, edited: str, make_attempt: MakeAttempt) -> None:
    attempt = make_attempt(edited)
    ledger.start_attempt(attempt)
    ledger.finish_attempt(replace(attempt, state=AttemptState.CRASHED))
    good = replace(attempt, state=AttemptState.SUCCEEDED)

    with pytest.raises(StaleStateError, match="is crashed"):
        ledger.finish_attempt(good)
    with pytest.raises(StaleStateError, match="is crashed"):
        ledger.move(edited, "a", W.EDITING, W.STATIC_CHECK, "Late.", attempt=good)

    assert ledger.workstream(edited, "a").state is W.EDITING
    assert ledger.attempts(edited)[0].state is AttemptState.CRASHED


def test_attempts_are_told_apart(ledger: Ledger, run: str, make_attempt: MakeAttempt) -> None:
    first, other, second = (
        make_attempt(run, ws_id, n) for ws_id, n in (("a", 1), ("b", 1), ("a", 2))
    )
    for attempt in (first, other, second):
        ledger.start_attempt(attempt)
    ledger.flush()

    assert ledger.attempts(run) == (first, other, second)
    assert ledger.attempts(run, "a") == (first, second)
    assert ledger.attempts(run, "a", 2) == ()
    assert ledger.attempts(run, state=AttemptState.STARTED) == ledger.open_attempts()


def test_a_patch_that_is_judged_later_keeps_one_row(ledger: Ledger, run: str) -> None:
    text = b"x"
    ledger.save_patch(run, "a", "t1", patch(text), text)
    ledger.save_patch(run, "a", "t1", replace(patch(text), tests_passed=False), text)

    (stored,) = ledger.patches(run)
    assert (stored.patch.format_ok, stored.patch.tests_passed) == (True, False)


def test_a_damaged_patch_is_not_given_out(ledger: Ledger, run: str) -> None:
    ledger.save_patch(run, "a", "t1", patch(b"good"), b"other bytes")

    with pytest.raises(UnfitError, match="damaged"):
        ledger.patch_text(run, patch(b"good").id)


def test_errors_are_counted_by_signature(ledger: Ledger, run: str) -> None:
    for number in range(3):
        ledger.record_error("E1", "t::E1::m", f"m{number}", {"n": number}, run_id=run)
    ledger.record_error("E2", "t::E2::m", "once", {})
    ledger.flush()

    often, once = ledger.errors()
    assert (often.count, often.message, often.context) == (3, "m2", {"n": 2})
    assert often.first_seen <= often.last_seen
    assert ledger.errors(run) == (often,)
    assert once.run_id == ""


# Events


def test_events_are_found_by_type_and_place(ledger: Ledger, run: str) -> None:
    ledger.record(
        EventDraft(EventType.TOOL_FAILED, "One.", run_id=run, ws_id="a"),
        EventDraft(EventType.RESUMED, "Two.", run_id=run),
    )

    assert [e.message for e in ledger.events(run, after_seq=3)] == ["One.", "Two."]
    assert [e.seq for e in ledger.events(run, types=[EventType.RESUMED])] == [5]
    assert [e.seq for e in ledger.events(run, after_seq=3, ws_id="a")] == [4]
    assert [e.seq for e in ledger.events(run, limit=2)] == [1, 2]
    assert ledger.events(run, types=[]) == ()


def test_each_run_counts_its_own_events(ledger: Ledger, make_run: MakeRun) -> None:
    runs = [make_run(ledger) for _ in range(2)]
    for _ in range(3):
        for run in runs:
            ledger.record(EventDraft(EventType.RESUMED, "x", run_id=run))

    for run in runs:
        assert [e.seq for e in ledger.events(run)] == [1, 2, 3, 4, 5, 6]


def test_a_failed_unit_leaves_no_gap(ledger: Ledger, run: str, busy: Busy) -> None:
    draft = EventDraft(EventType.RESUMED, "x", run_id=run)
    with busy(ledger):
        for _ in range(5):
            ledger.record_soon(draft)
            ledger.record_soon(draft, EventDraft(EventType.RESUMED, "no such run", run_id="zz"))
    ledger.record(draft)

    assert [e.seq for e in ledger.events(run)] == list(range(1, 10))
    assert len(ledger.unheard) == 5


def test_nothing_is_built_on_what_the_disk_lost(ledger: Ledger, run: str) -> None:
    def fails(_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(UnfitError):  # who waits is told, and may do something else
        ledger.submit(fails)
    ledger.record(EventDraft(EventType.RESUMED, "x", run_id=run))

    ledger.submit_soon(fails)
    while not ledger.unheard:
        time.sleep(0.01)
    with pytest.raises(UnfitError, match=r"state\.db"):
        ledger.record(EventDraft(EventType.RESUMED, "y", run_id=run))
    assert "y" not in [event.message for event in ledger.events(run)]


@pytest.mark.parametrize("text", ["\udcff", "a\udc80b", "ü ☃ 🎉", "\x00\x1b[31m"])
def test_any_text_can_be_told(ledger: Ledger, run: str, text: str) -> None:
    ledger.record(EventDraft(EventType.RESUMED, text, run_id=run, payload={"t": text, "l": [text]}))
    ledger.update(run, "a", W.PENDING, changes={"reason": text})

    *_, event = ledger.events(run)
    assert event.payload["t"] == text
    assert event.message == text.encode("utf-8", "backslashreplace").decode()
    assert ledger.workstream(run, "a").reason == event.message


def test_values_of_ours_can_be_told(ledger: Ledger, run: str) -> None:
    payload = {
        "path": b"\xff",
        "state": W.DONE,
        "file": Path("/x"),
        "finding": Finding("t", "c", "m"),
    }
    ledger.record(EventDraft(EventType.RESUMED, "x", run_id=run, payload=payload))

    *_, event = ledger.events(run)
    assert event.payload["path"] == {"b64": "/w=="}
    assert event.payload["state"] == "done"
    assert event.payload["finding"]["tool"] == "t"


@pytest.mark.parametrize("value", [object(), float("nan")])
def test_what_has_no_json_form_is_a_bug_of_one_unit(
    ledger: Ledger, run: str, value: object
) -> None:
    with pytest.raises(BugError, match="payload"):
        ledger.record(EventDraft(EventType.RESUMED, "x", run_id=run, payload={"v": value}))

    ledger.record(EventDraft(EventType.RESUMED, "y", run_id=run))


# Durability


def test_nothing_is_acknowledged_before_it_is_durable(
    layout: Layout, lock: RunLock, make_run: MakeRun
) -> None:
    hold, reached = threading.Event(), threading.Event()
    is_armed = False

    def durable() -> None:
        if is_armed:
            reached.set()
            hold.wait()

    with Ledger(layout, lock, durable=durable) as ledger:
        run = make_run(ledger)
        is_armed = True
        mover = threading.Thread(target=ledger.move, args=(run, "a", W.PENDING, W.READY, "Ready."))
        mover.start()
        reached.wait()
        mover.join(0.2)

        assert mover.is_alive()
        assert ledger.workstream(run, "a").state is W.PENDING
        hold.set()
        mover.join()
        assert ledger.workstream(run, "a").state is W.READY


def test_an_acknowledged_move_is_seen_by_others_at_once(
    ledger: Ledger, layout: Layout, run: str
) -> None:
    with Records(layout) as reader:
        for source, target in ((W.PENDING, W.READY), (W.READY, W.EDITING), (W.EDITING, W.FAILED)):
            ledger.move(run, "a", source, target, "On.")

            assert reader.workstream(run, "a").state is target


def test_objects_that_cannot_be_made_safe_keep_the_rows_out(
    layout: Layout, lock: RunLock, make_run: MakeRun
) -> None:
    broken: list[Exception] = []

    def durable() -> None:
        if broken:
            raise broken[0]

    with Ledger(layout, lock, durable=durable) as ledger:
        run = make_run(ledger)
        broken.append(UnfitError("The disk is full."))
        with pytest.raises(UnfitError, match="The disk is full"):
            ledger.move(run, "a", W.PENDING, W.READY, "Ready.")
        assert ledger.workstream(run, "a").state is W.PENDING
        assert len(ledger.events(run)) == 3

        broken.clear()
        ledger.move(run, "a", W.PENDING, W.READY, "Ready.")
        assert [e.seq for e in ledger.events(run)] == [1, 2, 3, 4]


def test_waiting_units_are_written_together_and_fail_alone(
    ledger: Ledger, make_run: MakeRun, busy: Busy
) -> None:
    run = make_run(ledger, 20)
    before = ledger.group_sizes[1]
    failures: list[Exception] = []

    def move(ws_id: str, source: W, target: W) -> None:
        try:
            ledger.move(run, ws_id, source, target, "On.")
        except StaleStateError as error:
            failures.append(error)

    moves = [(W.READY, W.EDITING) if i % 4 == 3 else (W.PENDING, W.READY) for i in range(20)]
    threads = [
        threading.Thread(target=move, args=(chr(97 + i), *states)) for i, states in enumerate(moves)
    ]
    with busy(ledger):
        for thread in threads:
            thread.start()
        while ledger.pending < 20:
            time.sleep(0.001)
    for thread in threads:
        thread.join()

    states = [ws.state for ws in ledger.workstreams(run)]
    assert states == [W.PENDING if i % 4 == 3 else W.READY for i in range(20)]
    assert len(failures) == 5
    assert ledger.group_sizes[1] - before == 2  # what kept the writer busy, and all of them
    assert [e.seq for e in ledger.events(run)] == list(range(1, 1 + 21 + 15))


def test_what_waits_is_written_before_the_ledger_closes(
    layout: Layout, lock: RunLock, make_run: MakeRun
) -> None:
    with Ledger(layout, lock) as ledger:
        run = make_run(ledger)
        for _ in range(100):
            ledger.record_soon(EventDraft(EventType.RESUMED, "x", run_id=run))

    with Records(layout) as reader:
        assert len(reader.events(run)) == 103
    with pytest.raises(BugError, match="closed"):
        ledger.record(EventDraft(EventType.RESUMED, "x", run_id=run))
    ledger.close()


def test_readers_of_nothing_get_nothing_and_create_nothing(layout: Layout) -> None:
    with Records(layout) as reader:
        assert reader.runs() == ()
        assert reader.latest_run() is None
        assert reader.workstreams("01") == reader.events("01") == reader.errors() == ()
        with pytest.raises(InputError):
            reader.run("01")

    assert not layout.state_dir.exists()


def test_each_thread_reads_for_itself(ledger: Ledger, run: str) -> None:
    seen: list[int] = []
    threads = [
        threading.Thread(target=lambda: seen.append(len(ledger.events(run)))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [3] * 8


@pytest.fixture
def raw(layout: Layout, ledger: Ledger) -> Iterator[sqlite3.Connection]:
    del ledger  # it has made the database
    with closing(sqlite3.connect(layout.database)) as connection:
        yield connection


def test_a_plan_that_was_changed_is_not_given_out(
    ledger: Ledger, run: str, raw: sqlite3.Connection
) -> None:
    with raw:
        raw.execute("UPDATE plans SET content = x'00'")

    with pytest.raises(UnfitError, match="the plan"):
        ledger.plan(run)


def test_damage_met_at_work_is_said_with_the_next_step(
    layout: Layout, lock: RunLock, make_run: MakeRun
) -> None:
    with Ledger(layout, lock) as ledger:
        run = make_run(ledger)
        for _ in range(500):
            ledger.record_soon(EventDraft(EventType.RESUMED, "x" * 500, run_id=run))
    with Ledger(layout, lock) as ledger:
        data = bytearray(layout.database.read_bytes())
        data[8 * 4096 :] = b"\xff" * (len(data) - 8 * 4096)
        layout.database.write_bytes(data)

        with pytest.raises(UnfitError, match="damaged") as caught:
            for _ in range(50):
                ledger.events(run)
                ledger.record(EventDraft(EventType.RESUMED, now(), run_id=run))
        assert "moves the database aside" in caught.value.remedy
