import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.check.text import AddedLine, is_plain, text_problems


def problems(line: str | bytes, number: int = 2) -> list[tuple[str, bool]]:
    data = line.encode() if isinstance(line, str) else line
    return [(p.what, p.is_blocking) for p in text_problems([AddedLine(number, data)])]


HIDDEN = [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xAD, 0x61C]
HIDDEN += [
    0x115F,
    0x3164,
    0xFEFF,
    0xE0001,
    0xE0041,
    0xE0101,
    0x2028,
    0x2029,
    0x85,
    0x9B,
    0x7F,
    0x1B,
]


@pytest.mark.parametrize("code", HIDDEN, ids=hex)
def test_what_a_reader_does_not_see_is_refused(code: int) -> None:
    found = problems(f"a{chr(code)}b")
    assert [is_blocking for _, is_blocking in found] == [True]


@pytest.mark.parametrize("code", [c for c in range(0x20) if c not in (0x09, 0x0A)], ids=hex)
def test_c0_controls_are_refused_but_tabs(code: int) -> None:
    assert problems(f"a{chr(code)}b")[0][1]
    assert problems("a\tb") == []


def test_a_carriage_return_at_the_end_is_left_to_others() -> None:
    assert problems("a\r") == []
    assert problems("a\r\r")


def test_a_byte_order_mark_may_start_a_file_and_nothing_else() -> None:
    assert problems("\ufeffusing System;", number=1) == []
    assert problems("\ufeffusing System;", number=2)


@pytest.mark.parametrize(
    "line",
    [
        "::set-output name=a::b",
        'print("::add-mask::x")',
        "echo ::stop-commands::token",
        "::ERROR file=a.py,line=1::text",
        "##[group]x",
        "##vso[task.setvariable variable=a]b",
    ],
)
def test_a_runners_command_is_flagged(line: str) -> None:
    assert [is_blocking for _, is_blocking in problems(line)] == [False]


@pytest.mark.parametrize(
    "line",
    [
        "use std::error::Error;",
        "a::debug::b",
        "x[::2]",
        "## [heading](link)",
        "::before",
        "std::set",
    ],
)
def test_code_that_resembles_one_is_not(line: str) -> None:
    assert problems(line) == []


def test_a_very_long_line_is_flagged_once() -> None:
    assert [is_blocking for _, is_blocking in problems("x" * 2001)] == [False]
    assert problems("x" * 2000) == []


def test_look_alike_letters_are_flagged() -> None:
    assert [is_blocking for _, is_blocking in problems("p\u0430ypal")] == [False]


@given(st.binary(max_size=40).filter(lambda data: b"\n" not in data))
def test_plain_lines_have_nothing_hidden(line: bytes) -> None:
    found = problems(line)
    if is_plain(line):
        assert not any(is_blocking for _, is_blocking in found)
