"""Logs of CI jobs: findings in every form that tools print, and nothing that is not there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.check.ci_log import failing_checks, log_findings, parts
from pipeline.model.check import Check

TREE = {b"src/app.py", b"src/b.py", b"tests/test_app.py", b"web/x.ts", b"src/\xc3\xa9.py"}

RUFF = """\
\ufeff2026-01-02T03:04:05.1234567Z ##[group]Run ruff check .
2026-01-02T03:04:05.1234567Z \x1b[36;1mruff check .\x1b[0m
2026-01-02T03:04:05.1234567Z shell: /usr/bin/bash -e {0}
2026-01-02T03:04:05.1234567Z env:
2026-01-02T03:04:05.1234567Z   pythonLocation: /opt/hostedtoolcache/Python/3.12.1/x64
2026-01-02T03:04:05.1234567Z ##[endgroup]
2026-01-02T03:04:06.1234567Z \x1b[1m\x1b[91mF401 \x1b[0m[*] `os` imported but unused
2026-01-02T03:04:06.1234567Z  \x1b[1m\x1b[94m--> \x1b[0msrc/app.py:1:8
2026-01-02T03:04:06.1234567Z   |
2026-01-02T03:04:06.1234567Z 1 | import os
2026-01-02T03:04:06.1234567Z ##[error]src/b.py:3:1: E402 Module level import not at top of file
2026-01-02T03:04:06.1234567Z Found 2 errors.
2026-01-02T03:04:06.1234567Z ##[error]Process completed with exit code 1.
""".encode()


def found(log: bytes) -> list[tuple[str, str, bytes, int]]:
    return [
        (one.finding.tool, one.finding.code, one.path, one.finding.line)
        for one in log_findings(log, TREE.__contains__)
    ]


def test_a_job_of_ruff() -> None:
    assert found(RUFF) == [
        ("ruff", "F401", b"src/app.py", 1),
        ("ruff", "E402", b"src/b.py", 3),
    ]
    part = list(parts(RUFF))[1]
    assert part.command.split("\n") == ["ruff check .", "ruff check ."]
    assert part.has_failed


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("src/app.py:3:5: F401 [*] `os` imported but unused", ("ruff", "F401", 3)),
        ("src/app.py:3: error: Incompatible types  [arg-type]", ("mypy", "arg-type", 3)),
        ("/home/runner/work/shop/shop/src/app.py:3:5: E501 Line too long", ("ruff", "E501", 3)),
        ("/__w/shop/shop/src/app.py:3: error: no  [no-untyped-def]", ("mypy", "no-untyped-def", 3)),
        ("D:\\a\\shop\\shop\\src\\app.py:3:5: E501 Line too long", ("ruff", "E501", 3)),
        ("Would reformat: src/app.py", ("ruff", "unformatted", 1)),
        ("would reformat /home/runner/work/shop/shop/src/app.py", ("ruff", "unformatted", 1)),
    ],
)
def test_lines_of_tools(line: str, expected: tuple[str, str, int]) -> None:
    assert found(line.encode()) == [(expected[0], expected[1], b"src/app.py", expected[2])]


def test_a_job_of_pytest() -> None:
    log = b"""\
##[group]Run python -m pytest -q
##[endgroup]
tests/test_app.py:7: AssertionError
=========== short test summary info ===========
FAILED tests/test_app.py::test_total - assert 1 == 2
ERROR tests/test_app.py - ImportError: no module
1 failed in 0.01s
##[error]Process completed with exit code 1.
"""
    places = found(log)
    assert {path for _, _, path, _ in places} == {b"tests/test_app.py"}
    assert len(places) == 3
    checks = [Check("lint", ("ruff", "check")), Check("tests", ("pytest", "-q"))]
    named = failing_checks(log_findings(log, TREE.__contains__), checks)
    assert [check.name for check in named] == ["tests"]


@pytest.mark.parametrize(
    "line",
    [
        "/etc/passwd:1:1: E501 x",
        "../src/app.py:1:1: E501 x",
        "../../etc/passwd:1:1: E501 x",
        "/home/runner/work/shop/other/src/app.py:1:1: E501 x",
        "/usr/lib/python3/src/app.py:1:1: E501 x",
        "/home/runner/work/shop/shop/../../../../etc/passwd:1: x",
        ".git/config:1:1: E501 x",
        "src:1:1: E501 x",
        "src/app.py:1:1: note: only a note",
        "src/missing.py:1:1: E501 x",
        "https://example.com:80: x",
        "12:30:00: src/app.py",
        "FAILED",
        "FAILED (errors=1)",
        " --> src/gone.py:1:1",
    ],
)
def test_what_is_no_finding_of_this_tree(line: str) -> None:
    assert found(line.encode()) == []


def test_a_part_that_passed_does_not_count_beside_one_that_failed() -> None:
    log = b"""\
##[group]Run python build.py
##[endgroup]
src/app.py:9:1: W605 invalid escape sequence
##[group]Run ruff check .
##[endgroup]
src/b.py:3:1: E402 Module level import not at top of file
##[error]Process completed with exit code 1.
"""
    assert found(log) == [("ruff", "E402", b"src/b.py", 3)]


def test_what_a_program_prints_can_pretend_and_gains_nothing() -> None:
    log = b"""\
##[group]Run ruff check .
##[endgroup]
##[error]Process completed with exit code 0.
##[error]file=src/app.py,line=1::everything is broken
##[add-path]/tmp/evil
::error file=src/app.py,line=1::x
##[group]Run rm -rf / # ruff check .
src/app.py:1:8: F401 [*] `os` imported but unused
"""
    checks = [Check("lint", ("ruff", "check", ".")), Check("format", "ruff format --check .")]
    chosen = failing_checks(log_findings(log, TREE.__contains__), checks)
    assert all(check in checks for check in chosen)


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("ruff check src", ["lint"]),
        ("uv run ruff format --check .", ["format"]),
        ("mypy --strict src", ["types"]),
        ("python -m mypy src", ["types"]),
        (".venv/bin/ruff check .", ["lint"]),
        ("make lint", ["lint", "format"]),  # by what ruff alone prints
        ("", ["lint", "format"]),
    ],
)
def test_which_check_it_was(command: str, names: list[str]) -> None:
    checks = [
        Check("lint", ("ruff", "check", ".")),
        Check("format", "ruff format --check ."),
        Check("types", ("python", "-m", "mypy")),
        Check("tests", ("pytest",)),
    ]
    log = (
        f"##[group]Run {command}\n##[endgroup]\nsrc/app.py:1:8: F401 unused\n"
        if command
        else ("src/app.py:1:8: F401 unused\n")
    )
    chosen = failing_checks(log_findings(log.encode(), TREE.__contains__), checks)
    assert [check.name for check in chosen] == names


def test_no_check_is_invented() -> None:
    log = b"##[group]Run eslint\n##[endgroup]\nweb/x.ts:1:8: something\n"
    checks = [Check("lint", ("ruff", "check"))]
    assert failing_checks(log_findings(log, TREE.__contains__), checks) == ()


def test_long_lines_and_many_of_them_end() -> None:
    log = b"\n".join(
        [
            b"/a" * 200_000,
            b"/builds/x" * 1_400,
            b"[" * 9_000,
            b"\x1b]" * 4_000,
            *[b"##[group]Run x"] * 5_000,
            b"src/app.py:1:8: F401 unused",
            *[b"src/app.py:%d:8: F401 unused" % n for n in range(1, 8_000)],
        ]
    )
    assert 1 <= len(found(log)) <= 5_001


def test_the_end_of_very_many_lines_is_read() -> None:
    log = b"src/b.py:1:8: F401 unused\n" + b"\n" * 300_000 + b"src/app.py:1:8: F401 unused\r\n"
    assert [path for _, _, path, _ in found(log)] == [b"src/app.py"]


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    list(parts(data))
    assert all(one.path in TREE for one in log_findings(data, TREE.__contains__))
