"""What is written to people: safe text, columns that line up, colour only where it is wanted."""

import contextlib
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}
_EFFECTS = {"bold": 1, "dim": 2}
# What a CI runner would take for an order to itself: `::name …` as the first word, `##[name]`.
_ORDER = re.compile(r"(?<!\S)::(?=[A-Za-z])|##(?=\[)")
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def safe(text: str | bytes, limit: int | None = None) -> str:
    """Foreign text as one harmless line.

    Control, invisible and bidirectional characters become visible escapes, bytes that are not
    UTF-8 become ``\\xNN``, and what a CI runner would obey (``::error …``, ``##[group]``) is taken
    apart. ``limit`` is the longest result in characters; what is cut ends with ``…``.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    if limit is not None and len(text) > 2 * limit:
        text = text[: 2 * limit]
    if not (text.isascii() and text.isprintable()):
        text = "".join(map(_visible, text))
    if "::" in text or "##" in text:
        text = _ORDER.sub(lambda found: " ".join(found[0]), text)
    return text if limit is None else shorten(text, limit)


def shorten(text: str, limit: int) -> str:
    """The text with at most ``limit`` characters, the cut marked by ``…``."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def _visible(char: str) -> str:
    if unicodedata.category(char) not in _UNSAFE:
        return char
    if char in _NAMED:
        return _NAMED[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}"


def is_terminal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether a person watches this stream on a terminal that can move its cursor."""
    if environ.get("CI") or environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except ValueError:
        return False  # a closed stream


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to colour: a terminal, and ``NO_COLOR`` is not set (see no-color.org)."""
    return not environ.get("NO_COLOR") and is_terminal(stream, environ)


def emit(text: str, stream: TextIO | None = None) -> None:
    """Write a line (standard output unless told) in whatever encoding the stream has."""
    stream = sys.stdout if stream is None else stream
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    stream.write(text + "\n")
    stream.flush()


def tell(text: str) -> None:
    """Write a line to standard error; that nobody reads it changes nothing."""
    with contextlib.suppress(OSError, ValueError):
        emit(text, sys.stderr)


def open_streams() -> None:
    """Give the process the standard streams that it was started without (``>&-``).

    Without this the next files that are opened would get their numbers.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - a descriptor, open as long as the process


def let_go_of_streams() -> None:
    """Write out what waits; what a gone reader did not take is dropped, at the end too."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)


@dataclass(frozen=True, slots=True)
class Paint:
    """Puts colour on text, or leaves it as it is."""

    is_on: bool = False

    def __call__(self, text: str, *styles: str) -> str:
        """The text in these styles: ``red``, ``green``, …, ``bold``, ``dim``; ``""`` is none."""
        codes = [str(_COLOURS.get(style) or _EFFECTS[style]) for style in styles if style]
        if not self.is_on or not codes or not text:
            return text
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m"


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a table: text that is already ``safe``, and its style."""

    text: str
    style: str = ""
    is_number: bool = False


def columns(
    header: Sequence[str], rows: Iterable[Sequence[Cell | str | int]], paint: Paint | None = None
) -> list[str]:
    """Rows as lines with aligned columns; numbers stand right, the last column is not padded."""
    paint = paint or Paint()
    titles = [Cell(title, "bold") for title in header]
    table = [titles, *([_cell(field) for field in row] for row in rows)]
    numeric = [
        len(table) > 1 and all(row[i].is_number or not row[i].text for row in table[1:])
        for i in range(len(header))
    ]
    widths = [max(width(row[i].text) for row in table) for i in range(len(header))]
    return [_line(row, widths, numeric, paint) for row in table]


def _cell(value: Cell | str | int) -> Cell:
    if isinstance(value, Cell):
        return value
    return Cell(str(value), is_number=isinstance(value, int))


def _line(row: Sequence[Cell], widths: Sequence[int], numeric: Sequence[bool], paint: Paint) -> str:
    parts = []
    for i, cell in enumerate(row):
        gap = " " * (widths[i] - width(cell.text))
        text = paint(cell.text, cell.style)
        parts.append(gap + text if numeric[i] else text + gap)
    return "  ".join(parts).rstrip()


def width(text: str) -> int:
    """How many columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def duration(seconds: float) -> str:
    """A duration as people write it: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 workstream``, ``2 workstreams``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
