"""Holding the repository for a moment: the ledger for commands that write a little."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.store.export import EventExport
from pipeline.store.layout import Layout, ensure_excluded
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock
from pipeline.store.sweep import sweep


@contextmanager
def hold(layout: Layout, command: str) -> Iterator[Ledger]:
    """The ledger, for as long as the block takes; ``command`` is what the lock names as owner.

    Raises ``UnfitError`` that names a live owner of the run lock. A dead owner's lock is taken
    over, and then what that owner left is swept here: who asks next would not know of it.
    """
    ensure_excluded(layout)
    with RunLock(layout, command=command) as lock, Ledger(layout, lock) as ledger:
        ledger.bus.subscribe(EventExport(layout, ledger), name="events")
        if lock.taken_over is not None:
            sweep(ledger)
        yield ledger
