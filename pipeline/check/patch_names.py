"""Names as git writes them into a patch: plain, or quoted as in C where they need it."""

import re

# quote.c, quote_c_style(), of git: only what cannot stand plainly is escaped. Bytes above ASCII
# are escaped or not, depending on core.quotePath.
_NEEDS_QUOTES = re.compile(rb'[\x00-\x1f"\\\x7f]')
_QUOTED = re.compile(rb'"((?:[^"\\\x00-\x1f\x7f]|\\[abfnrtv"\\]|\\[0-3][0-7]{2})*)"')
_ESCAPE = re.compile(rb'\\([abfnrtv"\\]|[0-7]{3})')
_LETTERS = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
    b'"': b'"',
    b"\\": b"\\",
}


def unquoted(written: bytes) -> bytes | None:
    """The name that a whole piece of a header stands for; None if git would not write it so.

    A needless escape is refused: it only hides a name from a reader.
    """
    if not written.startswith(b'"'):
        return None if _NEEDS_QUOTES.search(written) else written
    match = _QUOTED.fullmatch(written)
    if match is None:
        return None
    name = _ESCAPE.sub(_unescaped, match[1])
    has_high = any(byte >= 0x80 for byte in name)
    if not (_NEEDS_QUOTES.search(name) or has_high) or _has_needless_escape(match[1]):
        return None
    return name


def two_names(written: bytes) -> tuple[bytes, bytes] | None:
    """The two names behind ``diff --git``, prefixes included; None if they cannot be told apart.

    Plain names are read as two halves of equal length, which is the only reading in which both
    are the same file.
    """
    if written.startswith(b'"'):
        match = re.fullmatch(rb"(%b) (%b)" % (_uncaught(_QUOTED), _uncaught(_QUOTED)), written)
        pieces = (match[1], match[2]) if match else None
    else:
        middle = len(written) // 2
        is_halved = len(written) % 2 == 1 and written[middle : middle + 1] == b" "
        pieces = (written[:middle], written[middle + 1 :]) if is_halved else None
    if pieces is None:
        return None
    first, second = unquoted(pieces[0]), unquoted(pieces[1])
    return None if first is None or second is None else (first, second)


def side_name(written: bytes) -> bytes | None:
    """The name behind ``---`` or ``+++``; git ends one that holds a space with a tab."""
    if written.endswith(b"\t"):
        name = unquoted(written[:-1])
        return name if name is not None and b" " in name else None
    return unquoted(written)


def _uncaught(form: re.Pattern[bytes]) -> bytes:
    return form.pattern.replace(b'"(', b'"(?:', 1)


def _unescaped(match: re.Match[bytes]) -> bytes:
    escape = match[1]
    return _LETTERS[escape] if escape in _LETTERS else bytes([int(escape, 8)])


def _has_needless_escape(inner: bytes) -> bool:
    octals = (int(match[1], 8) for match in _ESCAPE.finditer(inner) if match[1][:1].isdigit())
    return any(0x20 <= value < 0x7F or 0x07 <= value <= 0x0D for value in octals)
