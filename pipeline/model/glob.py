"""Patterns for paths, read once into segments that can be matched and compared with each other.

The letters are those of .gitignore: ``*`` and ``?`` stay within one name, ``[a-z]`` and ``[!a-z]``
stand for one character, ``**`` as a whole name for any number of folders, a backslash takes the
next character as it is, a slash at the end means everything below. A pattern matches whole paths;
it starts at the repository's root. ``pathspec`` is not used because its expressions match a path
that has a line break behind it, and take exponential time on some patterns.
"""

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_CHARACTER = 0x10FFFF
Ranges = tuple[tuple[int, int], ...]
"""A set of characters as sorted, disjoint, inclusive ranges; never holds the slash."""

_NO_NAMES = frozenset({"", ".", ".."})
_SPECIAL = re.compile(r"[*?\[\\]")
_PLAIN = re.compile(
    r"(?!!)(?:(?!\.{1,2}/|\.git/)[^/*?\[\\]+/)*(?!\.{1,2}\Z|\.git\Z)[^/*?\[\\]+", re.IGNORECASE
)
_CLASSES: dict[str, str] = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": " \t",
    "digit": "0-9",
    "lower": "a-z",
    "punct": "!-/:-@\\[-`{-~",
    "space": " \t\n\r\f\v",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


class PatternError(ValueError):
    """A pattern cannot be read; the message is the rest of a sentence."""


@dataclass(frozen=True, slots=True)
class Name:
    """One name in a path: ``tokens`` are sets of characters, ``None`` for ``*``.

    ``literal`` is the name itself where it has no wildcards, else ``None``.
    """

    literal: str | None
    tokens: tuple[Ranges | None, ...] = ()

    def matches(self, name: str) -> bool:
        """Whether a name, without slashes, fits."""
        if self.literal is not None:
            return name == self.literal
        return _expression(self.tokens).fullmatch(name) is not None


