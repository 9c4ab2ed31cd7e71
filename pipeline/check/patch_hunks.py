"""Hunks of a patch: exact counts, ascending, in the very place that their headers name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.check.patch_lines import PatchLines

_NUMBER = rb"(0|[1-9][0-9]{0,9})"
_HEADER = re.compile(
    rb"@@ -%b(?:,%b)? \+%b(?:,%b)? @@( .*)?" % (_NUMBER, _NUMBER, _NUMBER, _NUMBER), re.DOTALL
)
_NO_FEED = b"\\ No newline at end of file"
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]|\xc2[\x80-\x9f]")
_REMOVED, _ADDED, _KEPT = b"-", b"+", b" "


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk.

    ``old_at`` and ``new_at`` are the numbers of lines before it in the two files. ``lines`` have
    their sign (``-``, ``+``, space) and, where the file has one, their line feed.
    """

    old_at: int
    new_at: int
    lines: tuple[bytes, ...]

    @property
    def old(self) -> list[bytes]:
        """The lines that it wants to find, without signs."""
        return [line[1:] for line in self.lines if line[:1] != _ADDED]

    @property
    def new(self) -> list[bytes]:
        """The lines that it leaves, without signs."""
        return [line[1:] for line in self.lines if line[:1] != _REMOVED]

    def count(self, sign: bytes) -> int:
        """How many of its lines have this sign."""
        return sum(line[:1] == sign for line in self.lines)


def read_hunks(lines: PatchLines, *, allows_nul: bool, allows_any_heading: bool) -> list[Hunk]:
    """The hunks of one section, from the next line on; raises MalformedPatchError."""
    hunks: list[Hunk] = []
    old_end = shift = 0
    while (start := lines.peek()) is not None and start.startswith(b"@@"):
        old_at, old_count, new_at, new_count = _header(lines, allows_any_heading)
        if old_at < old_end:
            raise lines.wrong("the hunk overlaps the one before it, or stands above it", back=1)
        if new_at != old_at + shift:
            raise lines.wrong("the hunk's new position does not follow from its old one", back=1)
        if hunks and not hunks[-1].lines[-1].endswith(b"\n"):
            raise lines.wrong("a hunk stands behind the end of the file", back=1)
        hunk = Hunk(old_at, new_at, _body(lines, old_count, new_count, allows_nul=allows_nul))
        hunks.append(hunk)
        old_end = old_at + old_count
        shift += new_count - old_count
    return hunks


def apply_hunks(before: bytes, hunks: Sequence[Hunk]) -> bytes | None:
    """The file that hunks make of ``before``, each in its own place; None if one does not fit."""
    old = _split(before)
    pieces: list[bytes] = []
    at = 0
    for hunk in hunks:
        wanted = hunk.old
        pieces += old[at : hunk.old_at]
        at = hunk.old_at + len(wanted)
        if hunk.old_at > len(old) or old[hunk.old_at : at] != wanted:
            return None
        pieces += hunk.new
    pieces += old[at:]
    if any(not piece.endswith(b"\n") for piece in pieces[:-1]):
        return None
    return b"".join(pieces)


def _split(data: bytes) -> list[bytes]:
    """Lines with their line feeds; nothing else ends a line."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _header(lines: PatchLines, allows_any_heading: bool) -> tuple[int, int, int, int]:
    match = _HEADER.fullmatch(lines.take())
    if match is None:
        raise lines.wrong("this is no hunk header", back=1)
    if match[5] and not allows_any_heading and _CONTROL.search(match[5]):
        raise lines.wrong("the hunk's heading holds a control character", back=1)
    old_count, new_count = (int(match[group] or b"1") for group in (2, 4))
    old_at = _lines_before(lines, int(match[1]), old_count)
    new_at = _lines_before(lines, int(match[3]), new_count)
    return old_at, old_count, new_at, new_count


def _lines_before(lines: PatchLines, start: int, count: int) -> int:
    """A side without lines names the line before it, any other its first line."""
    if count == 0:
        return start
    if start == 0:
        raise lines.wrong("a hunk cannot start at line 0", back=1)
    return start - 1


def _body(
    lines: PatchLines, old_count: int, new_count: int, *, allows_nul: bool
) -> tuple[bytes, ...]:
    body: list[bytes] = []
    left = {_REMOVED: old_count, _ADDED: new_count}
    is_ended = {_REMOVED: False, _ADDED: False}
    while left[_REMOVED] or left[_ADDED]:
        line = lines.take() or _KEPT  # diff.suppressBlankEmpty leaves out the sign
        sides = _sides(line[:1])
        if not sides:
            raise lines.wrong("the hunk is shorter than its header says", back=1)
        if not allows_nul and b"\0" in line:
            raise lines.wrong("a line holds a NUL", back=1)
        for side in sides:
            left[side] -= 1
            if left[side] < 0:
                raise lines.wrong("the hunk has more lines than its header says", back=1)
            if is_ended[side]:
                raise lines.wrong("a line stands behind the end of the file", back=1)
        has_feed = lines.peek() != _NO_FEED
        if not has_feed:
            lines.take()
            is_ended.update(dict.fromkeys(sides, True))
        body.append(line + b"\n" if has_feed else line)
    if all(line[:1] == _KEPT for line in body):
        raise lines.wrong("the hunk changes nothing", back=1)
    return tuple(body)


def _sides(sign: bytes) -> tuple[bytes, ...]:
    if sign == _KEPT:
        return (_REMOVED, _ADDED)
    return (sign,) if sign in (_REMOVED, _ADDED) else ()
