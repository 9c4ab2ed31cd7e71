"""What Markdown becomes on GitHub, as far as it matters: text, code, links, images, elements."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_MENTION = re.compile(r"@[A-Za-z0-9]")
_REFERENCE = re.compile(r"#[0-9]|\bGH-[0-9]", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\u200b]|\bwww\.[^\s\u200b]", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>|[^<]+|<")
_OURS = re.compile(r"</?(?:details|summary|sub|code)>")
_MARKER = re.compile(r"<!-- git-pipeline:[A-Za-z0-9._:/-]+:v1 -->\n?")


@dataclass
class Rendered:
    """The parts of a rendered text; ``live`` is what GitHub would make something of."""

    text: str = ""
    code: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    elements: list[str] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    cell_texts: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    @property
    def live(self) -> list[str]:
        """Mentions, references and addresses in the text: those in code do nothing."""
        return [
            found[0]
            for pattern in (_MENTION, _REFERENCE, _ADDRESS)
            for found in pattern.finditer(self.text)
        ]

    @property
    def foreign_elements(self) -> list[str]:
        """Elements that are none of those that our texts are made of."""
        return [one for one in self.elements if not (_OURS.fullmatch(one) or _MARKER.match(one))]


def render(markdown: str) -> Rendered:
    """Render a text as GitHub does, so far as the tests ask."""
    found = Rendered()
    for token in _MARKDOWN.parse(markdown):
        found.kinds.append(token.type)
        if token.type == "tr_open":
            found.cells.append(0)
        elif token.type in ("td_open", "th_open"):
            found.cells[-1] += 1
        elif token.type in ("fence", "code_block"):
            found.code.append(token.content)
        elif token.type == "html_block":
            _html(found, token.content)
        elif token.type == "inline":
            if found.kinds[-2] in ("td_open", "th_open"):
                found.cell_texts.append(token.content)
            _inline(found, token.children or ())
            found.text += "\n"
    return found


def _inline(found: Rendered, tokens: Iterable[Token]) -> None:
    inside = {"code": 0, "link": 0}
    for child in tokens:
        if child.type == "html_inline":
            found.elements.append(child.content)
            inside["code"] += {"<code>": 1, "</code>": -1}.get(child.content, 0)
        elif child.type in ("link_open", "link_close"):
            inside["link"] += child.nesting
            found.links += [str(child.attrs["href"])] if child.nesting > 0 else []
        elif child.type == "image":
            found.images.append(str(child.attrs["src"]))
        elif child.type == "code_inline" or inside["code"]:
            found.code.append(child.content)
            found.text += "\0"
        elif not inside["link"]:
            found.text += "\n" if child.type.endswith("break") else child.content


def _html(found: Rendered, content: str) -> None:
    if _MARKER.match(content):
        found.elements.append(content)
        return
    for part in _TAG.findall(content):
        if part.startswith("<"):
            found.elements.append(part)
        else:
            found.text += part
