"""Finds, among many patterns, the pairs that can match the same path, without trying them all.

Every pattern matches only paths that start with its literal beginning and end with its literal
end. So two can meet only if one's beginning starts with the other's and one's end ends with the
other's. Beginnings are sorted, so that those which start with each other stand together; ends are
looked up.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pipeline.model.glob import DEEP, Glob, Ranges
from pipeline.planning.intersection import witness


@dataclass(slots=True)
class _Group:
    """Patterns with wildcards that have the same literal beginning, found by their ends."""

    beginning: str
    by_end: dict[str, list[Glob]] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=list)
    reversed_ends: list[str] = field(default_factory=list)

    def seal(self) -> None:
        self.lengths = sorted({len(end) for end in self.by_end})
        self.reversed_ends = sorted(end[::-1] for end in self.by_end)

    def ending_short(self, end: str) -> Iterator[Glob]:
        """Those with an end that ``end`` ends with, the same one included."""
        for length in self.lengths:
            if length > len(end):
                break
            yield from self.by_end.get(end[len(end) - length :], ())

    def ending_long(self, end: str) -> Iterator[Glob]:
        """Those with a longer end that ends with ``end``."""
        backwards = end[::-1]
        at = bisect_left(self.reversed_ends, backwards)
        while at < len(self.reversed_ends) and self.reversed_ends[at].startswith(backwards):
            if len(self.reversed_ends[at]) > len(end):
                yield from self.by_end[self.reversed_ends[at][::-1]]
            at += 1


class PatternIndex:
    """The patterns to be compared; ``compared`` counts the pairs that were looked at closely."""

    def __init__(self, globs: Iterable[Glob]) -> None:
        self.compared = 0
        self._literals: dict[str, Glob] = {}
        self._wild: list[tuple[str, str, Glob]] = []
        for glob in globs:
            if glob.literal is not None:
                self._literals[glob.literal] = glob
            else:
                self._wild.append((beginning(glob), end(glob), glob))

    def meetings(self) -> Iterator[tuple[Glob, Glob, str]]:
        """Pairs of different patterns with a path that both match.

        A literal path also meets what lies below it: it cannot be a file and a folder.
        """
        yield from self._files_that_are_folders()
        if self._wild:
            yield from self._sweep()

    def _files_that_are_folders(self) -> Iterator[tuple[Glob, Glob, str]]:
        for path, glob in self._literals.items():
            for above in _above(path):
                if above in self._literals:
                    yield self._literals[above], glob, path
        for start, _, glob in self._wild:
            folder = start[1:].rpartition("/")[0]
            for above in (*_above(folder), folder) if folder else ():
                if above in self._literals:
                    yield self._literals[above], glob, f"{above}/…"

    def _sweep(self) -> Iterator[tuple[Glob, Glob, str]]:
        groups: dict[str, _Group] = {}
        for start, ending, glob in self._wild:
            group = groups.setdefault(start, _Group(start))
            group.by_end.setdefault(ending, []).append(glob)
        for group in groups.values():
            group.seal()
        entries: list[tuple[str, int, str, Glob]] = [
            (start, 0, ending, glob) for start, ending, glob in self._wild
        ]
        entries.extend((f"/{path}", 1, f"/{path}", glob) for path, glob in self._literals.items())
        entries.sort(key=lambda entry: entry[:3])
        open_groups: list[_Group] = []
        for start, is_literal, ending, glob in entries:
            while open_groups and not start.startswith(open_groups[-1].beginning):
                open_groups.pop()
            if not is_literal and (not open_groups or open_groups[-1].beginning != start):
                open_groups.append(groups[start])
            for group in open_groups:
                yield from self._against(group, start, ending, glob, is_literal=bool(is_literal))

    def _against(
        self, group: _Group, start: str, ending: str, glob: Glob, *, is_literal: bool
    ) -> Iterator[tuple[Glob, Glob, str]]:
        is_own = not is_literal and group.beginning == start
        for other in group.ending_short(ending):
            if not is_own or (other.text < glob.text or len(end(other)) < len(ending)):
                yield from self._compare(other, glob)
        if not is_literal and not is_own:
            for other in group.ending_long(ending):
                yield from self._compare(other, glob)

    def _compare(self, one: Glob, other: Glob) -> Iterator[tuple[Glob, Glob, str]]:
        self.compared += 1
        path = witness(one, other)
        if path is not None:
            yield one, other, path


def beginning(glob: Glob) -> str:
    """What every path that is matched starts with, a slash before it."""
    out = "/"
    for segment in glob.segments:
        if segment is DEEP:
            break
        if segment.literal is None:
            out += _leading(segment.tokens)
            break
        out += f"{segment.literal}/"
    return out


def end(glob: Glob) -> str:
    """What every path that is matched ends with, a slash before the whole path."""
    out = ""
    for segment in reversed(glob.segments):
        if segment is DEEP:
            return f"/{out}" if out and not out.startswith("/") else out
        if segment.literal is None:
            tail = _leading(segment.tokens[::-1])[::-1]
            return f"{tail}/{out}" if out else tail
        out = f"{segment.literal}/{out}" if out else segment.literal
    return f"/{out}"


def _leading(tokens: tuple[Ranges | None, ...]) -> str:
    """The characters before the first token that stands for several."""
    out = ""
    for token in tokens:
        if token is None or len(token) > 1 or token[0][0] != token[0][1]:
            break
        out += chr(token[0][0])
    return out


def _above(path: str) -> Iterator[str]:
    """The folders that a path lies in, the topmost first."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)
