"""Reading unified diffs, with or without git's headers, into one section for each file."""

import re
from dataclasses import dataclass

from pipeline.model.patch import Reason
from pipeline.work.diffs.fences import Block
from pipeline.work.diffs.hunks import Reading, read_hunk
from pipeline.work.diffs.values import Hunk, Kind, Notes, NotTakenError, Section, shown

_MOST_HUNKS = 2000
_MODES = {b"100644", b"100755"}
_ESCAPE = re.compile(rb'\\([abtnvfr"\\]|[0-7]{3})')
_ESCAPED = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13}
_GIT_NAMES = re.compile(rb'(?P<old>"a/.*"|a/.*) (?P<new>"b/.*"|b/.*)$')
_INSTEAD = {
    b"old mode ": "File modes stay as they are: leave mode lines out",
    b"new mode ": "File modes stay as they are: leave mode lines out",
    b"rename ": "Print a rename as the deletion of the old file and the creation of the new one",
    b"copy ": "Print a copy as the creation of a new file with all of its lines",
    b"Binary files ": "Print text files only",
    b"GIT binary patch": "Print text files only",
}


@dataclass(slots=True)
class _Header:
    """What the lines between ``diff --git`` and ``---`` say."""

    at: int
    names: bytes = b""
    created: bytes = b""
    deleted: bytes = b""


def read_unified(block: Block, notes: Notes) -> list[Section]:
    """The sections of a block in the order in which they stand; NotTakenError where it is none."""
    reading = Reading(
        block.lines, block.at, block.is_fenced, after=block.after, has_more=block.has_more
    )
    sections: list[Section] = []
    number, hunks = 0, 0
    while number < len(block.lines):
        line = block.lines[number]
        at = block.at + number
        if line.startswith(b"diff --git "):
            section, number = _git_section(reading, number, notes)
        elif line.startswith(b"--- ") and reading.is_boundary(number):
            section, number = _section(reading, number, _Header(at), notes)
            notes.add("Headers `diff --git` were added.")
        else:
            _require_prose(reading, number)
            number += 1
            continue
        sections.append(section)
        hunks += len(section.hunks)
        if hunks > _MOST_HUNKS:
            raise NotTakenError(
                f"The diff has more than {_MOST_HUNKS} hunks. Print a smaller one.", Reason.SIZE
            )
    return sections


def _require_prose(reading: Reading, number: int) -> None:
    line, at = reading.lines[number], reading.at + number
    for beginning, instead in _INSTEAD.items():
        if line.startswith(beginning) and reading.is_fenced:
            _raise_for(beginning, instead, at)
    if line.startswith((b"diff --cc ", b"diff --combined ")):
        raise NotTakenError(
            f"Line {at} begins a combined diff of a merge. "
            "Print a unified diff against the file as it is."
        )
    if line.startswith(b"@@"):
        raise NotTakenError(
            f"The hunk at line {at} belongs to no file. "
            "Print `--- a/path` and `+++ b/path` before a file's first hunk."
        )
    if reading.is_fenced and line.startswith((b"+", b"-")) and line.strip(b"+- \r") != b"":
        raise NotTakenError(
            f"Line {at} ({shown(line)!r}) belongs to no hunk. Print `--- a/path`, "
            "`+++ b/path` and a hunk header `@@ -l,n +l,n @@` before it."
        )


def _raise_for(beginning: bytes, instead: str, at: int) -> None:
    what, reason = "changes a mode", Reason.MODE
    if beginning in (b"rename ", b"copy "):
        what, reason = "renames or copies a file", Reason.FORMAT
    elif beginning in (b"Binary files ", b"GIT binary patch"):
        what, reason = "is part of a binary patch", Reason.BINARY
    raise NotTakenError(f"Line {at} {what}. {instead}.", reason)


