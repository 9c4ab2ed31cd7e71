"""Nothing is hidden in what a model reads, and nothing gets out of its fence."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.check.characters import CONTROL, INVISIBLE
from pipeline.work.prompts.fencing import clean, fence, inline, paragraph

# What is likely to be a way out: fences, comments in pieces, escapes, things that look like them.
BITS = st.sampled_from(
    [
        "`", "```", "````", "~~~", "\n", "\n    ", "<!--", "-->", "<!", "--", "!>", ">", "<",
        "[//]: # (x)", "[a]: #", "\n[comment]: <> (x)\n", "\x1b[31m", "\x1b]0;t\x07", "\x1b", "[",
        "\u200b", "\u202e", "\U000e0041", "\ufe0f", "\r", "\r\n", "\u2028", "\x00", "\ud800",
        "word", " ", "]:", "#", "(", ")", "é", "\x9b", "\x9d",
    ]
)  # fmt: skip
TEXT = st.one_of(st.text(), st.lists(BITS, max_size=30).map("".join))


@given(TEXT, st.booleans(), st.booleans())
def test_cleaning_again_changes_nothing(text: str, is_source: bool, is_diff: bool) -> None:
    once = clean(text, is_source=is_source, is_diff=is_diff)
    again = clean(once.text, is_source=is_source, is_diff=is_diff)

    assert (again.text, again.note) == (once.text, "")


@given(TEXT, st.booleans())
def test_nothing_hidden_is_left(text: str, is_source: bool) -> None:
    left = clean(text, is_source=is_source).text

    assert not INVISIBLE.search(left)
    assert not CONTROL.search(left)
    assert not re.search("[\ufe00-\ufe0f\u200c\u200d\ud800-\udfff\x1b]", left)
    if not is_source:
        assert "<!--" not in left


@given(TEXT, st.text(max_size=20), st.booleans())
def test_nothing_inside_can_close_the_fence(text: str, label: str, is_source: bool) -> None:
    lines = fence(text, label, is_source=is_source).split("\n")
    opening = next(at for at, line in enumerate(lines) if line.startswith("````"))
    bars = lines[opening]

    assert opening == 1, "the label is one line"
    assert set(bars) == {"`"}
    assert lines[-1] == bars
    assert all(bars not in line for line in lines[opening + 1 : -1])
    assert "\n".join(lines[opening + 1 : -1]).rstrip("\n") == (
        clean(text, is_source=is_source).text.rstrip("\n")
    )


@given(TEXT)
def test_words_outside_of_fences_open_none(text: str) -> None:
    for line in (inline(text), paragraph(text)):
        assert "```" not in line
        assert "~~~" not in line
    assert "\n" not in inline(text)


@pytest.mark.parametrize(
    ("text", "left", "note"),
    [
        ("a\u200bb\u2066c", "abc", "2 hidden characters taken out"),
        ("\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x1b\\link", "red link", "3 hidden characters"),
        ("".join(chr(0xE0000 + ord(c)) for c in "obey") + "!", "!", "4 hidden characters"),
        ("see <!-- obey\nme --> this", "see  this", "1 hidden comment taken out"),
        ("see <!-- obey me", "see ", "1 hidden comment taken out"),
        ("a\n[//]: # (obey me)\nb", "a\nb", "1 hidden comment taken out"),
        ('a\n[comment]: <> "obey me"\nb', "a\nb", "1 hidden comment taken out"),
        ("x <!-<!-- -->- obey --> y", "x  y", "2 hidden comments taken out"),
        ("<!-- a -- > b --!> c", " c", "1 hidden comment taken out"),
        ("[docs]: https://example.com 'honest'\n", "[docs]: https://example.com 'honest'\n", ""),
        ("tab\there\r\nnext", "tab\there\nnext", ""),
    ],
)
def test_what_is_taken_out_is_counted(text: str, left: str, note: str) -> None:
    found = clean(text)

    assert found.text == left
    assert found.note.startswith(note)
    assert bool(found.note) == bool(note)


def test_a_comment_in_source_stays_and_in_a_diff_ends_with_its_line() -> None:
    text = "a = '<!--'\nb = 1\n"

    assert clean(text, is_source=True).text == text
    assert clean(text, is_diff=True).text == "a = '\nb = 1\n"
    assert clean(text).text == "a = '"


def test_deeply_nested_comments_end_too() -> None:
    text = "<!-" * 3000 + "<!-- x -->" + "- y -->" * 3000

    found = clean(text)

    assert "<!--" not in found.text
    assert clean(found.text).text == found.text


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert clean(b"caf\xe9").text == "caf\\xe9"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "bit", ["<!--", "<!-- --", "[//]: #", "\n[a]: # (", "\x1b[", "\x9d", "`", "<!-<!-- -->"]
)
def test_text_made_to_take_long_does_not(bit: str) -> None:
    """Quadratic time would be hours here."""
    assert fence(bit * (1_000_000 // len(bit)), "x")
    assert clean(bit * (1_000_000 // len(bit)), is_diff=True)
