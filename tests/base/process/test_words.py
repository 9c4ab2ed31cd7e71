import os
from pathlib import Path

import pytest

from pipeline.base.process import program_words, which


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("a&&b|c;d&e", "a b c d e"),
        ("x=$(a) `b` (c)", "x=$ a b c"),
        ("a 'b c' \"d\"", "a|b c|d"),
        ("a x#y && b", "a x#y b"),
        ("a\nb # isn't\nc", "a b # isn t c"),
        ("./a b/c /bin/d a", "/bin/d a"),
        (("env", "a", "b/c", "a", ""), "env a"),
        ("", ""),
    ],
)
def test_the_words_that_may_be_programs(command: str, words: str) -> None:
    expected = words.split("|") if "|" in words else words.split()
    named = [w for w in program_words(command) if set(w) - set(";&|<>()`")]
    assert named == expected


def test_a_word_too_long_for_a_file_is_no_program(tmp_path: Path) -> None:
    for word in ("x" * 5000, os.sep + "x" * 5000, "a\0b"):
        assert which(word, path=str(tmp_path), cwd=tmp_path) is None