def _git_section(reading: Reading, number: int, notes: Notes) -> tuple[Section, int]:
    header = _Header(reading.at + number, reading.lines[number][len(b"diff --git ") :])
    number += 1
    while number < len(reading.lines):
        line, at = reading.lines[number], reading.at + number
        for beginning, instead in _INSTEAD.items():
            if line.startswith(beginning):
                _raise_for(beginning, instead, at)
        if line.startswith(b"new file mode "):
            header.created = _mode(line, at)
        elif line.startswith(b"deleted file mode "):
            header.deleted = _mode(line, at)
        elif line.startswith(b"index ") and line.rstrip().endswith((b" 120000", b" 160000")):
            _mode(line, at)
        elif not line.startswith((b"index ", b"similarity index", b"dissimilarity index")):
            break
        number += 1
    is_named = number < len(reading.lines) and reading.lines[number].startswith(b"--- ")
    if is_named and reading.is_boundary(number):
        return _section(reading, number, header, notes)
    return _without_hunks(header), number


def _mode(line: bytes, at: int) -> bytes:
    mode = line.rstrip().rpartition(b" ")[2]
    if mode == b"120000":
        raise NotTakenError(
            f"Line {at} makes or changes a symbolic link. Print regular files only.",
            Reason.SPECIAL_FILE,
        )
    if mode not in _MODES:
        raise NotTakenError(
            f"Line {at} has the mode {shown(mode)}. Print files with mode 100644 only.", Reason.MODE
        )
    return mode


def _without_hunks(header: _Header) -> Section:
    """A header alone says something only of an empty file."""
    names = _GIT_NAMES.match(header.names)
    if names and (header.created or header.deleted):
        old, new = _name(names["old"], header.at), _name(names["new"], header.at)
        if header.created:
            return Section(Kind.CREATE, None, new, header.at, mode=header.created)
        return Section(Kind.DELETE, old, None, header.at)
    raise NotTakenError(
        f"The header at line {header.at} ({shown(header.names)}) is followed by no hunk. "
        "Print `--- a/path`, `+++ b/path` and the hunks, or leave the file out."
    )


def _section(reading: Reading, number: int, header: _Header, notes: Notes) -> tuple[Section, int]:
    """The section whose ``---`` is at a line."""
    at = reading.at + number
    old = _name(reading.lines[number][4:], at)
    new = _name(reading.lines[number + 1][4:], at + 1)
    if old is None and new is None:
        raise NotTakenError(f"Both names at line {at} are /dev/null. Print the file's name.")
    number += 2
    hunks: list[Hunk] = []
    while number < len(reading.lines):
        line = reading.lines[number]
        if line.startswith(b"@@"):
            hunk, number = read_hunk(reading, number, notes)
            hunks.append(hunk)
        elif not line.strip():
            number += 1
        else:
            break
        if len(hunks) > _MOST_HUNKS:
            raise NotTakenError(
                f"The diff has more than {_MOST_HUNKS} hunks. Print a smaller one.", Reason.SIZE
            )
    if not hunks:
        raise NotTakenError(
            f"The file at line {at} has no hunks. Print them, each after a line `@@ -l,n +l,n @@`."
        )
    kind = Kind.CREATE if old is None else Kind.DELETE if new is None else Kind.UPDATE
    if kind is Kind.UPDATE and header.created:
        kind, old = Kind.CREATE, None
        notes.add("The old name of a new file became /dev/null.")
    elif kind is Kind.UPDATE and header.deleted:
        kind, new = Kind.DELETE, None
        notes.add("The new name of a deleted file became /dev/null.")
    mode = header.created or b"100644"
    return Section(kind, old, new, at, tuple(hunks), mode), number


def _name(text: bytes, at: int) -> bytes | None:
    """A name as it stands in a header: without timestamp and quotes; ``None`` for /dev/null."""
    name = text.partition(b"\t")[0].rstrip(b"\r ")
    if name.startswith(b'"') and name.endswith(b'"') and len(name) > 1:
        name = _ESCAPE.sub(_unescaped, name[1:-1])
    if not name:
        raise NotTakenError(f"Line {at} has no name. Print the file's path after it.")
    return None if name == b"/dev/null" else name


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if code.isdigit():
        return bytes([int(code, 8) & 0xFF])
    return bytes([_ESCAPED[code]]) if code in _ESCAPED else code
