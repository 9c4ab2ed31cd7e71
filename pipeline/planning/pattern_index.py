"""Finds, among many patterns, the pairs that can match the same path, without trying them all.

Every pattern matches only paths that start with its literal beginning and end with its literal
end. So two can meet only if one's beginning starts with the other's and one's end ends with the
other's. Beginnings are sorted, so that those which start with each other stand together; ends are
looked up.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, combinations, product

from pipeline.model.glob import DEEP, Glob, PatternError, Ranges, plain_path
from pipeline.model.scope import parse_scope
from pipeline.planning.intersection import sample, witness

Meeting = tuple[str, str, str]
"""Two patterns and a path that both match."""


@dataclass(slots=True)
class _Group:
    """Patterns with wildcards that have the same literal beginning.

    They are found by their end, then by the name of the folder that their last name lies in
    (``None`` where that is not one certain name).
    """

    beginning: str
    by_end: dict[str, dict[str | None, list[Glob]]] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=list)
    reversed_ends: list[str] = field(default_factory=list)

    def seal(self) -> None:
        self.lengths = sorted({len(end) for end in self.by_end})
        self.reversed_ends = sorted(end[::-1] for end in self.by_end)

    def rivals(self, start: str, glob: Glob) -> Iterator[Glob]:
        """Members that may match what ``glob`` matches; a pair of members from one side only.

        ``start`` is the pattern's beginning, which begins with the group's.
        """
        ending = end(glob)
        if start != self.beginning:
            yield from self.ending_within(ending, _folder(glob))
            yield from self._ending_longer(ending, _folder(glob))
            return
        for other in self.ending_within(ending, _folder(glob)):
            if len(end(other)) < len(ending) or other.text < glob.text:
                yield other

    def ending_within(self, text: str, folder: str | None) -> Iterator[Glob]:
        """Members whose end is an end of ``text``."""
        for length in self.lengths:
            if length > len(text):
                break
            members = self.by_end.get(text[len(text) - length :])
            if members:
                yield from _in_folder(members, folder)

    def _ending_longer(self, ending: str, folder: str | None) -> Iterator[Glob]:
        backwards = ending[::-1]
        at = bisect_left(self.reversed_ends, backwards)
        while at < len(self.reversed_ends) and self.reversed_ends[at].startswith(backwards):
            if len(self.reversed_ends[at]) > len(ending):
                yield from _in_folder(self.by_end[self.reversed_ends[at][::-1]], folder)
            at += 1


class PatternIndex:
    """The distinct patterns to be compared; those that cannot be read are left out.

    ``compared`` counts the pairs that were looked at closely.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.compared = 0
        self._literals: dict[str, list[str]] = {}
        self._wild: list[tuple[str, str, Glob]] = []
        for text in patterns:
            path = plain_path(text)
            if path is None:
                with suppress(PatternError):
                    glob = parse_scope(text)
                    path = glob.literal
                    if path is None:
                        self._wild.append((beginning(glob), end(glob), glob))
            if path is not None:
                self._literals.setdefault(path, []).append(text)

    def example(self, text: str) -> str:
        """A path that a pattern matches."""
        return plain_path(text) or sample(parse_scope(text))

    def meetings(self) -> Iterator[Meeting]:
        """Pairs of different patterns, with a path that both match.

        A literal path also meets what lies below it: it cannot be a file and a folder.
        """
        for path, texts in self._literals.items():
            yield from ((one, other, path) for one, other in combinations(texts, 2))
        yield from self._files_that_are_folders()
        if self._wild:
            yield from self._sweep()

    def _files_that_are_folders(self) -> Iterator[Meeting]:
        for path, texts in self._literals.items():
            for above in _above(path):
                for pair in product(self._literals.get(above, ()), texts):
                    yield *pair, path
        for start, _, glob in self._wild:
            folder = start[1:].rpartition("/")[0]
            for above in (*_above(folder), folder):
                for text in self._literals.get(above, ()):
                    yield text, glob.text, sample(glob)

    def _sweep(self) -> Iterator[Meeting]:
        groups = self._groups()
        entries: list[tuple[str, Glob | None]] = [(start, glob) for start, _, glob in self._wild]
        entries.extend((f"/{path}", None) for path in self._literals)
        entries.sort(key=lambda entry: (entry[0], entry[1] is None))
        open_groups: list[_Group] = []
        for start, glob in entries:
            while open_groups and not start.startswith(open_groups[-1].beginning):
                open_groups.pop()
            if glob is None:
                for group in open_groups:
                    yield from self._literal_against(group, start[1:])
                continue
            if not open_groups or open_groups[-1].beginning != start:
                open_groups.append(groups[start])
            for group in open_groups:
                yield from self._wild_against(group, start, glob)

    def _literal_against(self, group: _Group, path: str) -> Iterator[Meeting]:
        names = path.split("/")
        for other in group.ending_within(f"/{path}", names[-2] if len(names) > 1 else ""):
            self.compared += 1
            if other.matches(names):
                yield from ((other.text, text, path) for text in self._literals[path])

    def _wild_against(self, group: _Group, start: str, glob: Glob) -> Iterator[Meeting]:
        for other in group.rivals(start, glob):
            self.compared += 1
            path = witness(other, glob)
            if path is not None:
                yield other.text, glob.text, path

    def _groups(self) -> dict[str, _Group]:
        groups: dict[str, _Group] = {}
        for start, ending, glob in self._wild:
            group = groups.setdefault(start, _Group(start))
            group.by_end.setdefault(ending, {}).setdefault(_folder(glob), []).append(glob)
        for group in groups.values():
            group.seal()
        return groups


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


def _folder(glob: Glob) -> str | None:
    """The name of the folder that every matched path lies in, empty for the root."""
    if len(glob.segments) == 1:
        return ""
    above = glob.segments[-2]
    return None if above is DEEP else above.literal


def _in_folder(members: Mapping[str | None, Sequence[Glob]], folder: str | None) -> Iterator[Glob]:
    """Those that may lie in a folder of this name."""
    if folder is None:
        yield from chain.from_iterable(members.values())
        return
    yield from members.get(folder, ())
    yield from members.get(None, ())


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
