import json
from collections.abc import Callable

import pytest

from pipeline.base.errors import UnfitError
from pipeline.model.codec import decode, dumps
from pipeline.model.event import Event, EventDraft, EventType
from pipeline.store.export import EventExport, event_line
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger

MakeRun = Callable[..., str]


@pytest.fixture
def run(ledger: Ledger, make_run: MakeRun) -> str:
    return make_run(ledger)


@pytest.fixture
def export(layout: Layout, ledger: Ledger) -> EventExport:
    return EventExport(layout, ledger)


def record(ledger: Ledger, run: str, count: int = 1) -> None:
    payload = {"n": 1.5, "list": [1, None, "ü"], "odd": "\udcff"}
    draft = EventDraft(EventType.RESUMED, "Went on, ü.", run_id=run, ws_id="a", payload=payload)
    for _ in range(count):
        ledger.record(draft)


def expected(ledger: Ledger, run: str) -> bytes:
    return b"".join(map(event_line, ledger.events(run)))


def test_the_file_follows_the_database(
    layout: Layout, ledger: Ledger, export: EventExport, make_run: MakeRun
) -> None:
    ledger.bus.subscribe(export, name="events.jsonl")
    runs = [make_run(ledger) for _ in range(2)]
    for _ in range(20):
        for run in runs:
            record(ledger, run)

    assert ledger.bus.drain()
    for run in runs:
        assert layout.events_file(run).read_bytes() == expected(ledger, run)


def test_a_line_is_the_event_in_the_form_of_the_border(ledger: Ledger, run: str) -> None:
    ledger.record(EventDraft(EventType.RESUMED, "Grüße", run_id=run, payload={"a": [1]}))
    (*_, event) = ledger.events(run)

    assert event_line(event) == dumps(event).encode() + b"\n"
    assert decode(Event, json.loads(event_line(event))) == event


def test_odd_names_are_told_in_sound_utf8(ledger: Ledger, run: str) -> None:
    record(ledger, run)
    (*_, event) = ledger.events(run)

    assert json.loads(event_line(event).decode("utf-8"))["payload"]["odd"] == "\udcff"


@pytest.mark.parametrize("keep", [0, 1, 150, -1, -40])
def test_a_torn_file_is_mended(
    layout: Layout, ledger: Ledger, export: EventExport, run: str, keep: int
) -> None:
    record(ledger, run, 3)
    export.catch_up(run)
    whole = layout.events_file(run).read_bytes()
    layout.events_file(run).write_bytes(whole[:keep])

    assert EventExport(layout, ledger).catch_up(run) > 0
    assert layout.events_file(run).read_bytes() == whole == expected(ledger, run)


@pytest.mark.parametrize("tail", [b'{"half', b"\x00" * 100, b"{}\n", b"\n"])
def test_what_does_not_belong_is_cut_off(
    layout: Layout, ledger: Ledger, export: EventExport, run: str, tail: bytes
) -> None:
    export.catch_up(run)
    with layout.events_file(run).open("ab") as stream:
        stream.write(tail)

    assert EventExport(layout, ledger).catch_up(run) == 0
    assert layout.events_file(run).read_bytes() == expected(ledger, run)


def test_a_changed_line_is_put_right(
    layout: Layout, ledger: Ledger, export: EventExport, run: str
) -> None:
    export.catch_up(run)
    file = layout.events_file(run)
    file.write_bytes(file.read_bytes().replace(b"is number 0", b"is number 9"))

    export.catch_up(run)
    assert file.read_bytes() == expected(ledger, run)


def test_the_first_event_of_a_run_that_goes_on_mends_the_file(
    layout: Layout, ledger: Ledger, export: EventExport, run: str
) -> None:
    export.catch_up(run)
    layout.events_file(run).write_bytes(b"torn")
    ledger.bus.subscribe(EventExport(layout, ledger), name="events.jsonl")
    record(ledger, run)

    assert ledger.bus.drain()
    assert layout.events_file(run).read_bytes() == expected(ledger, run)


def test_a_removed_file_comes_back_whole(
    layout: Layout, ledger: Ledger, export: EventExport, run: str
) -> None:
    subscription = ledger.bus.subscribe(export, name="events.jsonl")
    record(ledger, run)
    assert ledger.bus.drain()
    layout.events_file(run).unlink()
    layout.run_dir(run).rmdir()
    record(ledger, run)

    assert ledger.bus.drain()
    assert subscription.failures == 0
    assert layout.events_file(run).read_bytes() == expected(ledger, run)


def test_after_a_refusal_the_file_is_mended_by_the_next_event(
    layout: Layout, ledger: Ledger, export: EventExport, run: str
) -> None:
    layout.events_file(run).mkdir(parents=True)
    subscription = ledger.bus.subscribe(export, name="events.jsonl")
    record(ledger, run)
    assert ledger.bus.drain()
    assert isinstance(subscription.last_error, UnfitError)
    assert str(layout.events_file(run)) in str(subscription.last_error)

    layout.events_file(run).rmdir()
    record(ledger, run)
    assert ledger.bus.drain()
    assert layout.events_file(run).read_bytes() == expected(ledger, run)


def test_a_run_without_events_has_an_empty_file(layout: Layout, export: EventExport) -> None:
    assert export.catch_up("01none") == 0
    assert layout.events_file("01none").read_bytes() == b""
