"""Reading one hunk: where it ends, whatever its header says, and what its lines are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.work.diffs.values import Hunk, Notes, NotTakenError, Place, shown

_NUMBERS = re.compile(
    rb"@@+ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))?(?: @@(?P<heading>.*))?$"
)
_LOOSE = re.compile(rb"@@(?: ?(?:\.\.\.|[-+,\d ]*) ?@@)?(?P<heading>.*)$")
_SIGNS = (b" ", b"+", b"-")
_SIGNED = re.compile(rb"@@|[-+]")
_LIKE_BODY = re.compile(rb"@@|[-+](?! )")  # a list's item has a space after its mark
_VERSION = re.compile(rb"\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Reading:
    """Where hunks are read from: a block's lines, and what surrounds them."""

    lines: Sequence[bytes]
    at: int
    is_fenced: bool
    after: bytes = b""
    has_more: bool = False

    def is_boundary(self, number: int) -> bool:
        """Whether a line begins something that is no part of a hunk's body."""
        if number >= len(self.lines):
            return True
        line = self.lines[number]
        if line.startswith((b"@@", b"diff --", b"Index: ", b"GIT binary patch")):
            return True
        below = self.lines[number + 1] if number + 1 < len(self.lines) else b""
        if line == b"-- ":
            return not below or _VERSION.match(below) is not None
        return line.startswith(b"--- ") and below.startswith(b"+++ ")


def read_hunk(reading: Reading, number: int, notes: Notes) -> tuple[Hunk, int]:
    """The hunk whose header is at a line, and the number of the line after it.

    A body that does not have the lines that its header counts is counted anew, if it is clear
    where it ends; NotTakenError if not.
    """
    header = reading.lines[number]
    at = reading.at + number
    place, heading = _header(header, at)
    end = _counted_end(reading, number + 1, place) if place else None
    if end is not None and _is_settled(reading, end):
        hunk = _hunk(reading, number + 1, end, notes)
        hunk = replace(hunk, at=at, place=place, heading=heading)
    else:
        end = _open_end(reading, number + 1, place, at)
        hunk = _hunk(reading, number + 1, end, notes)
        hunk = replace(hunk, at=at, place=place, heading=heading, is_counted=False)
        if place:
            notes.add(f"The counts in the header of line {at} were corrected.")
    if not hunk.lines or all(sign == b" " for sign, _ in hunk.lines):
        raise NotTakenError(
            f"The hunk at line {at} has no line that begins with - or +. "
            "Print what is removed with - and what is added with +."
        )
    return hunk, end


def _header(line: bytes, at: int) -> tuple[Place | None, bytes]:
    if line.startswith(b"@@@"):
        raise NotTakenError(
            f"Line {at} belongs to a combined diff of a merge. "
            "Print a unified diff against the file as it is."
        )
    numbered = _NUMBERS.match(line)
    if numbered:
        start, count, new_start, new_count = (
            1 if text is None else int(text) for text in numbered.groups()[:4]
        )
        place = Place(start, count, new_start, new_count)
        return place, (numbered["heading"] or b"").strip()
    loose = _LOOSE.match(line)
    return None, loose["heading"].strip().removesuffix(b"@@").strip() if loose else b""


def _counted_end(reading: Reading, number: int, place: Place) -> int | None:
    """The line after as many as the header counts; ``None`` where they are not there."""
    old, new = place.old_count, place.new_count
    lines = reading.lines
    while old > 0 or new > 0:
        if number >= len(lines):
            return None
        sign = _sign(lines[number])
        if sign not in _SIGNS and sign != b"\\":
            return None
        old -= sign in (b" ", b"-")
        new -= sign in (b" ", b"+")
        number += 1
    if old < 0 or new < 0:
        return None
    while number < len(lines) and lines[number].startswith(b"\\"):
        number += 1
    return number


def _is_settled(reading: Reading, number: int) -> bool:
    """Whether nothing that follows may belong to the hunk that was just read."""
    if reading.is_boundary(number):
        return True
    rest = number
    while rest < len(reading.lines) and not reading.lines[rest].strip():
        rest += 1
    if reading.is_boundary(rest):
        return True
    return not reading.is_fenced and reading.lines[rest][:1] not in _SIGNS


