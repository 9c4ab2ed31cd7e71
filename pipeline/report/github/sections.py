"""Documents that keep a limit of size: whole sections are left out, and counted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.base.console import count
from pipeline.report.github.limits import size

_GAP = "\n\n"
_NOTE = 1000
"""Room for the sentence that says what was left out."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document.

    ``weight`` says who gets room first: the heaviest, of equal ones the first. ``name`` is what
    is said to be missing where there is none, as Markdown.
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
    """The sections as one text of at most ``limit`` bytes; the first one always stays.

    Sections go whole. One that is too large leaves its room to those that weigh less.
    """
    present = [one for one in sections if any(one.lines)]
    whole = _joined(present)
    if size(whole) <= limit:
        return whole
    kept, room = {0}, limit - _NOTE - size(present[0].text)
    for number in sorted(range(1, len(present)), key=lambda i: (-present[i].weight, i)):
        taken = size(present[number].text) + len(_GAP)
        if taken <= room:
            kept.add(number)
            room -= taken
    shown = [one for number, one in enumerate(present) if number in kept]
    missing = [one for number, one in enumerate(present) if number not in kept]
    return f"{_joined(shown)}{_GAP}{left_out(missing)}"


def left_out(missing: Sequence[Section]) -> str:
    """The sentence that says how many sections there is no room for, and what the first are."""
    names = [one.name for one in missing if one.name]
    named = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    room = f"{count(len(missing), 'section')} left out for want of room"
    return f"*{room}{f': {named}' if named else ''}.*"


def _joined(sections: Sequence[Section]) -> str:
    return _GAP.join(one.text for one in sections)
