"""The files that GitHub's runner gives to a step, which it reads when the step has ended."""

import os
from pathlib import Path

from pipeline.base.files import as_unfit


def append(variable: str, text: str) -> bool:
    """Add text as lines to the file that a variable names; returns whether there is one.

    Raises ``UnfitError`` where it cannot be written.
    """
    file = os.environ.get(variable, "")
    if not file or not text:
        return bool(file)
    path = Path(file)
    gap = "\n" if _ends_inside_line(path) else ""
    try:
        with path.open("ab") as out:
            out.write(f"{gap}{text}".encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise as_unfit(error, path) from error
    return True


def room(variable: str, limit: int) -> int:
    """How many bytes may still be added to the file that a variable names."""
    file = os.environ.get(variable, "")
    try:
        return limit - Path(file).stat().st_size if file else limit
    except OSError:
        return limit  # adding to it says what is wrong


def _ends_inside_line(path: Path) -> bool:
    """Whether another step left its last line open: what follows would become a part of it."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:
        return False  # empty, or not to be read
