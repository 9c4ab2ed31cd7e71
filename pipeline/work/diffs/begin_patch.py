"""Reading the format of Codex, from ``*** Begin Patch`` to ``*** End Patch``."""

from pipeline.work.diffs.fences import Block
from pipeline.work.diffs.values import Hunk, Kind, Notes, NotTakenError, Section, shown

BEGIN, END = b"*** Begin Patch", b"*** End Patch"
_KINDS = {
    b"*** Add File: ": Kind.CREATE,
    b"*** Delete File: ": Kind.DELETE,
    b"*** Update File: ": Kind.UPDATE,
}
_MOVE, _EOF = b"*** Move to: ", b"*** End of File"


def read_begin_patch(block: Block, notes: Notes) -> list[Section]:
    """The sections between the markers; NotTakenError where the end is missing."""
    sections: list[Section] = []
    lines, number = block.lines, 0
    while number < len(lines):
        if lines[number].rstrip() != BEGIN:
            number += 1
            continue
        begin, end = number, number + 1
        while end < len(lines) and lines[end].rstrip() != END:
            end += 1
        if end == len(lines):
            raise NotTakenError(
                f"The patch that begins at line {block.at + begin} has no `*** End Patch`, so it "
                "seems to be cut off. Print the whole patch again, and its end."
            )
        sections += _sections(lines[begin + 1 : end], block.at + begin + 1)
        number = end + 1
    notes.add("A patch between `*** Begin Patch` and `*** End Patch` became a unified diff.")
    return sections


def _sections(lines: tuple[bytes, ...], at: int) -> list[Section]:
    heads = [number for number, line in enumerate(lines) if _kind(line) is not None]
    if not heads or any(line.strip() for line in lines[: heads[0]]):
        raise NotTakenError(
            f"The patch at line {at} does not begin with the name of a file. Print "
            "`*** Update File: path`, `*** Add File: path` or `*** Delete File: path`."
        )
    ends = [*heads[1:], len(lines)]
    return [_section(lines[begin:end], at + begin) for begin, end in zip(heads, ends, strict=True)]


def _kind(line: bytes) -> tuple[Kind, bytes] | None:
    for head, kind in _KINDS.items():
        if line.startswith(head):
            return kind, line.removeprefix(head).strip()
    return None


def _section(lines: tuple[bytes, ...], at: int) -> Section:
    found = _kind(lines[0])
    assert found is not None  # noqa: S101 - the caller cut the lines there
    kind, name = found
    body, move_to = lines[1:], None
    at_body = at + 1
    if kind is Kind.UPDATE and body and body[0].startswith(_MOVE):
        move_to, body, at_body = body[0].removeprefix(_MOVE).strip(), body[1:], at + 2
    while body and not body[-1].strip():
        body = body[:-1]
    if kind is Kind.DELETE:
        if body:
            raise NotTakenError(f"Line {at_body} follows a `*** Delete File`. Leave it out.")
        return Section(kind, name, None, at, is_literal=True, is_whole=True)
    if kind is Kind.CREATE:
        added = Hunk(tuple(_added(line, at_body + number) for number, line in enumerate(body)), at)
        return Section(kind, None, name, at, (added,) if body else (), is_literal=True)
    hunks = _hunks(body, at_body)
    if not hunks and move_to is None:
        raise NotTakenError(f"The update at line {at} changes nothing. Print its hunks.")
    return Section(kind, name, name, at, tuple(hunks), is_literal=True, move_to=move_to)


def _added(line: bytes, at: int) -> tuple[bytes, bytes]:
    if not line.startswith(b"+"):
        raise NotTakenError(
            f"Line {at} ({shown(line)!r}) is in a new file. Begin each of its lines with +."
        )
    return b"+", line[1:]


def _hunks(lines: tuple[bytes, ...], at: int) -> list[Hunk]:
    hunks: list[Hunk] = []
    heading, begin = b"", 0
    body: list[tuple[bytes, bytes]] = []
    is_at_end = False

    def close() -> None:
        while body and body[-1] == (b" ", b""):
            body.pop()
        if body:
            hunks.append(Hunk(tuple(body), at + begin, heading=heading, is_at_end=is_at_end))

    for number, line in enumerate(lines):
        if line.startswith(b"@@"):
            close()
            if not body and heading:
                raise NotTakenError(
                    f"Line {at + number} is a second `@@` line in a row. Print one before a hunk."
                )
            heading, begin, body, is_at_end = line[2:].strip(), number, [], False
        elif line.rstrip() == _EOF:
            is_at_end = True
        elif not line:
            body.append((b" ", b""))
        elif line[:1] in (b" ", b"-", b"+") and not is_at_end:
            body.append((line[:1], line[1:]))
        else:
            raise NotTakenError(
                f"Line {at + number} ({shown(line)!r}) begins with none of ' ', '-', '+'. "
                "Begin each line of a hunk with one of them."
            )
    close()
    return [_checked(hunk) for hunk in hunks]


def _checked(hunk: Hunk) -> Hunk:
    if all(sign == b" " for sign, _ in hunk.lines):
        raise NotTakenError(f"The hunk at line {hunk.at} changes nothing. Leave it out.")
    return hunk
