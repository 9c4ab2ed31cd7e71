"""Foreign text in texts for GitHub: nothing in it links, mentions, refers, renders or breaks out.

GitHub looks for mentions, references and addresses in what Markdown was rendered *to*, so neither
a backslash nor an entity keeps ``@name`` from notifying somebody. What does is a character between
the sign and the name: a zero-width space, written as an entity so that the source shows it. In
code spans and fences GitHub looks for none of them.
"""

import re

from pipeline.base.console import safe, shorten
from pipeline.report import markdown

_ESC = re.compile(
    r"\x1b(?:\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?|\[[0-?]*[ -/]*[@-~]?|[@-Z\\^_]|[ -/]+[0-~])"
)
_GAP = "&#8203;"
_LIVE = (
    (re.compile("&#64;"), f"&#64;{_GAP}"),
    (re.compile(r"\\#"), rf"\\#{_GAP}"),
    (re.compile("&#58;//"), f"&#58;{_GAP}//"),
    (re.compile(r"(www)&#46;", re.IGNORECASE), rf"\1{_GAP}&#46;"),
    (re.compile(r"(GH)\\-", re.IGNORECASE), rf"\1{_GAP}\\-"),
    (re.compile(r"\b(mailto|xmpp):", re.IGNORECASE), rf"\1{_GAP}:"),
)
_ORDERED = re.compile(r"^(\d{1,9})\.")
_RUNS = re.compile("`+")
_TITLE = re.compile(r"(@|#|://|\bwww\.|GH-)(?=\S)", re.IGNORECASE)


def text(value: str | bytes, limit: int | None = None) -> str:
    """Foreign text as one line that shows as it is, anywhere in Markdown, in tables too.

    ``limit`` counts the characters of the text before it is escaped.
    """
    shown = markdown.escape(_clean(value, limit), limit)
    for pattern, replacement in _LIVE:
        shown = pattern.sub(replacement, shown)
    return shown


def block(value: str, limit: int | None = None, *, lines: int = 60) -> list[str]:
    """Foreign text as paragraphs; at most ``lines`` of it, the rest is counted."""
    cleaned = _clean(value, limit)
    cleaned = cleaned if limit is None else shorten(cleaned, limit)
    found = [text(line.strip()) for line in cleaned.splitlines()]
    shown = [_unlisted(line) for line in found]
    while shown and not shown[-1]:
        shown.pop()
    if len(shown) > lines:
        shown = [*shown[:lines], f"*… and {len(shown) - lines:,} more lines.*"]
    return shown


def _unlisted(line: str) -> str:
    """A line that begins neither a list nor an underlined heading."""
    if line.startswith("="):
        return "\\" + line
    return _ORDERED.sub(r"\1\\.", line)


def code(value: str | bytes, limit: int | None = None) -> str:
    """Foreign text in a code span, in tables too; empty where there is nothing to show.

    The span is fenced by more backticks than stand in a row inside of it. A ``|``, which would
    end a table's cell, makes it an element with everything escaped.
    """
    shown = safe(_clean(value, limit), limit)
    if not shown.strip():
        return ""
    if "|" in shown:
        return f"<code>{text(shown)}</code>"
    fence = "`" * (1 + max((len(run) for run in _RUNS.findall(shown)), default=0))
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def fence(value: str | bytes, language: str = "text", limit: int | None = None) -> list[str]:
    """Foreign text of many lines in a fenced block, fenced by more backticks than are inside."""
    lines = [safe(line) for line in _clean(value, limit).splitlines()] or [""]
    longest = max((len(run) for line in lines for run in _RUNS.findall(line)), default=0)
    mark = "`" * max(3, longest + 1)
    return [f"{mark}{language}", *lines, mark]


def title(value: str | bytes, limit: int) -> str:
    """Foreign text as a title, which is no Markdown, and may become a commit's message.

    What would mention, refer or link gets a space behind it that can be seen.
    """
    return shorten(_TITLE.sub(r"\1 ", safe(_clean(value, limit), limit)), limit)


def plain(value: str | bytes, limit: int | None = None) -> str:
    """Foreign text for places that render nothing, its lines kept; ``limit`` is in bytes."""
    lines = [safe(line) for line in _clean(value, limit).splitlines()]
    return cut("\n".join(lines), limit) if limit is not None else "\n".join(lines)


def cut(value: str, limit: int) -> str:
    """The text in at most ``limit`` bytes of UTF-8, no character torn, the cut marked by ``…``."""
    data = value.encode("utf-8", "backslashreplace")
    if len(data) <= limit:
        return value
    room = max(limit - len("…".encode()), 0)
    return data[:room].decode("utf-8", "ignore") + ("…" if limit >= 3 else "")


def _clean(value: str | bytes, limit: int | None) -> str:
    """The text without terminal sequences; what is far beyond ``limit`` is not looked at."""
    if limit is not None:
        value = value[: 8 * limit + 4096]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    return _ESC.sub("", value) if "\x1b" in value else value
