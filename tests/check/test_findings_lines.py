import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.check.findings.lines import read
from pipeline.check.findings.reading import MAX_FINDINGS, repository_path
from pipeline.model.finding import Finding, Severity

ROOT = b"/checkout/of/it"


def of(*lines: bytes, root: bytes = ROOT) -> tuple[Finding, ...]:
    return read(b"\n".join(lines), b"", None, tool="t", root=root)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            b"a.py:1:8: F401 [*] `os` imported but unused",
            ("a.py", 1, 8, "F401", "`os` imported but unused", "error", True),
        ),
        (
            b"a.py:1:80: E501 line too long (90 > 79 characters)",
            ("a.py", 1, 80, "E501", "line too long (90 > 79 characters)", "error", False),
        ),
        (
            b'a/b.py:5: error: Name "x" is not defined  [name-defined]',
            ("a/b.py", 5, 0, "name-defined", 'Name "x" is not defined', "error", False),
        ),
        (
            b"a.py:5:15:5:29: note: See the docs",
            ("a.py", 5, 15, "", "See the docs", "info", False),
        ),
        (
            b"src/foo.c:3:5: warning: unused variable 'x' [-Wunused-variable]",
            ("src/foo.c", 3, 5, "-Wunused-variable", "unused variable 'x'", "warning", False),
        ),
        (
            b"foo.c:3:5: fatal error: no.h: No such file",
            ("foo.c", 3, 5, "", "no.h: No such file", "error", False),
        ),
        (
            b'a.yaml:3:1: [error] duplication of key "a" (key-duplicates)',
            ("a.yaml", 3, 1, "key-duplicates", 'duplication of key "a"', "error", False),
        ),
        (
            b"a.py:1:0: C0114: No docstring (missing-docstring)",
            ("a.py", 1, 0, "C0114", "No docstring (missing-docstring)", "error", False),
        ),
        (
            b"tests/test_x.py:12: AssertionError",
            ("tests/test_x.py", 12, 0, "", "AssertionError", "error", False),
        ),
        (
            b"\x1b[1m./a.py\x1b[0m:\x1b[36m3\x1b[0m:1: \x1b[31mbad\x1b[0m",
            ("a.py", 3, 1, "", "bad", "error", False),
        ),
        (b"/checkout/of/it/a.py:3: bad", ("a.py", 3, 0, "", "bad", "error", False)),
        (b"x/../y/a.py:3: bad", ("y/a.py", 3, 0, "", "bad", "error", False)),
    ],
)
def test_lines_of_well_known_tools(line: bytes, expected: tuple[object, ...]) -> None:
    (f,) = of(line)
    path = None if f.path is None else f.path.decode()
    assert (path, f.line, f.column, f.code, f.message, f.severity, f.is_fixable) == expected


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"All checks passed!",
        b"12:30:45: starting",
        b"12:30: starting",
        b"localhost:8080: refused",
        b"https://example.com:443: hm",
        b"Traceback (most recent call last):",
        b'  File "a.py", line 3, in f',
        b"error: something in a.py",
        b"a.py:3:",
        b"a.py:x: bad",
        b"make: *** [Makefile:12: test] Error 1",
        b"some words 3:4: more",
        b"a\x00.py:3: bad",
        b"a.py:3: " + b"x" * 20_000,
    ],
)
def test_other_lines_are_no_findings(line: bytes) -> None:
    assert of(line) == ()


def test_windows_paths_lose_drive_and_backslashes() -> None:
    root = rb"C:\work\it"
    assert [f.path for f in of(rb"C:\work\it\src\a.py:3:1: bad", root=root)] == [b"src/a.py"]
    assert [f.path for f in of(rb"src\a.py:3:1: bad", root=root)] == [b"src/a.py"]
    (outside,) = of(rb"D:\lib\a.py:3:1: bad", root=root)
    assert (outside.path, outside.line) == (None, 0)


def test_a_backslash_is_a_letter_elsewhere() -> None:
    (finding,) = of(rb"dir/a\b.py:3: bad")
    assert finding.path == rb"dir/a\b.py"


@pytest.mark.parametrize("place", [b"/usr/lib/python3/x.py", b"../other/x.py"])
def test_a_file_outside_is_named_but_not_pointed_at(place: bytes) -> None:
    (finding,) = of(place + b":12: bad")
    assert (finding.path, finding.line) == (None, 0)
    assert finding.message == f"{place.decode()}:12: bad"


def test_an_odd_name_counts_when_there_is_such_a_file(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path)
    lines = (b"Makefile:3: missing separator", b"my file:4: bad", b"na\xefve:5: bad")
    assert of(*lines, root=root) == ()
    for name in (b"Makefile", b"my file", b"na\xefve"):
        Path(os.fsdecode(root + b"/" + name)).touch()
    assert [f.path for f in of(*lines, root=root)] == [b"Makefile", b"my file", b"na\xefve"]


def test_links_in_the_way_to_the_checkout_are_seen_through(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    line = os.fsencode(tmp_path.resolve() / "real" / "a.py") + b":3: bad"
    assert [f.path for f in of(line, root=os.fsencode(tmp_path / "link"))] == [b"a.py"]


def test_both_streams_are_read_and_no_line_twice() -> None:
    found = read(b"a.py:1: x\nb.py:2: y", b"a.py:1: x\nc.py:3: z", None, tool="t", root=ROOT)
    assert [f.path for f in found] == [b"a.py", b"b.py", b"c.py"]


def test_a_report_stands_for_the_streams() -> None:
    found = read(b"a.py:1: x", b"", b"b.py:2: y\r\n", tool="t", root=ROOT)
    assert [(f.path, f.message) for f in found] == [(b"b.py", "y")]


def test_too_many_are_cut_and_counted() -> None:
    found = of(*(b"a.py:%d: x" % n for n in range(1, MAX_FINDINGS + 8)))
    assert len(found) == MAX_FINDINGS + 1
    assert found[-1].code == "too-many-findings"
    assert found[-1].message.startswith("7 more")


def test_no_control_character_or_direction_mark_reaches_people() -> None:
    (finding,) = of("a.py:1: x\x07\u202ey\x1b]0;title\x07z".encode())
    assert finding.message == "xyz"


def test_a_severity_is_known_by_its_word() -> None:
    found = of(b"a.py:1: warn: a", b"a.py:2: Warning: b", b"a.py:3: hint: c", b"a.py:4: d")
    expected = [Severity.WARNING, Severity.WARNING, Severity.INFO, Severity.ERROR]
    assert [f.severity for f in found] == expected


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(data: bytes) -> None:
    for finding in read(data, data, None, tool="t", root=ROOT):
        assert finding.path is None or not finding.path.startswith((b"/", b"../"))
        finding.message.encode()


@given(st.binary(max_size=40))
def test_a_path_never_leaves_the_repository(raw: bytes) -> None:
    path = repository_path(raw, ROOT)
    if path is not None:
        assert not path.startswith(b"/")
        assert b".." not in path.split(b"/")
        assert b"\0" not in path
        assert repository_path(path, ROOT) == path
