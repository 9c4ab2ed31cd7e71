"""The bus: whoever wants to know what happened, told in order, after it is durable."""

import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from pipeline.model.event import Event

_REST_S = 0.05

Subscriber = Callable[[Sequence[Event]], None]
"""Is called with the events of one commit, in order."""


class Subscription:
    """One subscriber with a queue and a thread of its own; what it does holds nobody up.

    ``delivered`` and ``failures`` count; ``last_error`` is the newest exception of the callback.
    A callback that fails is called again with what comes next.
    """

    def __init__(self, callback: Subscriber, name: str) -> None:
        self.name = name
        self.delivered = 0
        self.failures = 0
        self.last_error: Exception | None = None
        self._callback = callback
        self._offered = 0
        self._taken = 0
        self._haste = 0  # how many wait for this thread, its end included
        self._queue: SimpleQueue[Sequence[Event] | None] = SimpleQueue()
        self._settled = threading.Condition()
        # A daemon: a subscriber that hangs must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name=f"bus-{name}", daemon=True)
        self._thread.start()

    @property
    def lag(self) -> int:
        """How many commits wait for the callback, the one it works on included."""
        return self._offered - self._taken

    def offer(self, events: Sequence[Event]) -> None:
        """Put events into the queue; called by the bus alone."""
        self._offered += 1
        self._queue.put(events)

    def stop(self) -> None:
        """End the thread once everything that was offered is delivered."""
        self._queue.put(None)
        with self._settled:
            self._haste += 1
            self._settled.notify_all()

    def wait(self, timeout: float) -> bool:
        """Wait until nothing is left to deliver; false when that takes longer."""
        with self._settled:
            self._haste += 1
            self._settled.notify_all()
            is_settled = self._settled.wait_for(lambda: self.lag == 0, timeout)
            self._haste -= 1
            return is_settled

    def _rest(self) -> None:
        """Let commits gather: to be woken for each costs the engine more than to hear of it."""
        with self._settled:
            self._settled.wait_for(lambda: self._haste > 0, _REST_S)

    def _run(self) -> None:
        while (events := self._queue.get()) is not None:
            try:
                self._callback(events)
                self.delivered += len(events)
            except Exception as error:  # noqa: BLE001 - a subscriber's failure is its own
                self.failures += 1
                self.last_error = error
            with self._settled:
                self._taken += 1
                self._settled.notify_all()
            if self._queue.empty():
                self._rest()


class Bus:
    """Hands committed events to subscribers; never waits for any of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: list[Subscription] = []

    def subscribe(self, callback: Subscriber, *, name: str) -> Subscription:
        """Call ``callback(events)`` after every commit from now on, on a thread of its own."""
        subscription = Subscription(callback, name)
        with self._lock:
            self._subscriptions.append(subscription)
        return subscription

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """All subscriptions, with their counts."""
        with self._lock:
            return tuple(self._subscriptions)

    def publish(self, events: Sequence[Event]) -> None:
        """Offer the events of one commit to everybody; called by the ledger's writer."""
        with self._lock:
            for subscription in self._subscriptions:
                subscription.offer(events)

    def drain(self, timeout: float = 10.0) -> bool:
        """Wait until every subscriber has seen everything; false when that takes longer."""
        until = time.monotonic() + timeout
        return all(s.wait(max(0.0, until - time.monotonic())) for s in self.subscriptions)

    def close(self, timeout: float = 10.0) -> bool:
        """Drain, then end the threads; false when a subscriber was given up on."""
        is_drained = self.drain(timeout)
        for subscription in self.subscriptions:
            subscription.stop()
        return is_drained
