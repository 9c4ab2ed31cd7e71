"""Reads JUnit XML: pytest's ``--junitxml`` and what other test runners write in its manner."""

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from pipeline.check.findings.reading import (
    UnreadableOutputError,
    bounded,
    path_bytes,
    plain_text,
    repository_path,
)
from pipeline.model.finding import Finding

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_BYTES = 32 * 1024 * 1024
_CHUNK = 64 * 1024  # characters
_ROOTS = ("testsuites", "testsuite")
_PROLOG = re.compile(r"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*", re.DOTALL)
_PLACE = re.compile(
    r"^(?P<path>[^\s:][^:\n]*):(?P<line>\d{1,9}): (?P<error>\w[\w.]*|in .+)$", re.MULTILINE
)
_EXCEPTION = re.compile(
    r"(?P<name>[A-Za-z_][\w.]*(?:Error|Exception|Failed|Failure|Exit|Warning))\b(?=:|$)"
)
_REASON = re.compile(r"^E\s+(?P<text>\S.*)$", re.MULTILINE)
_COLLECTION = "collection failure"  # pytest's word for a module that could not be imported


def read(
    stdout: bytes, stderr: bytes, report: bytes | None, *, tool: str, root: bytes
) -> tuple[Finding, ...]:
    """Return one finding for each failing or erring test case.

    Documents with a DOCTYPE are refused (entities can expand without bound), so are those over
    ``MAX_BYTES`` and those that are not UTF-8.
    """
    text = _text(stdout if report is None else report)
    return bounded(_findings(text, tool, root), tool=tool)


def _text(data: bytes) -> str:
    """Return the document; decoded here, so that no declared encoding can hide a DOCTYPE."""
    if len(data) > MAX_BYTES:
        raise UnreadableOutputError(f"the JUnit report has more than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableOutputError(f"the JUnit report is not UTF-8: {error}") from error
    if "\0" in text:  # expat would take it for UTF-16, whatever it is told
        raise UnreadableOutputError("the JUnit report is not UTF-8: it has NUL bytes")
    prolog = _PROLOG.match(text)
    start = prolog.end() if prolog else 0
    if text[start : start + 2] == "<!":  # beyond the prolog a DOCTYPE is a syntax error anyway
        raise UnreadableOutputError("the JUnit report has a DOCTYPE, which is never read")
    return text


def _findings(text: str, tool: str, root: bytes) -> Iterator[Finding]:
    for case in _cases(text):
        for problem in case:
            if problem.tag in ("failure", "error"):
                yield _finding(case, problem, tool, root)


def _cases(text: str) -> Iterator["Element"]:
    """Give each test case as soon as it is complete; what was given is forgotten."""
    from xml.etree.ElementTree import ParseError, XMLPullParser

    parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
    is_first = True
    try:
        for at in range(0, len(text) + 1, _CHUNK):
            parser.feed(text[at : at + _CHUNK])
            for event, element in cast("Iterator[tuple[str, Element]]", parser.read_events()):
                if is_first and element.tag not in _ROOTS:
                    raise UnreadableOutputError(f"<{element.tag}> is not a JUnit report")
                is_first = False
                if event == "end" and element.tag == "testcase":
                    yield element
                    element.clear()
        parser.close()
    except ParseError as error:
        raise UnreadableOutputError(f"the JUnit report is not XML: {error}") from error


def _finding(case: "Element", problem: "Element", tool: str, root: bytes) -> Finding:
    name, classname = case.get("name", ""), case.get("classname", "")
    details = problem.text or ""
    is_collection = problem.get("message") == _COLLECTION
    path, line = _place(case, details, root)
    reason = _last(_REASON, details, "text") if is_collection else problem.get("message", "")
    first_line = (
        reason.strip() or details.strip() or f"the test has a {problem.tag}"
    ).splitlines()[0]
    code = "collection-error" if is_collection else _code(problem, first_line, details)
    test = ".".join(part for part in (classname, name) if part) or "test"
    return Finding(tool, code, plain_text(f"{test}: {first_line}"), path=path, line=line)


def _code(problem: "Element", message: str, details: str) -> str:
    """Return the exception's name where one is known, else ``test-failure`` or ``test-error``."""
    declared = problem.get("type", "")
    if re.fullmatch(r"\w[\w.$:-]*", declared):
        return declared
    for match in (_EXCEPTION.match(message), *reversed([*_PLACE.finditer(details)])):
        if match is not None:
            name = match.groupdict().get("name") or match.groupdict().get("error") or ""
            if _EXCEPTION.fullmatch(name):
                return name
    return f"test-{problem.tag}"


def _place(case: "Element", details: str, root: bytes) -> tuple[bytes | None, int]:
    """Return the test's file, and the last line of it that the traceback names."""
    declared = case.get("file")
    path = repository_path(path_bytes(declared), root) if declared else _module(case, root)
    line = case.get("line", "")
    found = (path, int(line) if path and line.isascii() and line.isdigit() else 0)
    for match in _PLACE.finditer(details):
        place = repository_path(path_bytes(match["path"]), root)
        is_better = place == path if path is not None else _is_file(place, root)
        if is_better:
            found = (place, int(match["line"]))
    return found


def _module(case: "Element", root: bytes) -> bytes | None:
    """Return the file of a dotted class name such as ``tests.test_x.TestC``, if there is one."""
    dotted = case.get("classname") or case.get("name") or ""
    parts = dotted.split(".")
    for size in range(min(len(parts), 40), 0, -1):
        path = repository_path(path_bytes("/".join(parts[:size]) + ".py"), root)
        if _is_file(path, root):
            return path
    return None


def _is_file(path: bytes | None, root: bytes) -> bool:
    return path is not None and os.path.isfile(os.path.join(root, path))  # noqa: PTH113, PTH118 - bytes


def _last(pattern: re.Pattern[str], text: str, group: str) -> str:
    found = ""
    for match in pattern.finditer(text):
        found = match[group]
    return found
