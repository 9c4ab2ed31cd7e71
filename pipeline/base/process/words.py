"""Which words of a command may be the names of programs."""

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

_SEPARATORS = ";&|<>()`"
_UNREADABLE = re.compile(r"""[\s;&|<>()`'"]+""")


def program_words(command: Sequence[str] | str) -> tuple[str, ...]:
    """Return each word that may name a program outside of the tree, once, in order.

    Of a shell string every word is one, not only the first: what follows ``&&`` or ``|`` is
    started, too, and so is the argument of ``env`` or ``nice``. A word that is no program does no
    harm: the caller looks for it on ``PATH``. A path with a slash that is not absolute belongs to
    the tree and is left out.
    """
    words = _shell_words(command) if isinstance(command, str) else command
    return tuple(
        dict.fromkeys(w for w in words if w and (os.sep not in w or Path(w).is_absolute()))
    )


def _shell_words(command: str) -> Sequence[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars=_SEPARATORS)
    lexer.whitespace_split = True
    lexer.commenters = ""  # for shlex a comment begins in the middle of a word, too
    try:
        return list(lexer)
    except ValueError:
        return _UNREADABLE.split(command)
