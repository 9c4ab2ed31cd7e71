"""What a run is doing, as it happens: a live display on a terminal, plain lines elsewhere.

A display is a subscriber of the bus: it is called after the commit, on a thread of its own, so
that it cannot hold or break the engine.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Protocol, Self, TextIO

from pipeline.base.clock import parse_time
from pipeline.base.console import Paint, emit, is_terminal, safe, wants_colour
from pipeline.model.event import Event, EventType, Level
from pipeline.model.record import WorkstreamRecord
from pipeline.model.states import FINAL, WORKING, WorkstreamState
from pipeline.report.appearance import colour, totals, words

MESSAGE_LIMIT = 300
_E, _W = EventType, WorkstreamState

_TOLD_TYPES = frozenset({_E.RESUMED, _E.MERGE_CONFLICT, _E.BREAKER_TRIPPED})
_TOLD_STATES = FINAL | {_W.EDITING, _W.FIXING, _W.CHECKED, _W.AWAITING_REVIEW}
# What a change of state says already.
_SAID_BY_STATE = frozenset({_E.DEPENDENCY_BLOCKED, _E.PATCH_QUARANTINED, _E.REVIEW_REQUESTED})


class Progress(Protocol):
    """A display: open while the run goes on, called with the events of every commit."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def __call__(self, events: Sequence[Event]) -> None:
        """Take note of events, in order."""
        ...


def open_progress(
    stream: TextIO,
    environ: Mapping[str, str],
    *,
    workstreams: Iterable[WorkstreamRecord] = (),
    is_quiet: bool = False,
) -> Progress:
    """The display that fits the stream; ``workstreams`` are those of the run as it begins.

    Live on a terminal, plain lines elsewhere and where ``CI`` or ``TERM=dumb`` is set, nothing
    when quiet.
    """
    if is_quiet:
        return SilentProgress()
    if is_terminal(stream, environ):
        from pipeline.report.progress_live import LiveProgress

        board = Board(workstreams)
        return LiveProgress(stream, board, has_colour=wants_colour(stream, environ))
    return PlainProgress(stream)


def is_telling(event: Event) -> bool:
    """Whether a person who only reads now and then wants to know of this event."""
    if event.type is _E.STATE_TRANSITION:
        return not event.ws_id or target_of(event) in _TOLD_STATES
    if event.type in _SAID_BY_STATE:
        return False
    return event.type in _TOLD_TYPES or event.level in (Level.WARNING, Level.ERROR)


def target_of(event: Event) -> WorkstreamState | None:
    """The state that a workstream moved to; ``None`` for any other event."""
    if event.type is not _E.STATE_TRANSITION or not event.ws_id:
        return None
    try:
        return WorkstreamState(event.payload.get("to", ""))
    except ValueError:
        return None


def sentence(event: Event) -> str:
    """An event in one safe line, without its time and workstream.

    Messages stand for themselves in the record, so many begin with the workstream, or say that
    it is in the state which is shown here before them.
    """
    target = target_of(event)
    said = event.message
    if event.ws_id:
        is_there = f"{event.ws_id} is {words(target)}: " if target else ""
        said = said.removeprefix(is_there).removeprefix(f"{event.ws_id}: ")
        said = said.removeprefix(f"{event.ws_id} ")
        if target is _W.AWAITING_REVIEW:
            said = said.removeprefix("awaits review: ")
    message = safe(said, MESSAGE_LIMIT)
    return f"{words(target)}: {message}" if target else message


def plain_line(event: Event, paint: Paint | None = None) -> str:
    """``HH:MM:SS  ws-id  message``, in local time."""
    paint = paint or Paint()
    when = parse_time(event.ts).astimezone().strftime("%H:%M:%S")
    where = f"{safe(event.ws_id)}  " if event.ws_id else ""
    return f"{paint(when, 'dim')}  {where}{paint(sentence(event), style_of(event))}"


def style_of(event: Event) -> str:
    """How an event's message looks."""
    target = target_of(event)
    if target:
        return colour(target) if target in FINAL else ""
    return {Level.WARNING: "yellow", Level.ERROR: "red"}.get(event.level, "")


class SilentProgress:
    """No display."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def __call__(self, events: Sequence[Event]) -> None:
        """Take no note."""


class PlainProgress(SilentProgress):
    """A line for each event that matters."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_gone = False

    def __call__(self, events: Sequence[Event]) -> None:
        """Print the events that matter."""
        lines = [plain_line(event) for event in events if is_telling(event)]
        if self._is_gone or not lines:
            return
        try:
            emit("\n".join(lines), self._stream)
        except (OSError, ValueError):
            self._is_gone = True  # nobody reads any more; the run goes on


@dataclass(frozen=True, slots=True)
class Activity:
    """What a working workstream does; ``since`` is on the board's clock."""

    ws_id: str
    state: WorkstreamState
    since: float
    tool: str = ""


class Board:
    """The present state of a run, kept from its events; safe to read from another thread."""

    def __init__(
        self,
        workstreams: Iterable[WorkstreamRecord] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._states = {ws.ws_id: ws.state for ws in workstreams}
        self._active: dict[str, Activity] = {}
        self.started = clock()

    def apply(self, event: Event) -> None:
        """Bring the board up to date with one event."""
        if not event.ws_id:
            return
        with self._lock:
            target = target_of(event)
            if target:
                self._move(event.ws_id, target)
            elif event.type is _E.WORKSTREAM_CREATED:
                self._states.setdefault(event.ws_id, WorkstreamState.PENDING)
            elif event.type in (_E.TOOL_STARTED, _E.ATTEMPT_STARTED):
                self._note_tool(event.ws_id, str(event.payload.get("tool", "")))

    def _move(self, ws_id: str, target: WorkstreamState) -> None:
        self._states[ws_id] = target
        # `checked` holds work but does none: it waits for its turn to land.
        if target in WORKING and target is not WorkstreamState.CHECKED:
            self._active[ws_id] = Activity(ws_id, target, self._clock())
        else:
            self._active.pop(ws_id, None)

    def _note_tool(self, ws_id: str, tool: str) -> None:
        if ws_id not in self._active:
            # A run that is carried on begins in the middle: the state was reached before.
            state = self._states.get(ws_id)
            if state not in WORKING:
                return
            self._active[ws_id] = Activity(ws_id, state, self._clock())
        if tool:
            self._active[ws_id] = replace(self._active[ws_id], tool=tool)

    def working(self) -> list[tuple[Activity, float]]:
        """What is being worked on and for how many seconds, the longest first."""
        with self._lock:
            now = self._clock()
            found = sorted(self._active.values(), key=lambda a: (a.since, a.ws_id))
        return [(activity, now - activity.since) for activity in found]

    def totals(self) -> dict[str, int]:
        """How many workstreams are in each state."""
        with self._lock:
            return totals(self._states.values())

    def ended(self) -> tuple[int, int]:
        """How many workstreams have ended, and how many there are."""
        with self._lock:
            counts = Counter(state in FINAL for state in self._states.values())
        return counts[True], counts.total()

    def elapsed(self) -> float:
        """Seconds since the board was set up."""
        return self._clock() - self.started
