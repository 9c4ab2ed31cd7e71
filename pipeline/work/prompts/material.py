"""What a prompt is made of, gathered from trees and the store; nothing in it is trusted."""

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from pipeline.model.agent import Mode
from pipeline.model.finding import Finding
from pipeline.model.workstream import Workstream

SOURCE_LIMIT = 64 * 1024
"""Bytes that a template may have."""


class Kind(StrEnum):
    """What a prompt asks for; each has a template of its name."""

    EDIT = "edit"
    FIX = "fix"
    REVIEW = "review"
    CONFLICT = "conflict"

    @property
    def template(self) -> str:
        """The file name of its template, ours and in a repository's folder."""
        return f"{self.value}.md.j2"


@dataclass(frozen=True, slots=True)
class TemplateText:
    """A template's source; ``name`` is where a person finds it."""

    name: str
    source: str


class Part(StrEnum):
    """What a piece is in the prompt."""

    FILE = "file"
    NEIGHBOUR = "neighbour"
    CONVENTION = "convention"
    CHANGE = "change"


class Relevance(IntEnum):
    """How much a piece matters; the least is left out first, ``CERTAIN`` never by pruning."""

    NEIGHBOUR = 20
    PATTERN = 40
    CONVENTION = 50
    MENTIONED = 60
    CHANGE = 70
    LITERAL = 80
    CERTAIN = 100


@dataclass(frozen=True, slots=True)
class Piece:
    """A file that the prompt shows; ``is_outline`` where only signatures are left of it."""

    part: Part
    path: str
    text: str
    relevance: Relevance
    is_outline: bool = False


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a file around findings, each with its number."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that a template may be given.

    ``others`` are the workstreams whose landed work a conflict is with, ``landed_diff`` what came
    with it to the files in conflict, as a diff against what both began from. ``last_diff`` is
    what the last attempt had changed and ``reason`` why that was not enough; ``patch`` is what a
    review judges, ``advice`` what a person said who was asked. ``earlier`` and ``left_out`` are
    sentences for the model; ``mode`` is one of ``Mode``.
    """

    ws: Workstream
    kind: Kind = Kind.EDIT
    mode: str = Mode.PROMPT.value
    pieces: tuple[Piece, ...] = ()
    findings: tuple[Finding, ...] = ()
    excerpts: tuple[Excerpt, ...] = ()
    advice: str = ""
    earlier: tuple[str, ...] = ()
    attempt: int = 1
    reason: str = ""
    last_diff: bytes = b""
    conflict: bytes = b""
    landed_diff: bytes = b""
    others: tuple[Workstream, ...] = ()
    patch: bytes = b""
    left_out: tuple[str, ...] = ()

    def of_part(self, part: Part) -> tuple[Piece, ...]:
        """The pieces of one part, in their order."""
        return tuple(piece for piece in self.pieces if piece.part is part)

    def without(self, sentence: str) -> "Material":
        """The same with one more sentence about what was left out."""
        return replace(self, left_out=(*self.left_out, sentence))
