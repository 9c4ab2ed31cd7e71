"""One line on a terminal that says what is being done, and is gone when it is done."""

import os
import sys
from typing import TextIO

from pipeline.base import console

_WIDTH = 79
_CLEAR = "\r\x1b[K"


class PassingLine:
    """Shows the newest thing on standard error; nothing where nobody watches it."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._is_on = console.is_terminal(self._stream, os.environ)
        self._title = title
        self._number = 0

    def __call__(self, thing: str) -> None:
        """Show what is being done now; the things are counted."""
        self._number += 1
        text = console.safe(f"{self._title} {self._number}: {thing}", _WIDTH)
        self._write(f"{_CLEAR}{text}")

    def __enter__(self) -> "PassingLine":
        return self

    def __exit__(self, *_: object) -> None:
        self._write(_CLEAR)

    def _write(self, text: str) -> None:
        if not self._is_on:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._is_on = False  # nobody reads it any more
