"""Suggestions for names that do not exist."""

from collections.abc import Iterable

from pipeline.planning.problem import shown


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """``Did you mean `x`?`` for the closest known name, else ``otherwise``."""
    import difflib  # late: only for wrong input

    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"Did you mean `{shown(close[0])}`?" if close else otherwise
