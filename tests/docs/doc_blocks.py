"""Reads documents: fenced blocks with the notes before them, links, headings, commands.

A note is a comment on the line before a fence, which readers do not see:

``<!-- file: PATH -->``     the block is a file of the document's repository
``<!-- exits: N -->``       the last command of the block ends with N
``<!-- not run: WHY -->``   the commands cannot run in a test
``<!-- is: SCHEMA -->``     the block is a document of that format; ``SCHEMA#/key`` a part of it

``<!-- repository: demo -->`` anywhere says that the commands run in the demo's repository.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = tuple(
    path.relative_to(ROOT).as_posix()
    for path in sorted(
        [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")]
    )
)

_NOTE = re.compile(r"^\s*<!-- (file|exits|not run|is): (.*?) -->\s*$")
_FENCE = re.compile(r"^(\s*)```(\w*)\s*$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_WORD = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class Block:
    """A fenced block; ``line`` is where it begins."""

    document: str
    line: int
    language: str
    text: str
    notes: Mapping[str, str]

    @property
    def place(self) -> str:
        """Where to look for it."""
        return f"{self.document}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command of a ``console`` block and what the document says that it prints."""

    text: str
    shown: tuple[str, ...]


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def repository_of(document: str) -> str:
    """Which repository a document's commands run in; empty for the usual one."""
    found = re.search(r"^<!-- repository: (\w+) -->$", text_of(document), re.MULTILINE)
    return found[1] if found else ""


def blocks(document: str, text: str | None = None) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    notes: dict[str, str] = {}
    lines = iter(enumerate((text_of(document) if text is None else text).splitlines(), start=1))
    for number, line in lines:
        if note := _NOTE.match(line):
            notes[note[1]] = note[2]
        elif fence := _FENCE.match(line):
            indent, language = fence[1], fence[2]
            body: list[str] = []
            for _, inner in lines:
                if inner.strip() == "```":
                    break
                body.append(inner.removeprefix(indent))
            yield Block(document, number, language, "\n".join(body) + "\n", notes)
            notes = {}
        elif line.strip():
            notes = {}


def commands(block: Block) -> tuple[Command, ...]:
    """The commands of a block: lines after ``$`` in ``console``, the whole text of ``sh``."""
    if block.language == "sh":
        return (Command(block.text, ()),)
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1] = (f"{found[-1][0]}\n{line[2:]}", [])
        elif found:
            found[-1][1].append(line)
    return tuple(Command(text, tuple(shown)) for text, shown in found)


def prose(text: str) -> str:
    """A document without its fenced blocks."""
    kept, inside = [], False
    for line in text.splitlines():
        if _FENCE.match(line) or (inside and line.strip() == "```"):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def links(text: str) -> list[str]:
    """The targets of all links outside of fenced blocks."""
    return _LINK.findall(prose(text))


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a document."""
    found: set[str] = set()
    for line in prose(text).splitlines():
        if heading := re.match(r"#+\s+(.*)", line):
            plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            slug = _WORD.sub("", plain.lower()).strip().replace(" ", "-")
            while slug in found:
                slug += "-1"
            found.add(slug)
    return found


def code_spans(text: str) -> list[str]:
    """Inline code outside of fenced blocks."""
    return re.findall(r"`([^`\n]+)`", prose(text))
