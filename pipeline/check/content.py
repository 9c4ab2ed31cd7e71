"""What a change brings into files: lines, judged where the file did not hold them before."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.base.console import safe
from pipeline.check.secrets import find_secrets, may_hold_secrets
from pipeline.check.text import (
    LONG_LINE_BYTES,
    UNREADABLE_LINE_BYTES,
    AddedLine,
    is_plain,
    text_problems,
)
from pipeline.model.patch import Objection, PatchPolicy, Reason

_SHOWN_LINES = 3


@dataclass(frozen=True, slots=True)
class LineCount:
    """How many lines of one file a change adds and removes; a binary file has none."""

    added: int = 0
    removed: int = 0

    def __add__(self, other: "LineCount") -> "LineCount":
        return LineCount(self.added + other.added, self.removed + other.removed)


def is_binary(data: bytes) -> bool:
    """Whether bytes are no text: they hold a NUL or are not UTF-8."""
    if b"\0" in data:
        return True
    if data.isascii():
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def lines_of(data: bytes) -> list[bytes]:
    """The lines of a file without their line feeds; a last one without a feed counts."""
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def added_lines(before: Iterable[bytes], after: Iterable[AddedLine]) -> tuple[AddedLine, ...]:
    """The lines of ``after`` that ``before`` does not have as often, wherever they stand.

    A line that only moved is none; so this is a part of any line-by-line difference.
    """
    left = Counter(before)
    added = []
    for line in after:
        if left[line.data] > 0:
            left[line.data] -= 1
        else:
            added.append(line)
    return tuple(added)


def numbered(lines: Iterable[bytes], first: int = 1) -> Iterator[AddedLine]:
    """Lines with their numbers, ``first`` the number of the first."""
    for number, line in enumerate(lines, first):
        yield AddedLine(number, line)


def line_objections(
    path: bytes, added: Sequence[AddedLine], *, takes_crlf: bool, policy: PatchPolicy
) -> tuple[Objection, ...]:
    """What is wrong with the lines that a change adds to a file of text.

    ``takes_crlf`` says that the file is new or has had carriage returns before its line feeds.
    """
    whole = b"\n".join(line.data for line in added)
    found: list[tuple[Reason, str, int, bool]] = []
    if not policy.allow_unsafe_text:
        found += _line_ends(added, whole, takes_crlf=takes_crlf and policy.allow_crlf)
        found += _unsafe_text(added, whole)
    if not policy.allow_binary:
        found += [
            (Reason.BINARY, f"is longer than {UNREADABLE_LINE_BYTES} bytes", line.number, True)
            for line in added
            if len(line.data) > UNREADABLE_LINE_BYTES
        ]
    if not policy.allow_secrets:
        found += _secrets(path, added, whole)
    return _grouped(path, found)


def _line_ends(
    added: Sequence[AddedLine], whole: bytes, *, takes_crlf: bool
) -> list[tuple[Reason, str, int, bool]]:
    if takes_crlf or b"\r" not in whole:
        return []
    what = "ends with a carriage return, which the file's other lines or the policy do not have"
    return [
        (Reason.CONTENT, what, line.number, True) for line in added if line.data.endswith(b"\r")
    ]


def _unsafe_text(added: Sequence[AddedLine], whole: bytes) -> list[tuple[Reason, str, int, bool]]:
    is_dull = is_plain(whole) and b"::" not in whole and b"##" not in whole
    if is_dull and all(len(line.data) <= LONG_LINE_BYTES for line in added):
        return []
    return [
        (Reason.CONTENT, problem.what, problem.number, problem.is_blocking)
        for problem in text_problems(added)
    ]


def _secrets(
    path: bytes, added: Sequence[AddedLine], whole: bytes
) -> list[tuple[Reason, str, int, bool]]:
    if not may_hold_secrets(whole):
        return []
    return [
        (Reason.SECRET, f"holds what looks like {secret.kind}: {secret.redacted}", number, True)
        for number, data in ((line.number, line.data) for line in added)
        for secret in find_secrets(path, data)
    ]


def _grouped(path: bytes, found: Sequence[tuple[Reason, str, int, bool]]) -> tuple[Objection, ...]:
    """One objection for each thing that is wrong, however many lines it is wrong with."""
    numbers: dict[tuple[Reason, str, bool], list[int]] = {}
    for reason, what, number, is_blocking in found:
        numbers.setdefault((reason, what, is_blocking), []).append(number)
    return tuple(
        Objection(reason, f"In {safe(path)}, {_lines(where)} {what}.", path, is_blocking)
        for (reason, what, is_blocking), where in numbers.items()
    )


def _lines(numbers: Sequence[int]) -> str:
    first = ", ".join(map(str, numbers[:_SHOWN_LINES]))
    more = len(numbers) - _SHOWN_LINES
    if len(numbers) == 1:
        return f"line {first}"
    return f"each of the lines {first}" + (f" and {more} more" if more > 0 else "")
