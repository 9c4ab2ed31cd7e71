"""Finding where hunks belong in a file: exactly, in one place only, or not at all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pipeline.model.patch import Reason
from pipeline.work.diffs.values import Hunk, Notes, NotTakenError, Place, shown

LARGEST_FILE = 4 << 20
"""Bytes; agents that print diffs have no business with larger files."""


@dataclass(frozen=True, slots=True)
class Run:
    """Lines that take the place of ``removed`` others from line ``start``, counted from 0."""

    start: int
    removed: int
    added: tuple[bytes, ...]

    @property
    def end(self) -> int:
        """The line after those that are removed."""
        return self.start + self.removed


class Text:
    """A file's lines without their newlines. ``is_cut`` says that the last one has none.

    With ``has_returns`` every line ends with a carriage return, too, and lines of hunks are
    understood to, without showing it.
    """

    def __init__(self, path: bytes, data: bytes, hunks: Iterable[Hunk] = ()) -> None:
        if len(data) > LARGEST_FILE:
            raise NotTakenError(
                f"{shown(path)} has more than {LARGEST_FILE} bytes. Leave it as it is.",
                Reason.SIZE,
                path,
            )
        if b"\0" in data:
            raise NotTakenError(
                f"{shown(path)} is a binary file. Leave it as it is.", Reason.BINARY, path
            )
        self.path = path
        self.is_cut = bool(data) and not data.endswith(b"\n")
        self.lines = data.split(b"\n") if self.is_cut else data.split(b"\n")[:-1]
        self.has_returns = _has_returns(self.lines, is_cut=self.is_cut) and not any(
            text.endswith(b"\r") for hunk in hunks for _, text in hunk.lines
        )
        self.line_end = b"\r" if self.has_returns else b""
        self._padded = b"\n" + data + (self.line_end + b"\n" if self.is_cut else b"")

    def find(self, lines: Sequence[bytes]) -> tuple[int, ...]:
        """The first two places where lines stand, each the number of the first line, from 0."""
        sought = b"\n" + b"".join(line + self.line_end + b"\n" for line in lines)
        found: list[int] = []
        at = self._padded.find(sought)
        while at >= 0 and len(found) < 2:
            found.append(self._padded.count(b"\n", 0, at))
            at = self._padded.find(sought, at + 1)
        return tuple(found)

    def stands_at(self, number: int, lines: Sequence[bytes]) -> bool:
        """Whether lines stand at a place."""
        there = self.lines[number : number + len(lines)] if number >= 0 else []
        if self.is_cut and number + len(lines) == len(self.lines) and there:
            there[-1] += self.line_end
        return there == [line + self.line_end for line in lines]


def place_hunks(
    text: Text, sections: Sequence[Sequence[Hunk]], notes: Notes
) -> tuple[tuple[Run, ...], bool]:
    """What hunks do to a file: runs in order, and whether its last line is cut afterwards.

    ``sections`` are hunks that were printed together, so that their numbers belong together.
    NotTakenError where a hunk fits nowhere, or twice, or where two of them meet.
    """
    placed = [pair for hunks in sections for pair in _placed(text, hunks, notes)]
    unique = dict.fromkeys((at, hunk.lines) for at, hunk in placed)
    if len(unique) < len(placed):
        notes.add(f"A hunk for {shown(text.path)} that stood there twice was taken once.")
        first = {(at, hunk.lines): (at, hunk) for at, hunk in reversed(placed)}
        placed = [first[key] for key in unique]
    is_cut = text.is_cut
    runs: list[tuple[Run, Hunk]] = []
    for at, hunk in sorted(placed, key=lambda pair: pair[0]):
        runs += [(run, hunk) for run in _runs(text, at, hunk)]
        if at + len(hunk.old) == len(text.lines):
            is_cut = _is_cut_after(text, hunk, notes)
        elif hunk.is_cut_told:
            raise NotTakenError(
                f"The hunk at line {hunk.at} says that no newline ends {shown(text.path)}, but it "
                "is not at the end of that file. Leave that line out.",
                path=text.path,
            )
    _require_apart(text, runs)
    return tuple(run for run, _ in runs), is_cut


def _placed(text: Text, hunks: Sequence[Hunk], notes: Notes) -> list[tuple[int, Hunk]]:
    placed: list[tuple[int, Hunk]] = []
    growth, is_moved = 0, False
    by_number: Hunk | None = None
    for hunk in hunks:
        at, is_by_number = _place(text, hunk, growth)
        placed.append((at, hunk))
        growth += len(hunk.new) - len(hunk.old)
        by_number = hunk if is_by_number else by_number
        if hunk.place and at != hunk.place.old_start - bool(hunk.place.old_count):
            is_moved = True
            notes.add(f"The hunk at line {hunk.at} belongs at line {at + 1} of {shown(text.path)}.")
    if by_number and is_moved:
        raise _found_twice(text, by_number, text.find(by_number.old))
    return placed


def _place(text: Text, hunk: Hunk, growth: int) -> tuple[int, bool]:
    """Where a hunk belongs, and whether only its header's number could tell."""
    old = hunk.old
    if not old:
        if not text.lines:
            return 0, False
        raise NotTakenError(
            f"The hunk at line {hunk.at} shows no line that is in {shown(text.path)} now. "
            "Print three unchanged lines before and after what is added, each after a space.",
            path=text.path,
        )
    found = text.find(old)
    if not found:
        raise _not_found(text, hunk)
    if len(found) == 1:
        return found[0], False
    last = len(text.lines) - len(old)
    if hunk.is_at_end and text.stands_at(last, old):
        return last, False
    place = hunk.place
    if place and _agrees(hunk, place, growth) and text.stands_at(place.old_start - 1, old):
        return place.old_start - 1, True
    below = _below_heading(text, hunk) if not place else None
    if below is None:
        raise _found_twice(text, hunk, found)
    return below, False


