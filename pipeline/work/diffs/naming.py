"""Which file of the tree a section's names mean."""

import re
from collections.abc import Callable

from pipeline.model.patch import Reason
from pipeline.work.diffs.values import Kind, Notes, NotTakenError, Section, shown

Read = Callable[[bytes], bytes | None]
_DRIVE = re.compile(rb"[A-Za-z]:[\\/]")


def path_of(section: Section, read: Read, notes: Notes, *, is_bare: bool) -> bytes:
    """The path that a section is about; NotTakenError where there may be two, or none.

    ``is_bare`` says that other files of the answer have names without ``a/`` and ``b/``.
    """
    for name in (section.old, section.new):
        if name is not None:
            require_inside(name, section.at)
    if section.is_literal:
        return _plain(section.new or section.old or b"", notes)
    if section.old is None or section.new is None:
        return _lone(section, read, notes, is_bare=is_bare)
    return _same(section, section.old, section.new, read, notes)


def has_bare_names(section: Section) -> bool:
    """Whether a section's names certainly have no prefixes."""
    return not section.is_literal and any(
        name is not None and not name.startswith((b"a/", b"b/"))
        for name in (section.old, section.new)
    )


def require_inside(name: bytes, at: int) -> None:
    """NotTakenError for a name that leads out of the repository."""
    if name.startswith((b"/", b"\\", b"~/")) or _DRIVE.match(name):
        raise NotTakenError(
            f"The path {shown(name)} at line {at} is absolute. "
            "Print paths relative to the top of the repository.",
            Reason.UNSAFE_PATH,
            name,
        )
    parts = name.removeprefix(b"./").split(b"/")
    if b".." in parts or b"" in parts or b"." in parts or b"\0" in name:
        raise NotTakenError(
            f"The path {shown(name)} at line {at} has a part that is empty, `.` or `..`. "
            "Print paths relative to the top of the repository, without such parts.",
            Reason.UNSAFE_PATH,
            name,
        )


def _lone(section: Section, read: Read, notes: Notes, *, is_bare: bool) -> bytes:
    """The name of a file that is made or removed, the other one being /dev/null."""
    name = section.new if section.old is None else section.old
    prefix = b"b/" if section.old is None else b"a/"
    assert name is not None  # noqa: S101 - the reader refuses two times /dev/null
    if not name.startswith(prefix):
        notes.add("Names without `a/` and `b/` got them.")
        return _plain(name, notes)
    stripped = name.removeprefix(prefix)
    if section.kind is Kind.DELETE and is_bare:
        return _only(section, [name, stripped], read)
    if is_bare:
        raise NotTakenError(
            f"The name {shown(name)} at line {section.at} may mean that path or "
            f"{shown(stripped)}. Print `a/` and `b/` before the names of all files.",
            path=stripped,
        )
    return stripped


def _same(section: Section, old: bytes, new: bytes, read: Read, notes: Notes) -> bytes:
    """The name that both sides agree on, prefixes taken away where that is what they are."""
    if old.startswith(b"a/") and new.startswith(b"b/") and old[2:] == new[2:]:
        return old[2:]
    meant = dict.fromkeys(
        first for first in _readings(old) for second in _readings(new) if first == second
    )
    if not meant:
        raise NotTakenError(
            f"The names at line {section.at} are of two files, {shown(old)} and {shown(new)}. "
            "Print a rename as the deletion of the old file and the creation of the new one."
        )
    notes.add("Names without `a/` and `b/` got them.")
    return _plain(_only(section, list(meant), read), notes)


def _readings(name: bytes) -> list[bytes]:
    return [name, name[2:]] if name.startswith((b"a/", b"b/")) else [name]


def _only(section: Section, names: list[bytes], read: Read) -> bytes:
    there = [name for name in names if read(name.removeprefix(b"./")) is not None]
    if len(there) > 1:
        raise NotTakenError(
            f"The name at line {section.at} may mean {' or '.join(map(shown, there))}. "
            "Print `a/` before the old name and `b/` before the new one.",
            path=there[0],
        )
    return there[0] if there else names[0]


def _plain(name: bytes, notes: Notes) -> bytes:
    if name.startswith(b"./"):
        notes.add("`./` was taken off the beginning of names.")
    return name.removeprefix(b"./")
