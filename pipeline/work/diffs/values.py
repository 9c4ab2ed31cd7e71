"""What an answer's diff is made of, before and after it is placed on files."""

from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.model.patch import Objection, Reason


@dataclass(frozen=True, slots=True)
class Diff:
    """A diff in git's own form, which applies exactly where its numbers say.

    ``paths`` are those that it changes, in order; ``repairs`` are sentences, one for each thing
    that was not as it should be and had only one meaning.
    """

    patch: bytes
    paths: tuple[bytes, ...] = ()
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an answer is not taken: what is wrong, where, and what to print instead."""

    message: str
    reason: Reason = Reason.FORMAT
    path: bytes | None = None

    @property
    def objection(self) -> Objection:
        """The same for those who judge patches."""
        return Objection(self.reason, self.message, self.path)


class NotTakenError(Exception):
    """Ends the reading of an answer; never leaves the package."""

    def __init__(self, message: str, reason: Reason = Reason.FORMAT, path: bytes | None = None):
        super().__init__(message)
        self.refused = Refused(message, reason, path)


class Kind(StrEnum):
    """What happens to a file."""

    UPDATE = "update"
    CREATE = "create"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Place:
    """The numbers of a hunk's header, as they stand there."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines with their signs (``" "``, ``-``, ``+``), without line ends.

    ``heading`` names a line before which it cannot be; ``at`` is its line in the answer.
    ``is_old_cut`` and ``is_new_cut`` say that the last line of that side has no newline,
    ``is_cut_told`` that the hunk says anything about that. ``is_counted`` is false where the
    header's counts had to be corrected.
    """

    lines: tuple[tuple[bytes, bytes], ...]
    at: int
    place: Place | None = None
    heading: bytes = b""
    is_old_cut: bool = False
    is_new_cut: bool = False
    is_counted: bool = True
    is_at_end: bool = False

    @property
    def is_cut_told(self) -> bool:
        """Whether there is a line ``\\ No newline at end of file``."""
        return self.is_old_cut or self.is_new_cut

    @property
    def old(self) -> list[bytes]:
        """The lines that have to be there."""
        return [text for sign, text in self.lines if sign != b"+"]

    @property
    def new(self) -> list[bytes]:
        """The lines that will be there."""
        return [text for sign, text in self.lines if sign != b"-"]


@dataclass(frozen=True, slots=True)
class Section:
    """What an answer says about one file.

    ``old`` and ``new`` are names as printed, ``None`` for ``/dev/null``; with ``is_literal`` they
    have no prefixes. ``move_to`` is a second name that the file is to get.
    """

    kind: Kind
    old: bytes | None
    new: bytes | None
    at: int
    hunks: tuple[Hunk, ...] = ()
    mode: bytes = b"100644"
    is_literal: bool = False
    is_whole: bool = False
    move_to: bytes | None = None


@dataclass(slots=True)
class Notes:
    """Repairs in the order in which they were made, each told once."""

    sentences: dict[str, None] = field(default_factory=dict)

    def add(self, sentence: str) -> None:
        """Tell one more repair, up to as many as a person would read."""
        if len(self.sentences) < 50:
            self.sentences[sentence] = None


def shown(name: bytes) -> str:
    """A name or line for a message, cut."""
    text = name.decode("utf-8", "backslashreplace")
    return text if len(text) <= 120 else text[:117] + "..."
