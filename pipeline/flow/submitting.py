"""Giving an answer to a review: stored at once, or left for the engine that works here."""

import time
from collections.abc import Callable
from pathlib import Path

from pipeline.flow.answering import as_request, give_answer, require_possible
from pipeline.flow.holding import hold
from pipeline.model.review import Answer, Review
from pipeline.store.inbox import post
from pipeline.store.layout import Layout
from pipeline.store.lock import live_owner
from pipeline.store.records import Records
from pipeline.store.reviews import review as stored

_PATIENCE_S = 10.0


def submit(
    layout: Layout,
    records: Records,
    asked: Review,
    answer: Answer,
    top: Path,
    *,
    command: str,
    last_look: Callable[[], None] = lambda: None,
) -> Review:
    """Give an answer; returns the review, still open where an engine has not taken it up so far.

    ``last_look`` is called right before anything is written, and may raise. Raises ``InputError``
    where the review cannot be answered like this.
    """
    require_possible(records, asked, answer, top)
    if live_owner(layout) is not None:
        last_look()
        return _leave(layout, records, asked, answer)
    with hold(layout, command) as ledger:
        asked = stored(ledger, asked.review_id)
        require_possible(ledger, asked, answer, top)
        last_look()
        give_answer(ledger, asked, answer)
        return stored(ledger, asked.review_id)


def _leave(layout: Layout, records: Records, asked: Review, answer: Answer) -> Review:
    """Leave the answer to who holds the repository, and look whether it is taken up."""
    post(layout, as_request(asked, answer))
    until = time.monotonic() + _PATIENCE_S
    is_waited_for = True
    while is_waited_for:
        is_waited_for = time.monotonic() < until and live_owner(layout) is not None
        found = stored(records, asked.review_id)
        if not found.is_open:
            break
        time.sleep(0.1)
    return found
