"""Plain patches applied without starting git, where there is only one thing that they can mean.

Plain is: text hunks in regular files with simple names, each hunk exactly where its header says
with every line as it is there. For anything else, above all for what does not fit, there is no
answer here and git is asked, so that nothing is taken that git would refuse
(builtin/apply.c, ``apply_one_fragment``, has the rules about the beginning and the end of a file).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.base.git.trees import DIRECTORY, EXECUTABLE, FILE, TreeEntry

LARGEST = 4 << 20
"""Bytes of a patch, and of a file that is changed; git is quicker with more."""

_NAME = rb"[A-Za-z0-9_][A-Za-z0-9_.-]*(?<!\.)"
_PATH = rb"(?:" + _NAME + rb"/)*" + _NAME
_FILE_HEAD = re.compile(
    rb"diff --git a/(?P<path>" + _PATH + rb") b/(?P=path)\n"
    rb"(?:(?P<what>new|deleted) file mode (?P<mode>100644|100755)\n)?"
    rb"(?:index [0-9a-f]{7,64}\.\.[0-9a-f]{7,64}(?: (?P<old_mode>100644|100755))?\n)?"
    rb"--- (?P<old>a/" + _PATH + rb"|/dev/null)\n"
    rb"\+\+\+ (?P<new>b/" + _PATH + rb"|/dev/null)\n"
)
_NUMBER = rb"(0|[1-9][0-9]{0,8})"
_HUNK_HEAD = re.compile(
    rb"@@ -" + _NUMBER + rb"(?:," + _NUMBER + rb")? \+" + _NUMBER + rb"(?:," + _NUMBER + rb")? @@"
    rb"(?: [^\n]*)?\n"
)
_NO_NEWLINE = b"\\ No newline at end of file\n"


@dataclass(frozen=True, slots=True)
class PlainEdit:
    """A file as a patch leaves it; ``data`` is ``None`` where it is removed."""

    path: bytes
    mode: int
    data: bytes | None


class NotPlainError(Exception):
    """The patch is not plain, or does not fit: git has the word."""


@dataclass(frozen=True, slots=True)
class _Hunk:
    start: int  # the line before which it begins, counted from 0
    new_start: int
    old: list[bytes]
    new: list[bytes]
    trailing: int


class _Reader:
    """Goes through a patch from its beginning."""

    def __init__(self, patch: bytes) -> None:
        self.patch = patch
        self.at = 0

    @property
    def is_at_end(self) -> bool:
        return self.at == len(self.patch)

    def take(self, expression: re.Pattern[bytes]) -> re.Match[bytes]:
        found = expression.match(self.patch, self.at)
        if found is None:
            raise NotPlainError
        self.at = found.end()
        return found

    def line(self) -> bytes:
        end = self.patch.find(b"\n", self.at) + 1
        if end == 0:
            raise NotPlainError
        line, self.at = self.patch[self.at : end], end
        return line

    def begins_with(self, text: bytes) -> bool:
        return self.patch.startswith(text, self.at)


def plain_edits(
    patch: bytes,
    find: Callable[[bytes], TreeEntry | None],
    read: Callable[[str], bytes],
) -> tuple[PlainEdit, ...]:
    """What a patch makes of a tree's files; raises NotPlainError where git has to say it.

    ``find`` gives what is at a path of the tree (directories, too), ``read`` a blob's bytes.
    """
    if not patch or len(patch) > LARGEST:
        raise NotPlainError
    reader = _Reader(patch)
    edits: dict[bytes, PlainEdit] = {}
    while not reader.is_at_end:
        edit = _edit(reader, find, read)
        if edit.path in edits:
            raise NotPlainError
        edits[edit.path] = edit
    return tuple(edits.values())


def _edit(
    reader: _Reader, find: Callable[[bytes], TreeEntry | None], read: Callable[[str], bytes]
) -> PlainEdit:
    head = reader.take(_FILE_HEAD)
    path, what = head["path"], head["what"]
    old, new = b"a/" + path, b"b/" + path
    wanted = {None: (old, new), b"new": (b"/dev/null", new), b"deleted": (old, b"/dev/null")}
    entry = find(path)
    if (head["old"], head["new"]) != wanted[what] or (what == b"new") != (entry is None):
        raise NotPlainError
    if entry is None:
        _require_room(path, find)
        mode, before = int(head["mode"], 8), b""
    elif entry.mode not in (FILE, EXECUTABLE):
        # A submodule's commit, above all, is in another repository: there is nothing to read.
        raise NotPlainError
    else:
        mode, before = entry.mode, read(entry.oid)
    told = {int(text, 8) for text in (head["mode"], head["old_mode"]) if text}
    if told - {mode} or len(before) > LARGEST:
        raise NotPlainError
    after = _apply(before, _hunks(reader))
    if what == b"deleted" and after:
        raise NotPlainError
    return PlainEdit(path, mode, None if what == b"deleted" else after)


def _require_room(path: bytes, find: Callable[[bytes], TreeEntry | None]) -> None:
    """A new file may not lie below a file."""
    folder = path.rpartition(b"/")[0]
    while folder:
        found = find(folder)
        if found is not None and found.mode != DIRECTORY:
            raise NotPlainError
        folder = folder.rpartition(b"/")[0]


def _hunks(reader: _Reader) -> Iterator[_Hunk]:
    is_first = True
    while is_first or reader.begins_with(b"@@ "):
        is_first = False
        yield _hunk(reader)


def _hunk(reader: _Reader) -> _Hunk:
    head = reader.take(_HUNK_HEAD)
    old_start, old_count, new_start, new_count = (
        1 if text is None else int(text) for text in head.groups()
    )
    old: list[bytes] = []
    new: list[bytes] = []
    trailing = 0
    while len(old) < old_count or len(new) < new_count:
        line = reader.line()
        sign, text = line[:1], line[1:]
        if sign not in (b" ", b"-", b"+"):
            raise NotPlainError
        if reader.begins_with(b"\\"):
            if reader.line() != _NO_NEWLINE:
                raise NotPlainError
            text = text[:-1]
        if sign != b"+":
            old.append(text)
        if sign != b"-":
            new.append(text)
        trailing = trailing + 1 if sign == b" " else 0
    if len(old) != old_count or len(new) != new_count or trailing == len(old) == len(new):
        raise NotPlainError
    # Without lines on a side, its number is that of the line before. Git looks where the new
    # number says, which is one too early then, and takes old numbers up to 1 for the beginning.
    start = old_start - 1 if old_count else old_start
    if (old_start <= 1 and start != 0) or (new_count == 0 and new_start != 0):
        raise NotPlainError
    return _Hunk(start, new_start - 1 if new_count else 0, old, new, trailing)


def _apply(before: bytes, hunks: Iterator[_Hunk]) -> bytes:
    lines = _lines(before)
    result: list[bytes] = []
    done = 0
    for hunk in hunks:
        end = hunk.start + len(hunk.old)
        result += lines[done : hunk.start]
        is_in_place = done <= hunk.start and len(result) == hunk.new_start
        is_at_end = end == len(lines)
        if not is_in_place or lines[hunk.start : end] != hunk.old:
            raise NotPlainError
        if not hunk.trailing and not is_at_end:
            raise NotPlainError
        result += hunk.new
        done = end
    result += lines[done:]
    if any(not line.endswith(b"\n") for line in result[:-1]):
        raise NotPlainError
    return b"".join(result)


def _lines(data: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
