"""Finds workstreams whose scopes can touch the same path although nothing orders them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice, pairwise, product

from pipeline.model.workstream import Workstream
from pipeline.planning.graph import edges_of
from pipeline.planning.pattern_index import PatternIndex
from pipeline.planning.precedence import Precedence
from pipeline.planning.problem import Problem, shown

MAX_REPORTED = 1000
"""Problems of this kind that are written out; one more says that there are others."""

_ALL_PAIRS = 500
"""Up to so many workstreams on one path, every pair is looked at; of more, the neighbours."""

_CHUNK = 50_000
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Meeting:
    """Workstreams that can touch ``path``: ``ones`` by ``pattern``, ``others`` by another.

    All are in plan order, ``everyone`` holds both; for a single pattern both are the same.
    """

    ones: tuple[str, ...]
    others: tuple[str, ...]
    everyone: tuple[str, ...]
    pattern: str
    other_pattern: str
    path: str

    def pairs(self) -> Iterator[Pair]:
        """Every pair that meets here."""
        if self.ones == self.others:
            return combinations(self.ones, 2)
        return ((a, b) for a, b in product(self.ones, self.others) if a != b)

    def neighbours(self) -> Iterator[Pair]:
        """The pairs that stand side by side in plan order, one by each pattern."""
        ones, others = frozenset(self.ones), frozenset(self.others)
        for a, b in pairwise(self.everyone):
            if (a in ones and b in others) or (b in ones and a in others):
                yield a, b


def overlaps(order: Sequence[Workstream]) -> Iterator[Problem]:
    """One problem for each pair; ``order`` is plan order, of all that is to be looked at."""
    by_id = {ws.id: ws for ws in order}
    position = {ws.id: at for at, ws in enumerate(order)}
    reported: set[frozenset[str]] = set()
    for meeting, pair in _unordered(order):
        if frozenset(pair) in reported:
            continue
        reported.add(frozenset(pair))
        if len(reported) > MAX_REPORTED:
            message = f"more than {MAX_REPORTED} pairs overlap; the others are not listed."
            yield Problem(order[0].source, "$", message, "Correct those that are listed first.")
            return
        earlier, later = sorted(pair, key=position.__getitem__)
        yield _problem(by_id[earlier], by_id[later], meeting)


def _unordered(order: Sequence[Workstream]) -> Iterator[tuple[Meeting, Pair]]:
    """Every pair that overlaps, is not ordered and not excused; some of them more than once."""
    meetings = list(_meetings(order))
    if not meetings:
        return
    precedence = Precedence([ws.id for ws in order], edges_of(order))
    excused = _excused(order)
    side_by_side = {pair for meeting in meetings for pair in pairwise(meeting.everyone)}
    loose = set(precedence.unordered(sorted(side_by_side)))
    for meeting in meetings:
        if loose.isdisjoint(pairwise(meeting.everyone)):
            continue  # a chain: each depends on the one before, so all of them are ordered
        if len(meeting.everyone) > _ALL_PAIRS:
            near = [p for p in meeting.neighbours() if p in loose and frozenset(p) not in excused]
            yield from ((meeting, pair) for pair in near)
            if near:
                continue
        pairs = meeting.pairs()
        while chunk := list(islice(pairs, _CHUNK)):
            for pair in precedence.unordered(chunk):
                if frozenset(pair) not in excused:
                    yield meeting, pair


def _meetings(order: Sequence[Workstream]) -> Iterator[Meeting]:
    """The patterns that can match the same path, once for each set of workstreams."""
    owners: dict[str, list[str]] = {}
    for ws in order:
        for pattern in dict.fromkeys((*ws.files_scope, *ws.files_create)):
            owners.setdefault(pattern, []).append(ws.id)
    index = PatternIndex(owners)
    position = {ws.id: at for at, ws in enumerate(order)}
    seen: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
    alike = ((text, text, index.example(text)) for text in owners if len(owners[text]) > 1)
    for one, other, path in chain(alike, index.meetings()):
        ones, others = tuple(owners[one]), tuple(owners[other])
        everyone = tuple(sorted({*ones, *others}, key=position.__getitem__))
        if len(everyone) > 1 and (ones, others) not in seen:
            seen.add((ones, others))
            yield Meeting(ones, others, everyone, one, other, path)


def _excused(order: Sequence[Workstream]) -> frozenset[frozenset[str]]:
    """The pairs that may overlap because one of them says so."""
    return frozenset(
        frozenset((ws.id, other))
        for ws in order
        if ws.conflicts_with or ws.allow_overlap
        for other in (*ws.conflicts_with, *ws.allow_overlap)
    )


def _problem(earlier: Workstream, later: Workstream, meeting: Meeting) -> Problem:
    """Reported at the one that comes later, by its first pattern that takes part."""
    mine, theirs = meeting.other_pattern, meeting.pattern
    if mine not in (*later.files_scope, *later.files_create):
        mine, theirs = theirs, mine
    field = "files_scope" if mine in later.files_scope else "files_create"
    at = getattr(later, field).index(mine)
    return Problem(
        later.source,
        f"$.{field}[{at}]",
        f"`{shown(mine)}` of `{later.id}` and `{shown(theirs)}` of `{earlier.id}` can touch the"
        f" same path: `{shown(meeting.path)}`.",
        f"Add `{earlier.id}` to `depends_on` (an order), `conflicts_with` (one at a time) or"
        " `allow_overlap` (accepted), or narrow one of the scopes.",
    )
