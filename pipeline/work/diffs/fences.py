"""Finding the parts of an answer that hold a diff, among prose and other code."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.model.patch import Reason
from pipeline.work.diffs.values import NotTakenError

_FENCE = re.compile(rb"(?P<indent> {0,3})(?P<mark>`{3,}+|~{3,}+)(?P<info>[^`]*+)$")
_DIFF_INFO = (b"diff", b"patch", b"udiff", b"unidiff")
_MARKERS = (b"diff --git ", b"*** Begin Patch", b"<<<<<<< SEARCH", b"GIT binary patch")
_DEEPEST = 3
_MOST_FENCES = 2000


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that may hold a diff. ``at`` is the first one's number in the answer, from 1.

    ``before`` is the line above the fence, ``after`` the first below it that is not blank;
    ``has_more`` says whether another fence stands below.
    """

    lines: tuple[bytes, ...]
    at: int
    is_fenced: bool = False
    before: bytes = b""
    after: bytes = b""
    has_more: bool = False


def find_blocks(lines: Sequence[bytes], at: int = 1, depth: int = 0) -> tuple[Block, ...]:
    """The fenced blocks with a diff in them, or else everything; empty where no diff is.

    Raises NotTakenError for a fence that is not closed, and for diffs inside and outside.
    """
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return ()
    if begins_diff(lines, first) or depth > _DEEPEST:
        return (Block(tuple(lines), at),)
    fenced, outside = _split(lines, at)
    blocks = [block for block in fenced if has_diff(block.lines)]
    if not blocks:
        return (Block(tuple(lines), at),) if has_diff(outside) else ()
    if has_diff(outside):
        raise NotTakenError(
            f"There is a diff inside a fence (line {blocks[0].at}) and another one outside. "
            "Print one diff, in one fence."
        )
    return tuple(inner for block in blocks for inner in _opened(block, depth))


def has_diff(lines: Sequence[bytes]) -> bool:
    """Whether anything in the lines begins a diff, a hunk or a block of search and replace."""
    return any(begins_diff(lines, number) for number in range(len(lines)))


def begins_diff(lines: Sequence[bytes], number: int) -> bool:
    """Whether a line begins a file's diff, a hunk, or one of the other forms."""
    line = lines[number]
    if line.startswith(b"--- "):
        return number + 1 < len(lines) and lines[number + 1].startswith(b"+++ ")
    return line.startswith(_MARKERS) or (line.startswith(b"@@ ") or line == b"@@")


def _opened(block: Block, depth: int) -> tuple[Block, ...]:
    """A block whose fence holds fences of its own, or the block itself."""
    first = next(line for line in block.lines if line.strip())
    if _FENCE.match(first) is None and (
        begins_diff(block.lines, block.lines.index(first)) or not _has_inner(block)
    ):
        return (block,)
    return find_blocks(block.lines, block.at, depth + 1)


def _has_inner(block: Block) -> bool:
    found = (_FENCE.match(line) for line in block.lines)
    return any(fence and fence["info"].strip() in _DIFF_INFO for fence in found)


def _split(lines: Sequence[bytes], at: int) -> tuple[list[Block], list[bytes]]:
    blocks: list[Block] = []
    outside: list[bytes] = []
    number = 0
    last = max((n for n, line in enumerate(lines) if _FENCE.match(line)), default=0)
    while number < len(lines):
        fence = _opening(lines[number])
        if fence is None:
            outside.append(lines[number])
            number += 1
            continue
        end = _closing(lines, number, fence)
        if end is None:
            if has_diff(lines[number + 1 :]):
                raise NotTakenError(
                    f"The fence that line {at + number} opens is not closed, so the answer seems "
                    "to be cut. Print the whole diff again, shorter if need be, and close it."
                )
            outside.extend(lines[number:])
            break
        block = _block(lines, number, end, at, fence["indent"])
        blocks.append(replace(block, has_more=end < last))
        if len(blocks) > _MOST_FENCES:
            raise NotTakenError(
                f"The answer has more than {_MOST_FENCES} fences. Print one diff, in one fence.",
                Reason.SIZE,
            )
        number = end + 1
    return blocks, outside


def _block(lines: Sequence[bytes], begin: int, end: int, at: int, indent: bytes) -> Block:
    inner = tuple(line.removeprefix(indent) for line in lines[begin + 1 : end])
    below = next((line for line in lines[end + 1 : end + 50] if line.strip()), b"")
    above = next((line for line in reversed(lines[max(begin - 3, 0) : begin]) if line.strip()), b"")
    return Block(inner, at + begin + 1, True, above, below)


def _opening(line: bytes) -> re.Match[bytes] | None:
    fence = _FENCE.match(line)
    # An indented fence without a language is more likely a line of context in a diff.
    if fence is None or (fence["indent"] and fence["info"].strip() not in _DIFF_INFO):
        return None
    return fence


def _closing(lines: Sequence[bytes], begin: int, fence: re.Match[bytes]) -> int | None:
    """The line that closes a fence: as deep, as long and of the same kind, inner ones skipped."""
    open_marks = [fence["mark"]]
    for number in range(begin + 1, len(lines)):
        found = _FENCE.match(lines[number])
        if found is None or found["indent"] != fence["indent"]:
            continue
        info, mark = found["info"].strip(), found["mark"]
        if info in _DIFF_INFO and mark[:1] == open_marks[-1][:1]:
            open_marks.append(mark)
        elif not info and mark.startswith(open_marks[-1]):
            open_marks.pop()
            if not open_marks:
                return number
    return None
