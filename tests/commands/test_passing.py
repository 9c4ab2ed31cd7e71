"""The passing line: there on a terminal, and nowhere else."""

import io

import pytest

from pipeline.commands.passing import PassingLine


class _Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _at_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_a_terminal_shows_the_newest_thing_and_is_left_clean() -> None:
    screen = _Screen()
    with PassingLine("publishing", screen) as line:
        line("branch a")
        line("issue \x1b[31mb")
    shown = screen.getvalue().split("\r\x1b[K")
    assert shown == ["", "publishing 1: branch a", "publishing 2: issue \\x1b[31mb", ""]


def test_a_pipe_gets_nothing() -> None:
    pipe = io.StringIO()
    with PassingLine("publishing", pipe) as line:
        line("branch a")
    assert pipe.getvalue() == ""


def test_a_terminal_that_is_gone_is_no_fault() -> None:
    screen = _Screen()
    with PassingLine("publishing", screen) as line:
        screen.close()
        line("branch a")
