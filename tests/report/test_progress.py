"""Progress tells what matters in safe lines, and no stream can break it."""

import io
import re
from collections.abc import Callable

import pytest

from pipeline.model.event import Event, Level
from pipeline.model.event import EventType as E
from pipeline.model.record import WorkstreamRecord
from pipeline.model.states import WorkstreamState as W
from pipeline.report.progress import Board, PlainProgress, SilentProgress, open_progress
from pipeline.report.progress_live import LiveProgress

RUN = "01jdaaaaaaaaaaaaaaaaaaaaaa"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def moved(make_event: Callable[..., Event], ws_id: str, target: W, message: str = "m") -> object:
    payload = {"from": "x", "to": target.value}
    return make_event(E.STATE_TRANSITION, message, ws_id=ws_id, payload=payload)


def test_plain_lines_hold_time_workstream_and_message(make_event: Callable[..., Event]) -> None:
    stream = io.StringIO()
    with open_progress(stream, {}) as progress:
        progress([moved(make_event, "api", W.EDITING, "Starts from 3f2.")])
        progress([make_event(E.TOOL_PROGRESS, "still going", ws_id="api")])
        progress([moved(make_event, "api", W.STATIC_CHECK)])
        progress(
            [make_event(E.GATE_FAILED, "api: ruff: 2 findings.", ws_id="api", level=Level.WARNING)]
        )
        progress([make_event(E.PATCH_QUARANTINED, "kept", ws_id="api", level=Level.WARNING)])
        progress([moved(make_event, "api", W.QUARANTINED, "It never passed.")])
        progress([make_event(E.REVIEW_REQUESTED, "b", ws_id="web", level=Level.WARNING)])
        progress([moved(make_event, "web", W.AWAITING_REVIEW, "web awaits review: it is red.")])
        progress([make_event(E.STATE_TRANSITION, "The run is failed.", payload={"to": "failed"})])
    lines = stream.getvalue().splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d  ", line) for line in lines)
    assert [line[10:] for line in lines] == [
        "api  editing: Starts from 3f2.",
        "api  ruff: 2 findings.",
        "api  quarantined: It never passed.",
        "web  awaiting review: it is red.",
        "The run is failed.",
    ]


@pytest.mark.parametrize(
    ("target", "message", "shown"),
    [
        (W.DONE, "api landed.", "api  done: landed."),
        (W.QUARANTINED, "api is quarantined: it is red.", "api  quarantined: it is red."),
        (W.AWAITING_REVIEW, "api: no.", "api  awaiting review: no."),
        (W.QUARANTINED, "apiary is new.", "api  quarantined: apiary is new."),
    ],
)
def test_a_line_names_its_workstream_once(
    make_event: Callable[..., Event], target: W, message: str, shown: str
) -> None:
    stream = io.StringIO()
    PlainProgress(stream)([moved(make_event, "api", target, message)])
    assert stream.getvalue()[10:] == f"{shown}\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred [bold]x[/bold]", "\\x1b[31mred [bold]x[/bold]"),
        ("a\n::error::b", "a\\n::error::b"),
        ("x ::set-output name=y::z", "x : :set-output name=y::z"),
        (":smile: [link=http://e.example]x[/link]", ":smile: [link=http://e.example]x[/link]"),
    ],
)
@pytest.mark.parametrize("is_live", [False, True])
def test_a_tools_words_stay_words(
    make_event: Callable[..., Event], text: str, shown: str, is_live: bool
) -> None:
    stream = io.StringIO()
    event = make_event(E.TOOL_FAILED, text, ws_id="a", level=Level.ERROR)
    progress = (
        LiveProgress(stream, Board(), has_colour=False, width=200, height=20)
        if is_live
        else PlainProgress(stream)
    )
    with progress:
        progress([event])
    assert f"a  {shown}" in stream.getvalue()


def test_a_reader_that_goes_away_does_not_matter(make_event: Callable[..., Event]) -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream)
    stream.close()
    progress([make_event(E.RESUMED, "go")])
    progress([make_event(E.RESUMED, "end")])


