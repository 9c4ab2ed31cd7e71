"""Markdown made of foreign text, so that nothing in it links, mentions, renders or breaks out."""

import re
from collections.abc import Iterable, Sequence

from pipeline.base.console import safe

_ACTIVE = re.compile(r"([\\`*_{}\[\]()#+!|~$-])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}
_LINK = re.compile(r"://|www\.", re.IGNORECASE)


def escape(text: str | bytes, limit: int | None = None) -> str:
    """Text that shows as it is: one line, no mark-up, no mention, no reference, no autolink."""
    shown = safe(text, limit)
    shown = "".join(_ENTITIES.get(char, char) for char in shown)
    shown = _ACTIVE.sub(r"\\\1", shown.replace("&#64;", "\0")).replace("\0", "&#64;")
    return _LINK.sub(lambda found: found[0].replace(":", "&#58;").replace(".", "&#46;"), shown)


def code(text: str | bytes, limit: int | None = None) -> str:
    """Text in a code span that also holds in a table; backticks become apostrophes."""
    shown = safe(text, limit).replace("`", "'").replace("|", "\\|")
    return f"`{shown}`" if shown.strip() else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str | int]]) -> list[str]:
    """A table's lines; the cells are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]
