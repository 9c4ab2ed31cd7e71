"""Reads ``file:line:col: message`` lines, as compilers, mypy, flake8, yamllint and many write."""

import os
import re
from collections.abc import Iterator

from pipeline.check.findings.reading import bounded, plain_text, repository_path, strip_ansi
from pipeline.model.finding import Finding, Severity

_MAX_LINE = 10_000  # bytes; longer lines are data, not messages
_LINE = re.compile(
    rb"(?P<path>(?:[A-Za-z]:[\\/])?[^:\x00]+?)"
    rb":(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?(?::(?P<end>\d{1,9}):\d{1,9})?"
    rb":\s*(?P<message>\S.*)"
)
_SEVERITY = re.compile(
    r"\[?(?P<word>fatal error|error|warning|warn|note|info|hint)(?:\]:?|:)\s+", re.IGNORECASE
)
_LEADING_CODE = re.compile(r"(?P<code>[A-Z]{1,8}\d{1,5})(?::\s*|\s+|$)")
_TRAILING_CODE = re.compile(
    r"\s+\[(?P<code>-?[A-Za-z][\w.=+-]*)\]$|\s+\((?P<kebab>[a-z][a-z0-9]*(?:-[a-z0-9]+)+)\)$"
)
_FIXABLE = re.compile(r"\[\*\]\s+")
_SEVERITIES = {"warning": Severity.WARNING, "warn": Severity.WARNING}


def read(
    stdout: bytes, stderr: bytes, report: bytes | None, *, tool: str, root: bytes
) -> tuple[Finding, ...]:
    """Return one finding for each line that has the form, each once; any text is readable."""
    sources = (stdout, stderr) if report is None else (report,)
    return bounded(dict.fromkeys(_findings(sources, tool, root)), tool=tool)


def _findings(sources: tuple[bytes, ...], tool: str, root: bytes) -> Iterator[Finding]:
    for source in sources:
        for line in source.splitlines():
            match = _LINE.match(strip_ansi(line).strip()) if len(line) <= _MAX_LINE else None
            if match and _is_file(match["path"], root):
                yield _finding(match, tool, root)


def _is_file(path: bytes, root: bytes) -> bool:
    """Tell a file's name from a time, a host or a word in front of a number."""
    relative = repository_path(path, root)
    if relative is not None and os.path.lexists(os.path.join(root, relative)):  # noqa: PTH118 - bytes
        return True
    if re.search(rb"\s", path) or not re.search(rb"[A-Za-z_]", path):
        return False
    return b"/" in path or re.search(rb"\w\.[A-Za-z]\w{0,9}$", path) is not None


def _finding(match: re.Match[bytes], tool: str, root: bytes) -> Finding:
    path = repository_path(match["path"], root)
    text = plain_text(match["message"].decode("utf-8", "replace"))
    severity, text = _severity(text)
    code, text, is_fixable = _code(text)
    if path is None:  # a file that is not the repository's: say which, point at nothing
        place = plain_text(match["path"].decode("utf-8", "replace"))
        text = f"{place}:{int(match['line'])}: {text}"
    return Finding(
        tool=tool,
        code=code,
        message=text,
        path=path,
        line=int(match["line"]) if path is not None else 0,
        column=int(match["column"] or 0) if path is not None else 0,
        end_line=int(match["end"] or 0) if path is not None else 0,
        severity=severity,
        is_fixable=is_fixable,
    )


def _severity(text: str) -> tuple[Severity, str]:
    match = _SEVERITY.match(text)
    if match is None:
        return Severity.ERROR, text
    word = match["word"].lower()
    default = Severity.ERROR if "error" in word else Severity.INFO
    return _SEVERITIES.get(word, default), text[match.end() :]


def _code(text: str) -> tuple[str, str, bool]:
    """Return code, the text without it, and whether the line claims a safe fix (ruff's ``[*]``)."""
    leading = _LEADING_CODE.match(text)
    if leading is not None:
        rest = text[leading.end() :]
        marker = _FIXABLE.match(rest)
        return leading["code"], rest[marker.end() :] if marker else rest, marker is not None
    trailing = _TRAILING_CODE.search(text)
    if trailing is None:
        return "", text, False
    return trailing["code"] or trailing["kebab"], text[: trailing.start()], False
