"""From the text that a model printed to a diff that applies exactly, or to a reason why not."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.model.patch import Reason
from pipeline.work.diffs import writing
from pipeline.work.diffs.begin_patch import BEGIN, read_begin_patch
from pipeline.work.diffs.fences import Block, find_blocks
from pipeline.work.diffs.naming import Read, has_bare_names, path_of, require_inside
from pipeline.work.diffs.placing import Text, place_hunks
from pipeline.work.diffs.search_replace import read_search_replace
from pipeline.work.diffs.unified import read_unified
from pipeline.work.diffs.values import (
    Diff,
    Hunk,
    Kind,
    Notes,
    NotTakenError,
    Refused,
    Section,
    shown,
)

LARGEST_ANSWER = 2 << 20
"""Characters of an answer that are read at all."""

_HEADER = re.compile(rb"(?:diff --git |--- |\+\+\+ |@@ |\*\*\* |<{5,9} SEARCH)")
_NOTHING = (
    "There is no diff in the answer. Print the whole change as one unified diff in a ```diff "
    "fence, with `--- a/path`, `+++ b/path` and hunks."
)


def parse_answer(text: str, read: Read) -> Diff | Refused:
    """The change that an answer describes, as a diff in git's own form.

    ``read`` gives the bytes of a regular file in the tree that the diff starts from, ``None``
    where there is none. What has one meaning only is repaired and told; never is a place guessed
    or a line compared other than exactly. Takes a time that grows with the answer's length.
    """
    try:
        return _parse(text, read)
    except NotTakenError as refusal:
        return refusal.refused


@dataclass(slots=True)
class _File:
    """What an answer says about one path, all of its sections together."""

    updates: list[Section] = field(default_factory=list)
    other: Section | None = None


def _parse(text: str, read: Read) -> Diff:
    notes = Notes()
    sections = [section for block in _blocks(text, notes) for section in _read_block(block, notes)]
    if not sections:
        raise NotTakenError(_NOTHING)
    known: dict[bytes, bytes | None] = {}

    def look(path: bytes) -> bytes | None:
        if path not in known:
            known[path] = read(path)
        return known[path]

    files = _by_path(sections, look, notes)
    patches: list[bytes] = []
    paths: list[bytes] = []
    for path, file in files.items():
        for changed, patch in _patches(path, file, look, notes):
            if changed in paths:
                raise _twice(changed)
            paths.append(changed)
            patches.append(patch)
    if not patches:
        raise NotTakenError(
            "The diff changes nothing: what it adds is there already. Print what is to change.",
            Reason.EMPTY,
        )
    return Diff(b"".join(patches), tuple(paths), tuple(notes.sentences))


def _blocks(text: str, notes: Notes) -> Sequence[Block]:
    if len(text) > LARGEST_ANSWER:
        raise NotTakenError(
            f"The answer has more than {LARGEST_ANSWER} characters. Print a smaller diff.",
            Reason.SIZE,
        )
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise NotTakenError("The answer is no valid Unicode. Print plain text.") from None
    lines = data.split(b"\n")
    if data.endswith(b"\n"):
        lines.pop()
    headers = [line for line in lines if _HEADER.match(line)]
    if headers and all(line.endswith(b"\r") for line in headers):
        lines = [line.removesuffix(b"\r") for line in lines]
        notes.add("Carriage returns at the ends of the answer's lines were taken away.")
    blocks = find_blocks(lines)
    different = tuple({block.lines: block for block in reversed(blocks)}.values())[::-1]
    if len(different) < len(blocks):
        notes.add("A diff that stood there twice was taken once.")
    if any(block.is_fenced for block in different):
        notes.add("The diff was taken out of its fence.")
    return different


def _read_block(block: Block, notes: Notes) -> list[Section]:
    if any(line.rstrip() == BEGIN for line in block.lines):
        return read_begin_patch(block, notes)
    if any(line.startswith(b"<<<<<<< SEARCH") for line in block.lines):
        return read_search_replace(block, notes)
    return read_unified(block, notes)


def _by_path(sections: Sequence[Section], read: Read, notes: Notes) -> dict[bytes, _File]:
    is_bare = any(has_bare_names(section) for section in sections)
    files: dict[bytes, _File] = {}
    for section in sections:
        path = path_of(section, read, notes, is_bare=is_bare)
        file = files.setdefault(path, _File())
        if section.kind is Kind.UPDATE and section.move_to is None:
            is_alone = file.other is None
            file.updates.append(section)
        else:
            is_alone = file.other is None and not file.updates
            file.other = section
        if not is_alone:
            raise _twice(path)
    return files


def _patches(path: bytes, file: _File, read: Read, notes: Notes) -> list[tuple[bytes, bytes]]:
    data = read(path)
    section = file.other
    if section is None:
        if data is None:
            return [(path, _made_by_update(path, file.updates, notes))]
        patch = _updated(path, data, file.updates, notes)
        return [(path, patch)] if patch else []
    if section.kind is Kind.CREATE:
        return [(path, _created(path, data, section))]
    if data is None:
        raise _missing(path, section.at)
    if section.kind is Kind.DELETE:
        return [(path, _deleted(path, data, section))]
    return _moved(path, data, section, read, notes)


def _updated(path: bytes, data: bytes, updates: Sequence[Section], notes: Notes) -> bytes:
    text = Text(path, data, (hunk for section in updates for hunk in section.hunks))
    if text.has_returns:
        notes.add(f"Lines of {shown(path)} got back their carriage returns.")
    runs, is_cut = place_hunks(text, [section.hunks for section in updates], notes)
    return writing.updated(text, runs, is_cut=is_cut)


def _made_by_update(path: bytes, updates: Sequence[Section], notes: Notes) -> bytes:
    """A new file whose old name should have been /dev/null, as its header ``-0,0`` says."""
    section = updates[0]
    hunk = section.hunks[0]
    if len(updates) > 1 or len(section.hunks) > 1 or hunk.place is None or hunk.place.old_count:
        raise _missing(path, section.at)
    notes.add("The old name of a new file became /dev/null.")
    return _created(path, None, section)


def _created(path: bytes, data: bytes | None, section: Section) -> bytes:
    if data is not None:
        raise NotTakenError(
            f"{shown(path)}, which line {section.at} makes, is there already. "
            "Print a diff against it as it is now.",
            path=path,
        )
    hunks = section.hunks
    if len(hunks) > 1 or any(hunk.old for hunk in hunks):
        raise NotTakenError(
            f"Line {section.at} makes {shown(path)}, but not every line begins with +. "
            "Print all lines of a new file in one hunk, each after a +.",
            path=path,
        )
    hunk = hunks[0] if hunks else Hunk((), section.at)
    return writing.created(path, hunk.new, section.mode, is_cut=hunk.is_new_cut)


def _deleted(path: bytes, data: bytes, section: Section) -> bytes:
    text = Text(path, data, section.hunks)
    old = [line for hunk in section.hunks for line in hunk.old]
    new = [line for hunk in section.hunks for line in hunk.new]
    is_whole = section.is_whole or (len(old) == len(text.lines) and text.stands_at(0, old))
    if new or not is_whole:
        raise NotTakenError(
            f"Line {section.at} removes {shown(path)}, but what it shows is not all of that file. "
            "Print all of its lines, each after a -.",
            path=path,
        )
    return writing.deleted(text)


def _moved(
    path: bytes, data: bytes, section: Section, read: Read, notes: Notes
) -> list[tuple[bytes, bytes]]:
    target = section.move_to or b""
    require_inside(target, section.at)
    if read(target) is not None:
        raise NotTakenError(
            f"{shown(target)}, where line {section.at} moves a file, is there already. "
            "Choose another name, or change that file.",
            path=target,
        )
    text = Text(path, data, section.hunks)
    runs, is_cut = place_hunks(text, [section.hunks], notes)
    lines = writing.content(text, runs, is_cut=is_cut)
    notes.add(f"The move of {shown(path)} became a deletion and a creation, mode 100644.")
    made = writing.created(target, lines, b"100644", is_cut=is_cut)
    return [(path, writing.deleted(Text(path, data))), (target, made)]


def _missing(path: bytes, at: int) -> NotTakenError:
    return NotTakenError(
        f"There is no file {shown(path)}, which line {at} changes. Print the path of a file that "
        "is there, or `--- /dev/null` before a new one.",
        path=path,
    )


def _twice(path: bytes) -> NotTakenError:
    return NotTakenError(
        f"{shown(path)} is in the diff more than once, and not as changes only. Print it once.",
        path=path,
    )
