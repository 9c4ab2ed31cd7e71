"""The strict reading of a unified diff in git's form: what does not fit the grammar is refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from pipeline.base.console import safe
from pipeline.base.git import EXECUTABLE, FILE, SYMLINK
from pipeline.check.content import LineCount
from pipeline.check.patch_binary import BinaryChange, read_binary
from pipeline.check.patch_hunks import Hunk, read_hunks
from pipeline.check.patch_lines import MalformedPatchError, PatchLines
from pipeline.check.patch_names import side_name, two_names
from pipeline.model.patch import Objection, PatchPolicy, Reason

_SECTION = b"diff --git "
_INDEX = re.compile(rb"([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: ([0-7]{6}))?")
_MODES = {b"100644": FILE, b"100755": EXECUTABLE, b"120000": SYMLINK}
_RENAMES = (b"rename ", b"copy ", b"similarity index ", b"dissimilarity index ")
_NO_RENAMES = (
    "renames and copies are not taken; express them as deletions and creations, with "
    "`git diff --no-renames`"
)
_NO_NAMES = frozenset({b"", b".", b".."})
_INFLATION = 16  # all binary data of a patch together, as a multiple of the patch's own limit


@dataclass(frozen=True, slots=True)
class Section:
    """What a patch does to one file.

    ``before`` and ``after`` are git modes: None where there is no file, 0 where the patch does
    not say which mode it is. ``old_oid`` and ``new_oid`` are object ids as written, cut short or
    empty.
    """

    path: bytes
    before: int | None
    after: int | None
    hunks: tuple[Hunk, ...] = ()
    binary: BinaryChange | None = None
    old_oid: str = ""
    new_oid: str = ""

    @property
    def line_count(self) -> LineCount:
        """How many lines it adds and removes."""
        return LineCount(
            sum(hunk.count(b"+") for hunk in self.hunks),
            sum(hunk.count(b"-") for hunk in self.hunks),
        )


@dataclass(frozen=True)
class PatchText:
    """A patch that fits the grammar: its sections in their order, one for each file.

    A file that turns into a link or back has two, as git writes it: a deletion and a creation.
    """

    sections: tuple[Section, ...]

    @cached_property
    def paths(self) -> frozenset[bytes]:
        """Every path that it names."""
        return frozenset(section.path for section in self.sections)

    @cached_property
    def statistics(self) -> Mapping[bytes, LineCount]:
        """How many lines it adds and removes, by path."""
        counts: dict[bytes, LineCount] = {}
        for section in self.sections:
            counts[section.path] = counts.get(section.path, LineCount()) + section.line_count
        return counts


def read_patch(data: bytes, policy: PatchPolicy) -> PatchText | tuple[Objection, ...]:
    """The sections of a patch, or why it is none; its size is judged before it is read."""
    objections = _volume(data, policy)
    if objections:
        return objections
    try:
        return PatchText(tuple(_sections(PatchLines(data), policy)))
    except MalformedPatchError as error:
        message = f"The patch is refused at its line {error.number}: {error.what}."
        return (Objection(error.reason, message),)


def statistics(data: bytes) -> tuple[int, int]:
    """How many lines a patch adds and removes, for a patch of our own making."""
    added = removed = old_left = new_left = 0
    for line in data.split(b"\n"):
        if old_left > 0 or new_left > 0:
            sign = line[:1]
            added += sign == b"+"
            removed += sign == b"-"
            old_left -= sign in (b"-", b" ", b"")
            new_left -= sign in (b"+", b" ", b"")
        elif match := re.match(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@", line):
            old_left, new_left = int(match[1] or 1), int(match[2] or 1)
    return added, removed


def _volume(data: bytes, policy: PatchPolicy) -> tuple[Objection, ...]:
    if not data:
        return (Objection(Reason.EMPTY, "The patch is empty."),)
    if len(data) > policy.max_patch_bytes:
        message = f"The patch is larger than the {policy.max_patch_bytes} bytes allowed."
        return (Objection(Reason.SIZE, message),)
    sections = data.count(b"\n" + _SECTION) + 1
    if sections > 2 * policy.max_files_changed:
        limit = policy.max_files_changed
        return (Objection(Reason.SIZE, f"The patch is of {sections} files; the limit is {limit}."),)
    if not data.endswith(b"\n"):
        return (Objection(Reason.FORMAT, "The patch's last line has no end: it is cut short."),)
    return ()


def _sections(lines: PatchLines, policy: PatchPolicy) -> list[Section]:
    sections: list[Section] = []
    seen: set[bytes] = set()
    inflated = 0
    while not lines.is_done:
        number = lines.number
        section = _section(lines, policy)
        if section.path in seen and not (
            policy.allow_symlinks and _is_type_change(sections[-1], section)
        ):
            what = f"{safe(section.path)} has a section already; a file has one"
            raise MalformedPatchError(number, what)
        seen.add(section.path)
        sections.append(section)
        inflated += _inflated_bytes(section)
        if inflated > _INFLATION * policy.max_patch_bytes:
            what = "the patch's binary data is too large when unpacked"
            raise MalformedPatchError(number, what, Reason.SIZE)
    return sections


def _is_type_change(last: Section, section: Section) -> bool:
    """Whether two sections in a row are a file that turns into a link, or back."""
    return (
        last.path == section.path
        and last.after is None
        and section.before is None
        and SYMLINK in (last.before, section.after)
        and last.before != section.after
    )


def _section(lines: PatchLines, policy: PatchPolicy) -> Section:
    path = _start(lines)
    before, after = _modes(lines)
    old_oid, new_oid, mode = _index(lines)
    if mode is not None:
        if (before, after) != (0, 0):
            raise lines.wrong("the index line repeats a mode that changes", back=1)
        before = after = mode
    known = Section(path, before, after, (), None, old_oid, new_oid)
    following = lines.peek()
    if following is not None and following.startswith(b"--- "):
        return _text_section(lines, known, policy)
    if following == b"GIT binary patch":
        return _binary_section(lines, known, policy)
    if following is not None and following.startswith(b"Binary files "):
        raise lines.wrong(
            "a binary file is named without its content; `git diff --binary` writes it",
            reason=Reason.BINARY,
        )
    if following is not None and not following.startswith(_SECTION):
        raise lines.wrong(f"'{safe(following, 40)}' is no part of a section")
    if before == after:
        raise lines.wrong("the section changes nothing: it has no hunks and no modes", back=1)
    return known


def _start(lines: PatchLines) -> bytes:
    """The path in a section's first line."""
    written = lines.take_if(_SECTION)
    if written is None:
        raise lines.wrong("'diff --git a/… b/…' is expected, and nothing around the sections")
    first, second = two_names(written) or (b"", b"")
    if first[:2] != b"a/" or second[:2] != b"b/" or first[2:] != second[2:] or not first[2:]:
        raise lines.wrong(_why_unreadable(written, lines.peek() or b""), back=1)
    path = first[2:]
    if not _NO_NAMES.isdisjoint(path.split(b"/")):
        what = f"the path {safe(path)} has an empty component, '.' or '..'"
        raise lines.wrong(what, back=1, reason=Reason.UNSAFE_PATH)
    return path