def _open_end(reading: Reading, begin: int, place: Place | None, at: int) -> int:
    """The line after the body of a hunk whose header does not say where that is."""
    number, last = begin, begin
    lines = reading.lines
    while not reading.is_boundary(number) and _sign(lines[number]) in (*_SIGNS, b"\\"):
        number += 1
        if lines[number - 1].strip():
            last = number
    if number < len(lines) and not reading.is_boundary(number):
        _require_prose(reading, last, number, place, at)
    elif number == len(lines):
        _require_whole(reading, begin, last, place, at)
    return last


def _require_prose(reading: Reading, last: int, number: int, place: Place | None, at: int) -> None:
    """Outside a fence, text after a blank line may be prose, if no line in it looks like a diff."""
    rest = number
    while not reading.is_fenced and place is None and last < number:
        if reading.is_boundary(rest):
            return
        if reading.lines[rest][:1] in (b"+", b"-"):
            break
        rest += 1
    raise NotTakenError(
        f"Line {reading.at + number} ({shown(reading.lines[number])!r}) is in the hunk that "
        f"begins at line {at} and begins with none of ' ', '-', '+'. "
        "Begin each line of a hunk with one of them, and put the diff in a ```diff fence."
    )


def _require_whole(reading: Reading, begin: int, last: int, place: Place | None, at: int) -> None:
    """A hunk at the very end may have been cut off."""
    signs = [_sign(line) for line in reading.lines[begin:last]]
    old, new = (len(signs) - signs.count(other) - signs.count(b"\\") for other in (b"+", b"-"))
    is_short = place is None or old < place.old_count or new < place.new_count
    if is_short and not reading.is_fenced:
        raise NotTakenError(
            f"The hunk at line {at} is the last thing in the answer and seems to be cut off. "
            "Print the whole diff again in a ```diff fence, and close the fence."
        )
    # With one more fence below, this one may have been a line of the hunk after all.
    like_body = _SIGNED if reading.has_more else _LIKE_BODY
    if is_short and like_body.match(reading.after):
        raise NotTakenError(
            f"The fence closes inside the hunk at line {at}. Begin every line of a hunk with "
            "' ', '-' or '+', lines of backquotes above all, or fence with ~~~~."
        )


def _hunk(reading: Reading, begin: int, end: int, notes: Notes) -> Hunk:
    lines: list[tuple[bytes, bytes]] = []
    cut: dict[bytes, int] = {}
    for number in range(begin, end):
        line = reading.lines[number]
        if line.startswith(b"\\"):
            _mark_cut(lines, cut, reading.at + number)
        elif line and line != b"\r":
            lines.append((line[:1], line[1:]))
        else:
            lines.append((b" ", line))
            notes.add("Blank lines of context got back their leading space.")
    sides = [
        max((place for place, (sign, _) in enumerate(lines) if sign != other), default=-1)
        for other in (b"+", b"-")
    ]
    for sign, place in cut.items():
        if place != sides[sign == b"+"]:
            raise NotTakenError(
                f"The hunk that ends at line {reading.at + end - 1} says of a line in its middle "
                "that no newline ends it. Print that only after the file's last line."
            )
    return Hunk(tuple(lines), 0, is_old_cut=b"-" in cut, is_new_cut=b"+" in cut)


def _sign(line: bytes) -> bytes:
    """The sign of a body's line; that of blank context is often lost."""
    return b" " if line in (b"", b"\r") else line[:1]


def _mark_cut(lines: list[tuple[bytes, bytes]], cut: dict[bytes, int], at: int) -> None:
    if not lines:
        raise NotTakenError(
            f"Line {at} says that no newline ends a file, but there is no line before it. "
            "Print it only after the file's last line."
        )
    sign = lines[-1][0]
    for side in (b"-", b"+") if sign == b" " else (sign,):
        cut[side] = len(lines) - 1
