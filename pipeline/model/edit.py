"""What passes between the life of a workstream and the rooms that edit and capture."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.base.git import TreeChange
from pipeline.model.agent import AgentOutcome
from pipeline.model.finding import Finding
from pipeline.model.patch import Objection


@dataclass(frozen=True, slots=True)
class OtherWork:
    """Another workstream, as far as whoever resolves a conflict with it needs to know it."""

    id: str
    title: str
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConflictFile:
    """A path that both sides changed: ``base``, what landed (``ours``), the own work (``theirs``).

    ``None`` stands for no file, or one too large to show; ``kind`` is that of the conflict.
    """

    path: bytes
    kind: str
    base: bytes | None = None
    ours: bytes | None = None
    theirs: bytes | None = None


@dataclass(frozen=True, slots=True)
class ConflictSides:
    """Both sides of a merge conflict: whose work it is with, and the files at odds."""

    others: tuple[OtherWork, ...] = ()
    files: tuple[ConflictFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the last attempt is told: why it was refused or red, and what it had changed.

    ``conflict`` holds the conflicting hunks when landing sent the workstream back. ``earlier``
    tells of the attempts before the last one, a sentence each, with the tool and why it failed.
    """

    reason: str
    findings: tuple[Finding, ...] = ()
    last_diff: bytes = b""
    conflict: bytes = b""
    attempt: int = 1
    sides: ConflictSides | None = None
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Captured:
    """What a tool really changed, compared with the tree it started from.

    ``dropped`` are discarded tool caches; ``objections`` what makes the change unacceptable
    before any policy is asked (special files, nested repositories, hard links, oversize).
    ``tree`` is empty when an objection leaves no tree to speak of.
    """

    start_tree: str
    tree: str
    changes: tuple[TreeChange, ...]
    dropped: tuple[bytes, ...] = ()
    objections: tuple[Objection, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolReport:
    """How a tool's run went, as recorded with the attempt; never proof of anything it changed."""

    tool: str
    ending: str = "exited"
    exit_code: int | None = 0
    duration_s: float = 0.0
    output_bytes: int = 0
    stdout_log: str = ""
    stderr_log: str = ""
    summary: str = ""
    is_fault: bool = False
    left_behind: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    agent: AgentOutcome | None = None
