"""What people answered in a run, as all its threads see it."""

from collections.abc import Iterable
from threading import Lock

from pipeline.model.record import WorkstreamRecord
from pipeline.model.review import Answer, Review, ReviewState
from pipeline.model.workstream import Workstream


class Answered:
    """The answered reviews of a run, the oldest first; safe between threads."""

    def __init__(self, reviews: Iterable[Review] = ()) -> None:
        self._lock = Lock()
        self._by_ws: dict[str, tuple[Review, ...]] = {}
        self._changed: list[str] = []
        for review in reviews:
            self._add(review)

    @property
    def is_empty(self) -> bool:
        """Whether nobody has answered anything."""
        return not self._by_ws

    def hear(self, review: Review) -> None:
        """Take in an answer that was just stored; its workstream has moved."""
        with self._lock:
            self._add(review)
            self._changed.append(review.ws_id)

    def take_changed(self) -> tuple[str, ...]:
        """The workstreams that answers moved since this was last asked; each is given once."""
        if not self._changed:
            return ()
        with self._lock:
            changed, self._changed = tuple(dict.fromkeys(self._changed)), []
        return changed

    def over(self, ws: Workstream) -> Workstream:
        """The frozen bundle with everything that adjustments added to it."""
        return adjusted(ws, self._by_ws.get(ws.id, ()))

    def approval(self, record: WorkstreamRecord) -> Answer | None:
        """The approval of a workstream as it is; ``None`` where its last answer is another."""
        return approval(self._by_ws.get(record.ws_id, ()), record.generation)

    def newest(self, ws_id: str) -> Review | None:
        """The review that was answered last."""
        found = self._by_ws.get(ws_id, ())
        return found[-1] if found else None

    def _add(self, review: Review) -> None:
        if not review.is_open:
            self._by_ws[review.ws_id] = (*self._by_ws.get(review.ws_id, ()), review)


def adjusted(ws: Workstream, reviews: Iterable[Review]) -> Workstream:
    """A frozen bundle with what its reviews added, in their order."""
    for review in reviews:
        if review.answer and review.state is ReviewState.ADJUSTED:
            ws = review.answer.overlay.over(ws)
    return ws


def approval(reviews: Iterable[Review], generation: int) -> Answer | None:
    """The answer of a workstream's newest review where that approved this generation of it."""
    newest = next(reversed(tuple(reviews)), None)
    if newest is None or newest.state is not ReviewState.APPROVED:
        return None
    return newest.answer if newest.generation == generation else None
