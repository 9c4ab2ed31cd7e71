"""What failed and what to do next are two sentences."""

import pytest

from pipeline.base.errors import InputError
from pipeline.base.git.remote_errors import DENIED, explain


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("It is closed", "It is closed. Open it."),
        ("It is closed.", "It is closed. Open it."),
        ("Is it closed?", "Is it closed? Open it."),
    ],
)
def test_the_remedy_is_a_sentence_of_its_own(what: str, told: str) -> None:
    assert str(InputError(what, remedy="Open it.")) == told
    assert str(InputError(what)) == what


def test_what_git_says_of_a_remote_is_one_line_without_noise() -> None:
    said = (
        "error: unable to read askpass response from 'false'\n"
        "fatal: could not read Username for 'https://x': terminal prompts disabled\n"
        "fatal: the end"
    )
    error = explain("origin", "https://x", said)
    assert error.kind == DENIED
    assert "\n" not in error.what
    assert "askpass" not in error.what
    assert error.what.endswith("terminal prompts disabled; fatal: the end")