def _agrees(hunk: Hunk, place: Place, growth: int) -> bool:
    """Whether a header's numbers agree with each other: counted, that is, and not made up."""
    return hunk.is_counted and place.new_start + (place.new_count == 0) == place.old_start + growth


def _below_heading(text: Text, hunk: Hunk) -> int | None:
    """The one place below the one line that a header names, if that is so."""
    headings = [n for n, line in enumerate(text.lines) if line.strip() == hunk.heading]
    if not hunk.heading or len(headings) != 1:
        return None
    rest = Text(text.path, b"".join(line + b"\n" for line in text.lines[headings[0] :]), (hunk,))
    found = rest.find(hunk.old)
    return headings[0] + found[0] if len(found) == 1 else None


def _not_found(text: Text, hunk: Hunk) -> NotTakenError:
    where = f"The hunk at line {hunk.at} does not fit {shown(text.path)}: "
    missing = next((line for line in hunk.old[:200] if not text.find([line])), None)
    if missing is None:
        why = "its lines are all there, but do not stand together like this. "
    else:
        why = f"the line {shown(missing)!r} is not in the file. "
    return NotTakenError(
        where + why + "Copy unchanged and removed lines exactly from the file as it is now.",
        path=text.path,
    )


def _found_twice(text: Text, hunk: Hunk, found: Sequence[int]) -> NotTakenError:
    lines = " and ".join(str(number + 1) for number in found)
    return NotTakenError(
        f"The hunk at line {hunk.at} fits {shown(text.path)} in more than one place (lines {lines}"
        "). Print more unchanged lines around the change, so that there is only one.",
        path=text.path,
    )


def _runs(text: Text, at: int, hunk: Hunk) -> list[Run]:
    runs: list[Run] = []
    removed, added = 0, list[bytes]()
    for sign, line in (*hunk.lines, (b" ", b"")):
        if sign == b"+":
            added.append(line + text.line_end)
        elif sign == b"-":
            removed += 1
        else:
            if removed or added:
                runs.append(_trimmed(text, Run(at, removed, tuple(added))))
                at += removed
                removed, added = 0, []
            at += 1
    return [run for run in runs if run.removed or run.added]


def _trimmed(text: Text, run: Run) -> Run:
    """A run without lines at its edges that stay as they are; its end may matter to newlines."""
    old = text.lines[run.start : run.end]
    new = run.added
    if run.end == len(text.lines):
        return run
    front = 0
    while front < min(len(old), len(new)) and old[front] == new[front]:
        front += 1
    back = 0
    while back < min(len(old), len(new)) - front and old[-1 - back] == new[-1 - back]:
        back += 1
    return replace(
        run,
        start=run.start + front,
        removed=run.removed - front - back,
        added=new[front : len(new) - back],
    )


def _is_cut_after(text: Text, hunk: Hunk, notes: Notes) -> bool:
    """Whether the last line has no newline after a hunk that reaches the end of the file."""
    if hunk.is_cut_told:
        if hunk.is_old_cut != text.is_cut and hunk.old:
            raise NotTakenError(
                f"The hunk at line {hunk.at} is wrong about the newline at the end of "
                f"{shown(text.path)}. Print `\\ No newline at end of file` where there is none.",
                path=text.path,
            )
        return hunk.is_new_cut
    if not text.is_cut:
        return False
    notes.add(f"{shown(text.path)} still ends without a newline.")
    # A line of context before the last keeps its own newline when the last one goes.
    last = next(
        (number for number, (sign, _) in reversed(list(enumerate(hunk.lines))) if sign != b"-"), -1
    )
    if last < 0:
        return False
    sign = hunk.lines[last][0]
    return sign == b"+" or all(below != b"-" for below, _ in hunk.lines[last + 1 :])


def _require_apart(text: Text, runs: Sequence[tuple[Run, Hunk]]) -> None:
    for (one, _), (other, hunk) in pairwise(runs):
        if other.start < one.end or other.start == one.start:
            raise NotTakenError(
                f"The hunk at line {hunk.at} changes lines of {shown(text.path)} that another hunk "
                "changes, too. Print one hunk for them, against the file as it is now.",
                path=text.path,
            )


def _has_returns(lines: Sequence[bytes], *, is_cut: bool) -> bool:
    whole = lines[:-1] if is_cut else lines
    return bool(whole) and all(line.endswith(b"\r") for line in whole)
