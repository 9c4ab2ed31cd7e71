"""Whether two patterns can match the same path, with such a path as the proof."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence

from pipeline.model.glob import ANY_NAME, DEEP, Glob, Name, Ranges, Segment

UNDECIDED = "(too involved to tell)"
"""The proof for patterns that are too long to compare; they count as overlapping."""

_MAX_STATES = 250_000
_Place = tuple[int, int]
_Step = tuple[_Place, str]


def witness(one: Glob, other: Glob) -> str | None:
    """A path that both patterns match, ``None`` where there is none.

    Exact, but for ``.`` and ``..``, which count as names here.
    """
    if one.literal is not None:
        names = one.literal.split("/")
        return one.literal if other.matches(names) else None
    if other.literal is not None:
        return witness(other, one)
    if _differ(one.segments, other.segments) or _differ(one.segments[::-1], other.segments[::-1]):
        return None
    if len(one.segments) * len(other.segments) > _MAX_STATES:
        return UNDECIDED

    def steps(place: _Place) -> Iterable[_Step]:
        at, behind = place
        left = one.segments[at] if at < len(one.segments) else None
        right = other.segments[behind] if behind < len(other.segments) else None
        has_left, has_right = at < len(one.segments), behind < len(other.segments)
        if has_left and left is DEEP:
            yield (at + 1, behind), ""
            if right is not None:
                yield (at, behind + 1), f"/{sample_name(right)}"
        if has_right and right is DEEP:
            yield (at, behind + 1), ""
            if left is not None:
                yield (at + 1, behind), f"/{sample_name(left)}"
        if left is not None and right is not None and (name := common_name(left, right)):
            yield (at + 1, behind + 1), f"/{name}"

    found = _search((len(one.segments), len(other.segments)), steps)
    return None if found is None else found[1:]


def common_name(one: Name, other: Name) -> str | None:
    """A name that both fit, ``None`` where there is none."""
    if one.literal is not None:
        return one.literal if other.matches(one.literal) else None
    if other.literal is not None:
        return common_name(other, one)
    if ANY_NAME in (one, other):
        return sample_name(other if one == ANY_NAME else one)
    if len(one.tokens) * len(other.tokens) > _MAX_STATES:
        return UNDECIDED

    def steps(place: _Place) -> Iterable[_Step]:
        at, behind = place
        left = one.tokens[at : at + 1]
        right = other.tokens[behind : behind + 1]
        if left == (None,):
            yield (at + 1, behind), ""
            if right and right[0] is not None:
                yield (at, behind + 1), _character(right[0])
        if right == (None,):
            yield (at, behind + 1), ""
            if left and left[0] is not None:
                yield (at + 1, behind), _character(left[0])
        if left and right and left[0] is not None and right[0] is not None:
            both = _shared(left[0], right[0])
            if both:
                yield (at + 1, behind + 1), _character(both)

    return _search((len(one.tokens), len(other.tokens)), steps)


def _differ(one: Sequence[Segment], other: Sequence[Segment]) -> bool:
    """Whether two literal names stand where the same one would have to; cheap, and often enough."""
    for left, right in zip(one, other, strict=False):
        if left is DEEP or right is DEEP:
            return False
        if left.literal is None or right.literal is None:
            continue
        if left.literal != right.literal:
            return True
    return False


def _search(goal: _Place, steps: Callable[[_Place], Iterable[_Step]]) -> str | None:
    """The text along the way from (0, 0) to ``goal``, breadth first."""
    start: _Place = (0, 0)
    came_from: dict[Hashable, tuple[_Place, str]] = {start: (start, "")}
    waiting = deque([start])
    while waiting:
        place = waiting.popleft()
        if place == goal:
            parts = []
            while place != start:
                place, text = came_from[place]
                parts.append(text)
            return "".join(reversed(parts))
        for target, text in steps(place):
            if target not in came_from:
                came_from[target] = (place, text)
                waiting.append(target)
    return None


def sample(glob: Glob) -> str:
    """A path that the pattern matches."""
    return "/".join(sample_name(segment) for segment in glob.segments if segment is not DEEP)


def sample_name(name: Name) -> str:
    """A name that fits."""
    if name.literal is not None:
        return name.literal
    return "".join("x" if token is None else _character(token) for token in name.tokens)


def _character(ranges: Ranges) -> str:
    """A character of the set, a plain one where it has one."""
    for plain in "xa0_":
        if any(low <= ord(plain) <= high for low, high in ranges):
            return plain
    return next((chr(low) for low, _ in ranges if low > 32), chr(ranges[0][0]))


def _shared(one: Ranges, other: Ranges) -> Ranges:
    return tuple((max(a, c), min(b, d)) for a, b in one for c, d in other if max(a, c) <= min(b, d))
