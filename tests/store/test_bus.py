import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from pipeline.model.event import Event, EventDraft, EventType, Level
from pipeline.model.record import RunRecord
from pipeline.model.states import RunState
from pipeline.store import units
from pipeline.store.bus import Bus
from pipeline.store.database import Mode, open_database
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.writer import Writer

MakeRun = Callable[..., str]


def event(seq: int) -> Event:
    return Event(f"e{seq}", seq, "", Level.INFO, "r", EventType.RESUMED, "x")


@pytest.fixture
def bus() -> Iterator[Bus]:
    bus = Bus()
    yield bus
    bus.close()


def test_everybody_hears_everything_in_order(bus: Bus) -> None:
    heard: tuple[list[int], list[int]] = ([], [])
    for own in heard:
        bus.subscribe(lambda events, own=own: own.extend(e.seq for e in events), name="s")
    for seq in range(0, 300, 3):
        bus.publish([event(seq), event(seq + 1), event(seq + 2)])

    assert bus.drain()
    assert heard == (list(range(300)), list(range(300)))
    assert [s.delivered for s in bus.subscriptions] == [300, 300]


def test_a_failing_subscriber_is_counted_and_called_again(bus: Bus) -> None:
    heard: list[int] = []

    def fail(events: Sequence[Event]) -> None:
        heard.append(events[0].seq)
        if events[0].seq < 2:
            raise ValueError(f"no {events[0].seq}")

    subscription = bus.subscribe(fail, name="failing")
    for seq in range(4):
        bus.publish([event(seq)])

    assert bus.drain()
    assert heard == [0, 1, 2, 3]
    assert (subscription.failures, subscription.delivered) == (2, 2)
    assert str(subscription.last_error) == "no 1"


def test_a_slow_subscriber_holds_nobody_up(ledger: Ledger, make_run: MakeRun) -> None:
    release = threading.Event()
    quick: list[int] = []
    slow = ledger.bus.subscribe(lambda _: release.wait() and None, name="slow")
    ledger.bus.subscribe(lambda events: quick.extend(e.seq for e in events), name="quick")

    run = make_run(ledger)
    for _ in range(50):
        ledger.record(EventDraft(EventType.RESUMED, "x", run_id=run))
    assert slow.lag == 51
    assert not ledger.bus.drain(0.01)
    release.set()

    assert ledger.bus.drain()
    assert quick == list(range(1, 54))
    assert slow.lag == 0


def test_what_failed_is_not_told(ledger: Ledger, make_run: MakeRun) -> None:
    heard: list[int] = []
    ledger.bus.subscribe(lambda events: heard.extend(e.seq for e in events), name="s")
    run = make_run(ledger)
    good = EventDraft(EventType.RESUMED, "x", run_id=run)
    with pytest.raises(Exception, match="FOREIGN KEY"):
        ledger.record(good, EventDraft(EventType.RESUMED, "x", run_id="zz"))
    ledger.record(good)

    assert ledger.bus.drain()
    assert heard == [1, 2, 3, 4]


def test_only_what_is_durable_is_told(ledger: Ledger, make_run: MakeRun) -> None:
    stored: list[bool] = []

    def look(events: Sequence[Event]) -> None:
        known = {e.id for e in ledger.events(events[0].run_id)}
        stored.extend(e.id in known for e in events)

    ledger.bus.subscribe(look, name="s")
    make_run(ledger, 20)

    assert ledger.bus.drain()
    assert stored == [True] * 21


def test_a_subscriber_that_hangs_is_given_up_on() -> None:
    bus, release = Bus(), threading.Event()
    bus.subscribe(lambda _: release.wait() and None, name="hangs")
    bus.publish([event(1)])

    assert not bus.close(0.01)
    release.set()


def test_who_waited_for_a_write_can_drain_what_it_told(layout: Layout) -> None:
    opened = open_database(layout.database, Mode.WRITE)
    assert opened is not None
    told: list[EventType] = []

    def tell_slowly(events: Sequence[Event]) -> None:
        time.sleep(0.05)
        told.extend(event.type for event in events)

    writer = Writer(opened.connection, layout.database, durable=lambda: None, publish=tell_slowly)
    run = RunRecord("r", "key", RunState.PENDING, "0" * 40, "main")
    writer.submit(units.create_run(run, None, (), ())).result()
    assert told == [EventType.RUN_CREATED]
    writer.close()
