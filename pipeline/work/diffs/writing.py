"""Writing the changes of files as a unified diff in git's own form."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipeline.work.diffs.placing import Run, Text

_CONTEXT = 3
_SIMPLE = re.compile(rb"[^\x00-\x20\"\\\x7f]+")
_NO_NEWLINE = b"\\ No newline at end of file\n"
_LETTERS = {7: b"a", 8: b"b", 9: b"t", 10: b"n", 11: b"v", 12: b"f", 13: b"r", 34: b'"', 92: b"\\"}


def created(path: bytes, lines: Sequence[bytes], mode: bytes, *, is_cut: bool) -> bytes:
    """The diff that makes a file; ``is_cut`` leaves out the last newline."""
    head = _head(path) + b"new file mode " + mode + b"\n"
    if not lines:
        return head
    head += b"--- /dev/null\n+++ " + _quoted(b"b/" + path) + b"\n"
    count = b"1" if len(lines) == 1 else b"1,%d" % len(lines)
    return head + b"@@ -0,0 +" + count + b" @@\n" + _side(b"+", lines, is_cut=is_cut)


def deleted(text: Text) -> bytes:
    """The diff that removes a file."""
    head = _head(text.path) + b"deleted file mode 100644\n"
    if not text.lines:
        return head
    head += b"--- " + _quoted(b"a/" + text.path) + b"\n+++ /dev/null\n"
    count = b"1" if len(text.lines) == 1 else b"1,%d" % len(text.lines)
    return head + b"@@ -" + count + b" +0,0 @@\n" + _side(b"-", text.lines, is_cut=text.is_cut)


def updated(text: Text, runs: Sequence[Run], *, is_cut: bool) -> bytes:
    """The diff that changes a file by runs, in order; empty where they change nothing.

    ``is_cut`` says whether the last line has no newline afterwards.
    """
    told = _with_end(text, runs, is_cut=is_cut)
    if text.is_cut == is_cut and all(
        tuple(text.lines[run.start : run.end]) == run.added for run in told
    ):
        return b""
    names = b"--- " + _quoted(b"a/" + text.path) + b"\n+++ " + _quoted(b"b/" + text.path) + b"\n"
    body: list[bytes] = []
    growth = 0
    for group in _groups(told):
        body.append(_hunk(text, group, growth, is_cut=is_cut))
        growth += sum(len(run.added) - run.removed for run in group)
    return _head(text.path) + names + b"".join(body)


def content(text: Text, runs: Sequence[Run], *, is_cut: bool) -> list[bytes]:
    """The lines of a file after runs, as ``created`` takes them."""
    lines: list[bytes] = []
    done = 0
    for run in _with_end(text, runs, is_cut=is_cut):
        lines += text.lines[done : run.start]
        lines += run.added
        done = run.end
    return lines + text.lines[done:]


def _with_end(text: Text, runs: Sequence[Run], *, is_cut: bool) -> list[Run]:
    """Runs that hold the last lines of both sides where one gains or loses its newline."""
    told, length = list(runs), len(text.lines)
    if not (text.is_cut or is_cut):
        return told
    reaches = bool(told) and told[-1].end == length
    if not reaches and text.is_cut == is_cut:
        return told
    if not reaches and length:
        told.append(Run(length - 1, 1, (_ended(text),)))
    while _needs_one_more(text, told[-1], is_cut=is_cut):
        last = told.pop()
        if told and told[-1].end == last.start:
            before = told.pop()
            last = Run(before.start, before.removed + last.removed, before.added + last.added)
        else:
            kept = _ended(text) if last.start == length else text.lines[last.start - 1]
            last = Run(last.start - 1, last.removed + 1, (kept, *last.added))
        told.append(last)
    if is_cut and told[-1].added:
        last = told[-1]
        ended = last.added[-1].removesuffix(text.line_end)
        told[-1] = replace(last, added=(*last.added[:-1], ended))
    return told


def _needs_one_more(text: Text, last: Run, *, is_cut: bool) -> bool:
    if not last.start:
        return False
    return (text.is_cut and not last.removed) or (is_cut and not last.added)


def _ended(text: Text) -> bytes:
    """The file's last line as it is before a newline."""
    return text.lines[-1] + (text.line_end if text.is_cut else b"")


def _groups(runs: Sequence[Run]) -> Iterable[list[Run]]:
    group: list[Run] = []
    for run in runs:
        if group and run.start - group[-1].end > 2 * _CONTEXT:
            yield group
            group = []
        group.append(run)
    if group:
        yield group


def _hunk(text: Text, group: Sequence[Run], growth: int, *, is_cut: bool) -> bytes:
    start = max(group[0].start - _CONTEXT, 0)
    end = min(group[-1].end + _CONTEXT, len(text.lines))
    body: list[bytes] = []
    done, length = start, end - start
    for run in group:
        body.append(_side(b" ", text.lines[done : run.start]))
        reaches = run.end == len(text.lines)
        removed = text.lines[run.start : run.end]
        body.append(_side(b"-", removed, is_cut=reaches and text.is_cut))
        body.append(_side(b"+", run.added, is_cut=reaches and is_cut))
        done = run.end
        length += len(run.added) - run.removed
    reaches = end == len(text.lines) and done < end
    body.append(_side(b" ", text.lines[done:end], is_cut=reaches and text.is_cut))
    old, new = _range(start, end - start), _range(start + growth, length)
    return b"@@ -" + old + b" +" + new + b" @@\n" + b"".join(body)


def _range(start: int, count: int) -> bytes:
    """The numbers of one side: without lines, that of the line before."""
    if count == 1:
        return b"%d" % (start + 1)
    return b"%d,%d" % (start + 1 if count else start, count)


def _side(sign: bytes, lines: Sequence[bytes], *, is_cut: bool = False) -> bytes:
    text = b"".join(sign + line + b"\n" for line in lines)
    return text + _NO_NEWLINE if is_cut and lines else text


def _head(path: bytes) -> bytes:
    return b"diff --git " + _quoted(b"a/" + path) + b" " + _quoted(b"b/" + path) + b"\n"


def _quoted(name: bytes) -> bytes:
    """A name as git writes it where it is not simple: in quotes, with escapes."""
    if _SIMPLE.fullmatch(name):
        return name
    escaped = b"".join(
        b"\\" + _LETTERS[byte]
        if byte in _LETTERS
        else bytes([byte])
        if 32 <= byte != 127
        else b"\\%03o" % byte
        for byte in name
    )
    return b'"' + escaped + b'"'