@pytest.mark.parametrize(
    ("stream", "environ", "quiet", "kind"),
    [
        (Terminal(), {}, False, LiveProgress),
        (Terminal(), {"NO_COLOR": "1"}, False, LiveProgress),
        (Terminal(), {"CI": "true"}, False, PlainProgress),
        (Terminal(), {"TERM": "dumb"}, False, PlainProgress),
        (io.StringIO(), {}, False, PlainProgress),
        (Terminal(), {}, True, SilentProgress),
    ],
)
def test_the_display_fits_the_stream(
    stream: io.StringIO, environ: dict[str, str], quiet: bool, kind: type
) -> None:
    assert type(open_progress(stream, environ, is_quiet=quiet)) is kind


def test_a_silent_display_prints_nothing(
    make_event: Callable[..., Event], capsys: pytest.CaptureFixture[str]
) -> None:
    with SilentProgress() as progress:
        progress([make_event(E.RUN_FINISHED, "end", level=Level.ERROR)])
    assert capsys.readouterr() == ("", "")


def test_the_board_follows_the_workstreams(make_event: Callable[..., Event]) -> None:
    clock = Clock()
    board = Board([WorkstreamRecord(RUN, "a", 0), WorkstreamRecord(RUN, "b", 1)], clock=clock)
    board.apply(moved(make_event, "a", W.EDITING))
    clock.now += 3
    board.apply(make_event(E.TOOL_STARTED, ws_id="a", payload={"tool": "codemod"}))
    board.apply(moved(make_event, "b", W.EDITING))
    board.apply(make_event(E.WORKSTREAM_CREATED, ws_id="c"))
    working = [(a.ws_id, a.state, a.tool, s) for a, s in board.working()]
    assert working == [("a", W.EDITING, "codemod", 3.0), ("b", W.EDITING, "", 0.0)]
    board.apply(moved(make_event, "a", W.CHECKED))
    board.apply(moved(make_event, "b", W.DONE))
    assert board.working() == []
    assert board.ended() == (1, 3)
    assert board.totals() == {"done": 1, "pending": 1, "checked": 1}


def test_a_run_that_is_carried_on_shows_who_goes_on(
    make_event: Callable[..., Event],
) -> None:
    states = {"a": W.FIXING, "b": W.PENDING, "c": W.DONE}
    board = Board([WorkstreamRecord(RUN, ws_id, 0, state) for ws_id, state in states.items()])
    for ws_id in states:
        board.apply(make_event(E.ATTEMPT_STARTED, ws_id=ws_id, payload={"tool": "ruff"}))
    assert [(a.ws_id, a.state, a.tool) for a, _ in board.working()] == [("a", W.FIXING, "ruff")]


def test_an_event_of_an_unknown_shape_does_no_harm(make_event: Callable[..., Event]) -> None:
    board = Board()
    board.apply(make_event(E.STATE_TRANSITION, ws_id="a", payload={"to": "nowhere"}))
    board.apply(make_event(E.STATE_TRANSITION, payload={}))
    assert board.ended() == (0, 0)


@pytest.mark.parametrize("width", [20, 40, 120])
def test_the_live_display_fits_any_terminal(make_event: Callable[..., Event], width: int) -> None:
    stream = io.StringIO()
    records = [WorkstreamRecord(RUN, f"workstream-{i}", i) for i in range(50)]
    board = Board(records)
    with LiveProgress(stream, board, has_colour=False, width=width, height=12) as progress:
        for record in records:
            progress([moved(make_event, record.ws_id, W.STATIC_CHECK)])
        progress([moved(make_event, "workstream-0", W.DONE, "Landed.")])
    shown = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", stream.getvalue())
    assert max(len(line) for line in re.split(r"[\r\n]", shown)) <= width
    assert re.search(r"\+4\d m", shown), "what does not fit is counted"
    assert "\x1b[?25h" in stream.getvalue(), "the cursor is visible again"


def test_without_colour_the_live_display_has_none(make_event: Callable[..., Event]) -> None:
    stream = io.StringIO()
    progress = LiveProgress(stream, Board(), has_colour=False, width=80, height=20)
    with progress:
        progress([moved(make_event, "a", W.FAILED)])
    assert not re.search(r"\x1b\[[\d;]*3[0-7]", stream.getvalue())
    progress([make_event(E.RESUMED, "too late")])
    assert "too late" not in stream.getvalue()
