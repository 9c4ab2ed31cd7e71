"""Foreign text is made harmless, columns line up, and colour appears only where it is wanted."""

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.base import console
from pipeline.base.console import Cell, Paint


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(st.text() | st.binary())
def test_safe_text_is_one_line_without_anything_invisible(text: str | bytes) -> None:
    shown = console.safe(text)
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in shown)
    assert len(shown.splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("one\ntwo\ttabs\r", "one\\ntwo\\ttabs\\r"),
        ("abc\u202ecba", "abc\\u{202e}cba"),
        (b"caf\xc3\xa9 \xff", "café \\xff"),
        ("Grüße, 世界", "Grüße, 世界"),
        ("\udcff", "\\u{dcff}"),
    ],
)
def test_what_a_terminal_would_obey_is_spelt_out(text: str | bytes, shown: str) -> None:
    assert console.safe(text) == shown


@pytest.mark.parametrize(
    "text", ["::error file=a::b", "  ::stop-commands::x", "a\n::add-mask::x", "x ##[group]y"]
)
def test_what_a_ci_runner_would_obey_is_taken_apart(text: str) -> None:
    shown = console.safe(text)
    assert not shown.lstrip().startswith("::")
    assert "##[" not in shown


def test_a_signature_keeps_its_colons() -> None:
    assert console.safe("ruff::F401::unused import") == "ruff::F401::unused import"


@given(st.text(), st.integers(min_value=1, max_value=20))
def test_a_limit_is_kept_and_the_cut_is_marked(text: str, limit: int) -> None:
    shown = console.safe(text, limit)
    assert len(shown) <= limit
    whole = console.safe(text)
    assert shown == whole if len(whole) <= limit else shown.endswith("…")


@pytest.mark.parametrize(
    ("stream", "environ", "wanted"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"CI": "true"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colour_is_for_a_terminal_whose_owner_did_not_refuse(
    stream: io.StringIO, environ: dict[str, str], wanted: bool
) -> None:
    assert console.wants_colour(stream, environ) is wanted


def test_a_closed_stream_is_no_terminal() -> None:
    stream = io.StringIO()
    stream.close()
    assert not console.is_terminal(stream, {})


def test_what_the_stream_cannot_encode_is_escaped() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    console.emit("café …", stream)
    assert raw.getvalue() == b"caf\\xe9 \\u2026\n"


def test_columns_line_up_also_with_wide_and_combining_characters() -> None:
    lines = console.columns(
        ["name", "n", "note"], [["世界", 7, "x"], ["e\u0301", 1234, "y"], ["plain", 0, ""]]
    )
    assert lines == ["name      n  note", "世界      7  x", "e\u0301      1234  y", "plain     0"]


def test_paint_wraps_cells_without_moving_them() -> None:
    plain = console.columns(["state", "id"], [[Cell("done", "green"), "a"]])
    painted = console.columns(["state", "id"], [[Cell("done", "green"), "a"]], Paint(is_on=True))
    assert painted[1] == "\x1b[32mdone\x1b[0m   a"
    assert plain[1] == "done   a"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0.0 s"), (9.4, "9.4 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (7800, "2 h 10 min")],
)
def test_durations_read_as_people_write_them(seconds: float, shown: str) -> None:
    assert console.duration(seconds) == shown


def test_counts_agree_with_their_noun() -> None:
    assert console.count(1, "patch", "patches") == "1 patch"
    assert console.count(2000, "workstream") == "2,000 workstreams"
