"""Discard patterns mean what gitignore's do."""

import pytest

from pipeline.work.discard import Discard


@pytest.mark.parametrize(
    ("path", "is_covered"),
    [
        (b"src/__pycache__/a.txt", True),
        (b"__pycache__", False),
        (b"a/__pycache__/b/c", True),
        (b"x.pyc", True),
        (b"x.py", False),
        (b"\xff.pyc", True),
        (b"new\nline.pyc", True),
        (b".gitignore", False),
        (b".coverage.host.123", True),
    ],
)
def test_the_defaults(path: bytes, is_covered: bool) -> None:
    assert Discard(()).covers(path) is is_covered


def test_configured_patterns_take_the_place_of_the_defaults() -> None:
    discard = Discard(("build/", "!build/keep", "/top.txt"))
    assert discard.covers(b"build/x") and discard.covers(b"build/keep")
    assert discard.covers(b"top.txt") and not discard.covers(b"a/top.txt")
    assert not discard.covers(b"x.pyc")
    assert discard.covers(b"a/build/")
