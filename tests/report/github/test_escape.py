"""Whatever a tool, a bundle or a person wrote: it shows as it is, and does nothing."""

import re
import unicodedata

import pytest
from github_hostile import hostile, hostile_bytes
from hypothesis import example, given, settings
from rendered import render

from pipeline.base.console import safe
from pipeline.report.github import escape
from pipeline.report.markdown import table

some = settings(max_examples=50, deadline=None)


def shown(text: str) -> str:
    """What a reader sees of rendered text: entities and zero-width spaces are nothing to see."""
    return text.replace("\u200b", "").replace("\0", "")


@some
@given(hostile)
@example("\\|@x|`|")
@example("a\\")
@example("@octocat #1 GH-1 www.evil.example https://evil.example a@b.example")
@example("![x](http://e.example/x) <!-- x --> <img src=x> [x](http://e.example)")
def test_text_shows_as_it_is_and_does_nothing(value: str) -> None:
    found = render(f"x {escape.text(value)} y\n\nEND")
    assert found.kinds == ["paragraph_open", "inline", "paragraph_close"] * 2
    assert not (found.live or found.links or found.images or found.elements or found.code)
    seen = " ".join(shown(found.text).split())
    assert seen == " ".join(f"x {safe(escape._clean(value, None))} y END".split())


@some
@given(hostile)
@example("`|`")
@example("\\|")
@example("``")
def test_cells_stay_cells(value: str) -> None:
    lines = table(["a", "b", "c"], [[escape.text(value), escape.code(value), "last"]])
    found = render("\n".join([*lines, "", "END"]))
    assert found.kinds.count("table_open") == 1
    assert found.cells == [3, 3]
    assert found.cell_texts[-1] == "last"
    assert found.kinds[-3:] == ["paragraph_open", "inline", "paragraph_close"]
    assert not (found.live or found.links or found.images)
    assert found.foreign_elements == []


@some
@given(hostile)
@example("a`@octocat `` #1")
@example("`a``")
def test_code_holds_what_it_was_given(value: str) -> None:
    found = render(f"x {escape.code(value)} y")
    wanted = safe(escape._clean(value, None))
    assert not (found.live or found.links or found.images or found.foreign_elements)
    if wanted.strip():
        assert shown("".join(found.code)).strip() == wanted.strip()


@some
@given(hostile)
@example("```\n@octocat\n```")
@example("`" * 40)
def test_a_fence_is_longer_than_what_is_inside(value: str) -> None:
    found = render("\n".join([*escape.fence(value), "", "END"]))
    assert found.kinds == ["fence", "paragraph_open", "inline", "paragraph_close"]


@some
@given(hostile)
def test_a_block_begins_nothing(value: str) -> None:
    found = render("\n".join([*escape.block(value), "", "END"]))
    assert set(found.kinds) == {"paragraph_open", "inline", "paragraph_close"}
    assert not (found.live or found.links or found.images or found.elements or found.code)


def test_a_long_block_is_cut_and_counted() -> None:
    lines = escape.block("\n".join(map(str, range(100))), lines=10)
    assert len(lines) == 11
    assert lines[-1] == "*… and 90 more lines.*"


@some
@given(hostile)
def test_a_title_is_short_and_does_nothing(value: str) -> None:
    found = escape.title(value, 60)
    assert len(found) <= 60
    assert not re.search(r"@\w|#\d|GH-\d|://\w|\bwww\.\w", found, re.IGNORECASE)
    assert not {char for char in found if unicodedata.category(char)[0] == "C"}


@some
@given(hostile_bytes)
def test_plain_text_has_no_controls_and_keeps_its_limit(value: bytes) -> None:
    found = escape.plain(value, 50)
    assert len(found.encode()) <= 50
    assert not {char for char in found if unicodedata.category(char)[0] == "C"} - {"\n"}


@pytest.mark.parametrize("limit", range(12))
def test_a_cut_tears_no_character(limit: int) -> None:
    found = escape.cut("aä€😀" * 3, limit)
    assert len(found.encode()) <= limit
    assert "\ufffd" not in found


def test_terminal_sequences_go_and_invisible_characters_are_shown() -> None:
    assert escape.plain("\x1b[31mred\x1b[0m \x1b]0;title\x07\u202etxt") == "red \\u{202e}txt"
    assert escape.text("a\u200bb") == "a\\\\u\\{200b\\}b"
