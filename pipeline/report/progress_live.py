"""The live display on a terminal: messages scroll above, working workstreams and a bar below."""

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipeline.base.console import duration, safe
from pipeline.model.event import Event
from pipeline.report.appearance import colour, headline, words
from pipeline.report.progress import Board, is_telling, plain_line, style_of

_REFRESH_HZ = 4
_MARGIN = 6
"""Lines of the terminal that are left to messages."""


class LiveProgress:
    """A display that redraws itself; everything printed is ``Text``, so nothing is mark-up."""

    def __init__(
        self,
        stream: TextIO,
        board: Board,
        *,
        has_colour: bool = True,
        width: int | None = None,
        height: int | None = None,
    ) -> None:
        self._board = board
        self._console = Console(
            file=stream,
            force_terminal=True,
            no_color=not has_colour,
            highlight=False,
            markup=False,
            emoji=False,
            width=width,
            height=height,
        )
        self._live = Live(
            console=self._console,
            get_renderable=self._picture,
            refresh_per_second=_REFRESH_HZ,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._lock = threading.Lock()
        self._is_gone = False

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._is_gone = True
            self._live.stop()

    def __call__(self, events: Sequence[Event]) -> None:
        """Bring the display up to date, and print the events that matter above it."""
        for event in events:
            self._board.apply(event)
        with self._lock:
            for event in events:
                if is_telling(event) and not self._is_gone:
                    self._console.print(Text(plain_line(event), style_of(event)))

    def _picture(self) -> RenderableType:
        working = self._board.working()
        room = max(self._console.height - _MARGIN, 1)
        grid = Table.grid(padding=(0, 2), expand=False)
        for style in ("bold", "", "", "dim"):
            grid.add_column(style=style, no_wrap=True, overflow="ellipsis")
        for activity, seconds in working[:room]:
            grid.add_row(
                Text(safe(activity.ws_id)),
                Text(words(activity.state), colour(activity.state)),
                Text(duration(seconds)),
                Text(safe(activity.tool, 40)),
            )
        if len(working) > room:
            grid.add_row(Text(f"+{len(working) - room} more"))
        return Group(grid, self._bar())

    def _bar(self) -> RenderableType:
        ended, total = self._board.ended()
        bar = Table.grid(padding=(0, 2))
        bar.add_column(no_wrap=True)
        bar.add_column(no_wrap=True, overflow="ellipsis")
        length = max(8, min(30, self._console.width // 3))
        totals = {s: n for s, n in self._board.totals().items() if s not in ("pending", "ready")}
        waiting = total - sum(totals.values())
        text = headline({**totals, **({"waiting": waiting} if waiting else {})})
        bar.add_row(
            ProgressBar(total=max(total, 1), completed=ended, width=length, complete_style="green"),
            Text(f"{text}  {duration(self._board.elapsed())}"),
        )
        return bar
