"""How large the files of a binary patch would become, read from the patch before it is applied.

A few hundred kilobytes of compressed patch can stand for hundreds of megabytes. Git's binary hunks
(``apply.c``, parse_binary_hunk) say ``literal <size>`` or ``delta <size of the delta>``; a delta
begins with two sizes of its own, those of its source and of its result (gitformat-pack).
"""

import base64
import re
import zlib
from collections.abc import Iterator

from pipeline.base.git.errors import PatchRejectedError

_HUNK = re.compile(rb"^(literal|delta) (.*)\n((?:[A-Za-z].*\n){0,8})", re.MULTILINE)
_HEADER_BYTES = 20  # two sizes of seven bits a byte


def grown_size(patch: bytes) -> int:
    """The bytes that all binary hunks would make; raises PatchRejectedError for a strange hunk."""
    return sum(_sizes(patch))


def _sizes(patch: bytes) -> Iterator[int]:
    for kind, size, lines in _HUNK.findall(patch):
        if not re.fullmatch(rb"\d{1,18}", size):
            raise PatchRejectedError("a binary hunk has no plain size")
        yield int(size)
        if kind == b"delta":
            yield _result_size(lines)


def _result_size(lines: bytes) -> int:
    """The size of a delta's result, from the first lines of its encoded form."""
    try:
        packed = b"".join(_decoded(line) for line in lines.splitlines())
        header = zlib.decompressobj().decompress(packed, _HEADER_BYTES)
        _, at = _number(header, 0)
        return _number(header, at)[0]
    except (ValueError, IndexError, zlib.error):
        raise PatchRejectedError("a binary hunk cannot be decoded") from None


def _decoded(line: bytes) -> bytes:
    """One line: a letter for the number of bytes (A-Z 1 to 26, a-z 27 to 52), then base 85."""
    first = line[0]
    count = first - 64 if first < 97 else first - 96 + 26
    return base64.b85decode(line[1:])[:count]


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A little-endian number of seven bits a byte, and where it ends."""
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
