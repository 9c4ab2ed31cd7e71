"""What passes between the life of a workstream and the rooms that edit and capture."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.base.git import TreeChange
from pipeline.model.agent import AgentOutcome
from pipeline.model.finding import Finding
from pipeline.model.patch import Objection


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
