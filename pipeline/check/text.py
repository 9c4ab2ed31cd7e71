"""What added lines must not hold: control, invisible and bidirectional characters, and doubts."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.check.characters import CONTROL, INVISIBLE, has_mixed_scripts, has_stray_joiner

LONG_LINE_BYTES = 2_000
UNREADABLE_LINE_BYTES = 64 * 1024

# What a CI runner obeys when a program prints it; `std::error::Error` is none.
_ORDER = re.compile(
    rb"(?i)(?<![\w:])::(?:add-mask|add-matcher|add-path|debug|echo|endgroup|error|group|notice|"
    rb"remove-matcher|save-state|set-env|set-output|stop-commands|warning)(?:[ \t][^:\r\n]*)?::"
    rb"|##(?:vso)?\[[a-z][\w.-]*[\] ]"
)
_NOT_PLAIN = re.compile(rb"[^\t\n\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class AddedLine:
    """A line that a change brings in: its number in the new file, from 1, and its bytes.

    The line feed is not part of it, a carriage return before it is.
    """

    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class TextProblem:
    """What is wrong with a line: the end of a sentence on it."""

    number: int
    what: str
    is_blocking: bool = True


def text_problems(lines: Sequence[AddedLine]) -> tuple[TextProblem, ...]:
    """What is wrong with or doubtful in added lines, UTF-8 or not, in their order.

    A byte-order mark at the very start of a file and a carriage return at the end of a line are
    left to others.
    """
    return tuple(problem for line in lines for problem in _of_line(line))


def is_plain(text: bytes) -> bool:
    """Whether a text holds no byte but printable ASCII, tabs and line feeds."""
    return _NOT_PLAIN.search(text) is None


def _of_line(line: AddedLine) -> Iterator[TextProblem]:
    if len(line.data) > LONG_LINE_BYTES:
        yield TextProblem(
            line.number, f"is {len(line.data)} bytes long, too long to review", is_blocking=False
        )
    if _ORDER.search(line.data):
        yield TextProblem(line.number, "holds a CI runner's workflow command", is_blocking=False)
    data = line.data.removesuffix(b"\r")
    if is_plain(data):
        return
    text = data.decode("utf-8", "replace")
    if line.number == 1:
        text = text.removeprefix("\ufeff")
    for name in _unseen(text):
        yield TextProblem(line.number, f"holds {name}")
    if has_mixed_scripts(text):
        yield TextProblem(
            line.number,
            "holds a word of letters from scripts that look alike (homoglyphs)",
            is_blocking=False,
        )


def _unseen(text: str) -> Iterator[str]:
    control = CONTROL.search(text)
    if control:
        yield f"the control character U+{ord(control[0]):04X}"
    invisible = INVISIBLE.search(text)
    if invisible:
        yield f"the invisible or bidirectional character U+{ord(invisible[0]):04X}"
    if has_stray_joiner(text):
        yield "a zero-width joiner or variation selector with nothing to join"
