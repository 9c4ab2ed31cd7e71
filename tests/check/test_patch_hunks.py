import pytest

from pipeline.check.patch_hunks import Hunk, apply_hunks

FILE = b"a\nb\nc\nd\n"


def hunk(at: int, *lines: bytes, new_at: int | None = None) -> Hunk:
    return Hunk(at, at if new_at is None else new_at, lines)


def test_hunks_are_applied_in_their_own_place() -> None:
    first = hunk(0, b"-a\n", b"+A\n", b"+AA\n")
    second = hunk(3, b" d\n", b"+e\n", new_at=4)
    assert apply_hunks(FILE, [first, second]) == b"A\nAA\nb\nc\nd\ne\n"


@pytest.mark.parametrize(
    "wrong",
    [
        hunk(1, b"-a\n"),
        hunk(3, b"-d\n", b"-e\n"),
        hunk(9, b"+x\n"),
        hunk(0, b"-a"),
        hunk(3, b"-d"),
        hunk(0, b"-a\n", b"+A"),
    ],
)
def test_a_hunk_that_does_not_fit_gives_nothing(wrong: Hunk) -> None:
    assert apply_hunks(FILE, [wrong]) is None


def test_only_line_feeds_end_lines() -> None:
    data = "a\u2028b\x0cc\rd\n".encode()
    assert apply_hunks(data, [hunk(0, b"-" + data, b"+x\n")]) == b"x\n"


def test_a_missing_last_line_feed_is_kept_apart() -> None:
    assert apply_hunks(b"a\nb", [hunk(1, b"-b", b"+b\n")]) == b"a\nb\n"
    assert apply_hunks(b"a\nb\n", [hunk(1, b"-b\n", b"+b")]) == b"a\nb"
    assert apply_hunks(b"a\nb", [hunk(1, b"-b\n", b"+b")]) is None


def test_an_empty_file_is_filled_and_emptied() -> None:
    assert apply_hunks(b"", [hunk(0, b"+x\n")]) == b"x\n"
    assert apply_hunks(b"x\n", [hunk(0, b"-x\n")]) == b""
    assert apply_hunks(b"", []) == b""
