"""Documents that keep a limit of size: whole sections are left out, and counted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.base.console import count
from pipeline.report.github.limits import size

_NOTE = 400
"""Room for the sentence that says what was left out."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document.

    ``weight`` says how long it stays: the lightest go first, of equal ones the last. ``name`` is
    what is said to be missing then.
    """

    lines: tuple[str, ...]
    name: str = ""
    weight: int = 1

    @property
    def text(self) -> str:
        """The section as Markdown."""
        return "\n".join(self.lines)


def section(lines: Iterable[str], name: str = "", weight: int = 1) -> Section:
    """A section of these lines."""
    return Section(tuple(lines), name, weight)


def fit(sections: Sequence[Section], limit: int) -> str:
    """The sections as one text of at most ``limit`` bytes; the first one always stays."""
    present = [one for one in sections if any(one.lines)]
    if size(_joined(present)) <= limit:
        return _joined(present)
    kept, missing = list(present), []
    total = sum(size(one.text) + 2 for one in kept)
    while len(kept) > 1 and total > limit - _NOTE:
        last = min(range(1, len(kept)), key=lambda i: (kept[i].weight, -i))
        total -= size(kept[last].text) + 2
        missing.append(kept.pop(last))
    return f"{_joined(kept)}\n\n{left_out(missing)}"


def left_out(missing: Sequence[Section]) -> str:
    """The sentence that says how many sections there is no room for, and what the first are."""
    names = [one.name for one in reversed(missing) if one.name]
    named = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    room = f"{count(len(missing), 'section')} left out for want of room"
    return f"*{room}{f': {named}' if named else ''}.*"


def _joined(sections: Sequence[Section]) -> str:
    return "\n\n".join(one.text for one in sections)
