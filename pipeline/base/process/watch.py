"""When a running program has to be ended, and when its beat is due."""

import contextlib
import time
from collections.abc import Callable

from pipeline.base.process.cancel import CancelToken
from pipeline.base.process.command import Beat, Command, Ending


class Watch:
    """The deadlines of one running program, on the monotonic clock."""

    def __init__(
        self,
        command: Command,
        *,
        cancel: CancelToken | None,
        on_beat: Callable[[Beat], None] | None,
        beat_s: float,
    ) -> None:
        self._command = command
        self._cancel = cancel
        self._on_beat = on_beat
        self._beat_s = beat_s
        self.started = self._last_output = time.monotonic()
        self._next_beat = self.started + beat_s
        self._output_bytes = 0

    def check(self, output_bytes: int) -> Ending | None:
        """Return why the program must be ended now, or ``None``; give the beat when it is due."""
        now = time.monotonic()
        if output_bytes != self._output_bytes:
            self._output_bytes = output_bytes
            self._last_output = now
        self._beat(now)
        command = self._command
        if self._cancel is not None and self._cancel.is_cancelled:
            return Ending.CANCELLED
        if command.output_limit is not None and output_bytes > command.output_limit:
            return Ending.FLOODED
        if now >= self.started + command.timeout_s:
            return Ending.TIMEOUT
        if command.idle_timeout_s is not None and now >= self._last_output + command.idle_timeout_s:
            return Ending.IDLE
        return None

    def pause_s(self) -> float:
        """Return for how many seconds nothing is due."""
        due = self.started + self._command.timeout_s
        if self._command.idle_timeout_s is not None:
            due = min(due, self._last_output + self._command.idle_timeout_s)
        if self._on_beat is not None:
            due = min(due, self._next_beat)
        return max(0.0, due - time.monotonic())

    def _beat(self, now: float) -> None:
        if self._on_beat is None or now < self._next_beat:
            return
        self._next_beat = now + self._beat_s
        with contextlib.suppress(Exception):  # a listener's fault must not cost a tool its life
            self._on_beat(Beat(now - self.started, self._output_bytes))
