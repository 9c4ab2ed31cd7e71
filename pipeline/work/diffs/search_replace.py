"""Reading blocks of search and replace, as aider has models print them."""

import re

from pipeline.work.diffs.fences import Block
from pipeline.work.diffs.values import Hunk, Kind, Notes, NotTakenError, Section, shown

_SEARCH = re.compile(rb"<{5,9} SEARCH[> ]*\r?$")
_MIDDLE = re.compile(rb"={5,9}[ ]*\r?$")
_REPLACE = re.compile(rb">{5,9} REPLACE[ ]*\r?$")
_NAME = re.compile(rb"[\w@+./ -]+$")


def read_search_replace(block: Block, notes: Notes) -> list[Section]:
    """A section for each block; NotTakenError where one is not whole or names no file."""
    lines, number = block.lines, 0
    name = _named(block.before)
    is_near = bool(name)
    sections: list[Section] = []
    while number < len(lines):
        line = lines[number]
        if not _SEARCH.match(line):
            if line.strip() and not line.startswith((b"```", b"~~~")):
                is_near = bool(_named(line))
                name = _named(line) or name
            number += 1
            continue
        begin = number
        middle = _find(lines, begin, _MIDDLE, block.at)
        end = _find(lines, middle, _REPLACE, block.at)
        # What is searched for proves that an earlier name still holds; a new file proves nothing.
        if not name or (middle == begin + 1 and not is_near):
            raise NotTakenError(
                f"The SEARCH block at line {block.at + begin} names no file. "
                "Print the file's path on a line of its own above it."
            )
        old, new = lines[begin + 1 : middle], lines[middle + 1 : end]
        sections.append(_section(name, old, new, block.at + begin))
        number, is_near = end + 1, False
    notes.add("Blocks of SEARCH and REPLACE became a unified diff.")
    return sections


def _named(line: bytes) -> bytes:
    """A path alone on a line, the marks around it taken away; empty where it is none."""
    bare = line.strip(b" \t\r#*`:")
    if not _NAME.match(bare) or not bare or b" " in bare.strip():
        return b""
    return bare


def _find(lines: tuple[bytes, ...], begin: int, mark: re.Pattern[bytes], at: int) -> int:
    for number in range(begin + 1, len(lines)):
        if mark.match(lines[number]):
            return number
        if _SEARCH.match(lines[number]) or _REPLACE.match(lines[number]):
            break
    raise NotTakenError(
        f"The SEARCH block at line {at + begin} is not whole. Print `<<<<<<< SEARCH`, the lines "
        "as they are, `=======`, the lines as they shall be, and `>>>>>>> REPLACE`."
    )


def _section(name: bytes, old: tuple[bytes, ...], new: tuple[bytes, ...], at: int) -> Section:
    # A middle line among the lines that shall be could be part of either side.
    if any(_MIDDLE.match(line) for line in new):
        raise NotTakenError(
            f"The block at line {at} has two lines `=======`. Print a unified diff instead."
        )
    if old == new:
        raise NotTakenError(f"The block at line {at} changes nothing. Leave it out.")
    body = tuple((b"-", line) for line in old) + tuple((b"+", line) for line in new)
    hunk = Hunk(body, at)
    if not any(line.strip() for line in old):
        if old:
            raise NotTakenError(
                f"The block at line {at} searches for blank lines only. "
                f"Print lines of {shown(name)} around the place."
            )
        return Section(Kind.CREATE, None, name, at, (hunk,), is_literal=True)
    return Section(Kind.UPDATE, name, name, at, (hunk,), is_literal=True)