def _why_unreadable(written: bytes, following: bytes) -> str:
    if written.endswith(b"\r"):
        return "the header ends with a carriage return; the patch was converted on its way"
    if following.startswith(_RENAMES):
        return _NO_RENAMES
    return (
        "the section does not name one path twice, behind a/ and behind b/, quoted only where git "
        "quotes; write it with `git diff --no-renames --src-prefix=a/ --dst-prefix=b/`"
    )


def _modes(lines: PatchLines) -> tuple[int | None, int | None]:
    """Modes before and after; None where there is no file, (0, 0) where nothing is said."""
    following = lines.peek() or b""
    if following.startswith(_RENAMES):
        raise lines.wrong(_NO_RENAMES)
    if (written := lines.take_if(b"new file mode ")) is not None:
        return None, _mode(lines, written)
    if (written := lines.take_if(b"deleted file mode ")) is not None:
        return _mode(lines, written), None
    if (written := lines.take_if(b"old mode ")) is not None:
        before = _mode(lines, written)
        written = lines.take_if(b"new mode ")
        after = _mode(lines, written) if written is not None else before
        if before == after or SYMLINK in (before, after):
            raise lines.wrong(
                "'old mode' is followed by 'new mode', another one for a file", back=1
            )
        return before, after
    return 0, 0


def _mode(lines: PatchLines, written: bytes) -> int:
    mode = _MODES.get(written)
    if mode is None:
        raise lines.wrong(
            "a file's mode is 100644 or 100755, a symbolic link's 120000; nothing else is taken",
            back=1,
        )
    return mode


def _index(lines: PatchLines) -> tuple[str, str, int | None]:
    written = lines.take_if(b"index ")
    if written is None:
        return "", "", None
    match = _INDEX.fullmatch(written)
    if match is None:
        raise lines.wrong("the index line is not as git writes it", back=1)
    mode = _mode(lines, match[3]) if match[3] else None
    return match[1].decode("ascii"), match[2].decode("ascii"), mode


def _text_section(lines: PatchLines, known: Section, policy: PatchPolicy) -> Section:
    for start, prefix, is_there in (
        (b"--- ", b"a/", known.before is not None),
        (b"+++ ", b"b/", known.after is not None),
    ):
        written = lines.take_if(start)
        expected = prefix + known.path if is_there else b"/dev/null"
        if written is None or (side_name(written) if is_there else written) != expected:
            raise lines.wrong(f"'{start.decode()}{safe(expected)}' is expected", back=1)
    hunks = read_hunks(
        lines, allows_nul=policy.allow_binary, allows_any_heading=policy.allow_unsafe_text
    )
    if not hunks:
        raise lines.wrong("a hunk is expected")
    section = _with(known, hunks=tuple(hunks))
    count = section.line_count
    kept = sum(hunk.count(b" ") for hunk in hunks)
    is_whole = len(hunks) == 1 and not kept
    if known.before is None and not (is_whole and not count.removed and hunks[0].old_at == 0):
        raise lines.wrong("a new file is one hunk of added lines", back=1)
    if known.after is None and not (is_whole and not count.added and hunks[0].new_at == 0):
        raise lines.wrong("a deleted file is one hunk of removed lines", back=1)
    return section


def _binary_section(lines: PatchLines, known: Section, policy: PatchPolicy) -> Section:
    if not policy.allow_binary and known.after is not None:
        raise lines.wrong(
            "it changes a binary file, which the policy does not allow", reason=Reason.BINARY
        )
    lines.take()
    binary = read_binary(lines, max_bytes=policy.max_file_bytes)
    if len(known.new_oid) not in (40, 64):
        raise lines.wrong("a binary change needs an index line with full object ids", back=1)
    return _with(known, binary=binary)


def _with(
    known: Section, *, hunks: tuple[Hunk, ...] = (), binary: BinaryChange | None = None
) -> Section:
    return Section(
        known.path, known.before, known.after, hunks, binary, known.old_oid, known.new_oid
    )


def _inflated_bytes(section: Section) -> int:
    if section.binary is None:
        return 0
    fragments = (section.binary.forward, section.binary.backward)
    return sum(len(fragment.data) for fragment in fragments if fragment is not None)
