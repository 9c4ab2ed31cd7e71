"""Binary changes as git writes them: base 85, deflated, whole or as a delta."""

import base64
import re
import zlib
from dataclasses import dataclass

from pipeline.check.patch_lines import PatchLines
from pipeline.model.patch import Reason

_START = re.compile(rb"(literal|delta) (0|[1-9][0-9]{0,15})")
_LENGTHS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Fragment:
    """A file's new bytes, or with ``is_delta`` the instructions that make them of the old ones."""

    data: bytes
    is_delta: bool


@dataclass(frozen=True, slots=True)
class BinaryChange:
    """How a binary file changes, and back again where the patch says so."""

    forward: Fragment
    backward: Fragment | None


def read_binary(lines: PatchLines, *, max_bytes: int) -> BinaryChange:
    """What follows ``GIT binary patch``; raises MalformedPatchError.

    No fragment is inflated to more than ``max_bytes``, nor makes a file of more.
    """
    forward = _fragment(lines, max_bytes)
    following = lines.peek()
    has_more = following is not None and _START.fullmatch(following) is not None
    return BinaryChange(forward, _fragment(lines, max_bytes) if has_more else None)


def apply_fragment(before: bytes, fragment: Fragment) -> bytes | None:
    """The bytes that a fragment makes of ``before``; None if it does not fit."""
    return _apply_delta(before, fragment.data) if fragment.is_delta else fragment.data


def _fragment(lines: PatchLines, max_bytes: int) -> Fragment:
    start = _START.fullmatch(lines.take())
    if start is None:
        raise lines.wrong("a binary change starts with 'literal' or 'delta' and a size", back=1)
    size = int(start[2])
    if size > max_bytes:
        what = f"{size} bytes are more than the {max_bytes} allowed"
        raise lines.wrong(what, back=1, reason=Reason.SIZE)
    packed = []
    while line := lines.take():
        piece = _decoded(line)
        if piece is None:
            raise lines.wrong("this is no line of a binary change", back=1)
        packed.append(piece)
    data = _inflated(b"".join(packed), size)
    if data is None:
        raise lines.wrong("the binary data is damaged or not of the size that it says", back=1)
    fragment = Fragment(data, start[1] == b"delta")
    if fragment.is_delta and not 0 <= _result_size(data) <= max_bytes:
        what = f"the delta does not make a file of at most {max_bytes} bytes"
        raise lines.wrong(what, back=1, reason=Reason.SIZE)
    return fragment


def _decoded(line: bytes) -> bytes | None:
    length = _LENGTHS.find(line[:1]) + 1
    if length == 0 or len(line) - 1 != (length + 3) // 4 * 5:
        return None
    try:
        return base64.b85decode(line[1:])[:length]
    except ValueError:
        return None


def _inflated(packed: bytes, size: int) -> bytes | None:
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(packed, size + 1)
    except zlib.error:
        return None
    is_whole = inflater.eof and not inflater.unused_data
    return data if is_whole and len(data) == size else None


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number in 7-bit pieces, the lowest first, and where it ends; IndexError if cut short."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def _result_size(delta: bytes) -> int:
    """How long the file is that a delta makes; -1 where the delta is cut short."""
    try:
        return _number(delta, _number(delta, 0)[1])[0]
    except IndexError:
        return -1


def _apply_delta(before: bytes, delta: bytes) -> bytes | None:
    """patch-delta.c, patch_delta(), of git."""
    try:
        old_size, at = _number(delta, 0)
        new_size, at = _number(delta, at)
        if old_size != len(before):
            return None
        pieces, made = [], 0
        while at < len(delta):
            piece, at = _instruction(before, delta, at)
            made += len(piece)
            if not piece or made > new_size:
                return None
            pieces.append(piece)
    except IndexError:
        return None
    return b"".join(pieces) if made == new_size else None


def _instruction(before: bytes, delta: bytes, at: int) -> tuple[bytes, int]:
    """The bytes that the instruction at ``at`` gives, none if it is wrong, and where it ends."""
    order, at = delta[at], at + 1
    if not order & 0x80:
        return (delta[at : at + order] if at + order <= len(delta) else b""), at + order
    numbers = []
    for bits in (range(4), range(4, 7)):
        value = 0
        for place, bit in enumerate(bits):
            if order >> bit & 1:
                value |= delta[at] << (8 * place)
                at += 1
        numbers.append(value)
    start, length = numbers[0], numbers[1] or 0x10000
    return (before[start : start + length] if start + length <= len(before) else b""), at
