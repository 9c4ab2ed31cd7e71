"""Ctrl-C and SIGTERM as a request to stop in good order."""

import signal
from types import FrameType
from typing import Self


class StopOnSignal:
    """While open, SIGINT and SIGTERM are remembered instead of ending the process.

    The engine looks at ``reason`` many times a second, ends its children, records, and stops.
    """

    def __init__(self) -> None:
        self._reason = ""
        self._before: dict[int, object] = {}

    def reason(self) -> str:
        """Why to stop; empty while nobody asked."""
        return self._reason

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() gave back

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._reason = f"The run was interrupted by {signal.Signals(number).name}."