DEEP = None
"""The segment ``**``: any number of names."""
Segment = Name | None
ANY_NAME = Name(None, (None,))


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern: ``segments`` match a whole path, name by name."""

    text: str
    segments: tuple[Segment, ...]

    @property
    def literal(self) -> str | None:
        """The one path that is matched, or ``None`` where there may be several."""
        names: list[str] = []
        for segment in self.segments:
            if segment is DEEP or segment.literal is None:
                return None
            names.append(segment.literal)
        return "/".join(names)

    @property
    def name_anywhere(self) -> Name | None:
        """The one name that is matched in any folder (``**/name``), or ``None``."""
        if len(self.segments) == 2 and self.segments[0] is DEEP:
            return self.segments[1]
        return None

    def matches(self, names: Sequence[str]) -> bool:
        """Whether a path, given as its names, is matched; linear in both lengths together."""
        return _finish(self.segments) in _alive(self.segments, names)

    def matches_start(self, names: Sequence[str]) -> bool:
        """Whether the path or one of the folders that it lies in is matched."""
        return any(self.matches(names[:end]) for end in range(1, len(names) + 1))


def parse(text: str) -> Glob:
    """Reads a pattern that starts at the root; raises ``PatternError``."""
    if text.startswith("!"):
        raise PatternError("starts with `!`: exceptions are not supported")
    if text.startswith("/"):
        raise PatternError("starts with a slash: paths start at the repository's root anyway")
    is_below = text.endswith("/")
    parts = (text[:-1] if is_below else text).split("/")
    if not _NO_NAMES.isdisjoint(parts):
        raise PatternError("has an empty name, `.` or `..` in it")
    segments: list[Segment] = [DEEP if part == "**" else _name(part) for part in parts]
    return Glob(text, _normal(segments, is_below=is_below))


def plain_path(text: str) -> str | None:
    """The path that a pattern without anything special stands for; ``None``: parse it and see."""
    return text if _PLAIN.fullmatch(text) else None


def parse_anywhere(text: str) -> Glob:
    """Reads a line of .gitignore: without a slash inside it holds in any folder.

    A slash at the end has no effect: what is matched holds for everything below, and for a file
    or link of that name. Raises ``PatternError``.
    """
    if text.startswith("!"):
        raise PatternError("starts with `!`: exceptions are not supported")
    bare = text.rstrip("/")
    if bare.startswith("/"):
        return parse(bare[1:])
    return parse(bare if "/" in bare else f"**/{bare}")


def escape(path: str) -> str:
    """The pattern that matches just this path."""
    escaped = re.sub(r"([*?\[\\])", r"\\\1", path)
    return f"\\{escaped}" if escaped.startswith("!") else escaped


def _normal(segments: list[Segment], *, is_below: bool) -> tuple[Segment, ...]:
    """One form for what means the same: nothing ends in ``**``, and ``**/**`` is ``**``."""
    kept: list[Segment] = []
    for segment in segments:
        if segment is DEEP and kept and kept[-1] is DEEP:
            continue
        kept.append(segment)
    if kept[-1] is not DEEP:
        return (*kept, DEEP, ANY_NAME) if is_below else tuple(kept)
    return (*kept, ANY_NAME, ANY_NAME) if is_below else (*kept, ANY_NAME)


def _finish(segments: tuple[Segment, ...]) -> int:
    return len(segments)


def _alive(segments: tuple[Segment, ...], names: Sequence[str]) -> set[int]:
    """The positions in ``segments`` that can be reached after all ``names``."""
    alive = _opened(segments, {0})
    for name in names:
        reached = set()
        for at in alive:
            if at == len(segments):
                continue
            segment = segments[at]
            if segment is DEEP:
                reached.add(at)
            elif segment.matches(name):
                reached.add(at + 1)
        alive = _opened(segments, reached)
        if not alive:
            break
    return alive


def _opened(segments: tuple[Segment, ...], positions: set[int]) -> set[int]:
    """Adds what ``**`` lets be skipped; two of them never stand side by side."""
    return positions | {at + 1 for at in positions if at < len(segments) and segments[at] is DEEP}


@functools.lru_cache(maxsize=65536)
def _name(part: str) -> Name:
    """One name, maybe with wildcards; raises ``PatternError``."""
    if not _SPECIAL.search(part):
        return Name(part)
    tokens: list[Ranges | None] = []
    at = 0
    while at < len(part):
        char = part[at]
        if char == "*":
            if not tokens or tokens[-1] is not None:
                tokens.append(None)
            at += 1
        elif char == "?":
            tokens.append(_complement(()))
            at += 1
        elif char == "[":
            token, at = _bracket(part, at + 1)
            tokens.append(token)
        else:
            if char == "\\":
                at += 1
                if at == len(part):
                    raise PatternError("ends in a backslash that escapes nothing")
            tokens.append(((ord(part[at]), ord(part[at])),))
            at += 1
    if all(t is not None and len(t) == 1 and t[0][0] == t[0][1] for t in tokens):
        return Name("".join(chr(t[0][0]) for t in tokens if t))
    return Name(None, tuple(tokens))


def _bracket(part: str, at: int) -> tuple[Ranges, int]:
    """The set after a ``[`` at ``at - 1``, and where it ends."""
    is_negated = part[at : at + 1] in {"!", "^"}
    at += is_negated
    ranges: list[tuple[int, int]] = []
    is_first = True
    while at < len(part) and (part[at] != "]" or is_first):
        is_first = False
        if part.startswith("[:", at) and (end := part.find(":]", at)) > 0:
            ranges.extend(_posix(part[at + 2 : end]))
            at = end + 2
            continue
        low, at = _character(part, at)
        high = low
        if part[at : at + 1] == "-" and part[at + 1 : at + 2] not in {"", "]"}:
            high, at = _character(part, at + 1)
        if low <= high:
            ranges.append((low, high))
    if at >= len(part):
        raise PatternError("has a `[` without its `]` (write `\\[` for the character)")
    merged = _complement(ranges) if is_negated else _complement(_complement(ranges))
    if not merged:
        raise PatternError("has a `[…]` that no character fits")
    return merged, at + 1


def _character(part: str, at: int) -> tuple[int, int]:
    if part[at] == "\\" and at + 1 < len(part):
        at += 1
    return ord(part[at]), at + 1


def _posix(name: str) -> Ranges:
    if name not in _CLASSES:
        raise PatternError(f"names the unknown class [:{name}:]")
    return _bracket(f"{_CLASSES[name]}]", 0)[0]


def _complement(ranges: Sequence[tuple[int, int]]) -> Ranges:
    """All characters of names that are not in ``ranges``."""
    found: list[tuple[int, int]] = []
    start = 1
    for low, high in sorted([*ranges, (ord("/"), ord("/"))]):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    if start <= MAX_CHARACTER:
        found.append((start, MAX_CHARACTER))
    return tuple(found)


@functools.lru_cache(maxsize=4096)
def _expression(tokens: tuple[Ranges | None, ...]) -> re.Pattern[str]:
    """Atomic groups keep it linear: the first place where a chunk fits is as good as any."""
    chunks = [""]
    for token in tokens:
        if token is None:
            chunks.append("")
        else:
            chunks[-1] += _set_expression(token)
    if len(chunks) == 1:
        return re.compile(chunks[0])
    first, *middle, last = chunks
    inner = "".join(f"(?>.*?{chunk})" for chunk in middle)
    return re.compile(f"{first}{inner}.*{last}", re.DOTALL)


def one_expression(names: Iterable[Name]) -> re.Pattern[str]:
    """An expression that fully matches each name, without slashes, that one of these fits."""
    parts = (
        re.escape(name.literal) if name.literal is not None else _expression(name.tokens).pattern
        for name in names
    )
    joined = "|".join(f"(?:{part})" for part in parts)
    return re.compile(joined or "(?!)", re.DOTALL)


def _set_expression(ranges: Ranges) -> str:
    inner = "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)
    return f"[{inner}]"
