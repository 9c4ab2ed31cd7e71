"""The files that GitHub's runner gives to a step, which it reads when the step has ended."""

import os
from pathlib import Path

from pipeline.base.files import as_unfit


def append(variable: str, text: str) -> bool:
    """Add text to the file that a variable names; returns whether there is one.

    Raises ``UnfitError`` where it cannot be written.
    """
    file = os.environ.get(variable, "")
    if not file or not text:
        return bool(file)
    try:
        with Path(file).open("ab") as out:
            out.write(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise as_unfit(error, Path(file)) from error
    return True
