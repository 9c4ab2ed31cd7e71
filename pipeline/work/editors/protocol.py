"""What an editor is asked, what it answers, and what an editor is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pipeline.base.git import Scratch
from pipeline.base.process import Beat, CancelToken
from pipeline.model.agent import NO_PROMPT, Prompt
from pipeline.model.check import ToolProfile
from pipeline.model.edit import Captured, Feedback, ToolReport
from pipeline.model.patch import Objection
from pipeline.model.plan import FrozenFile
from pipeline.model.workstream import Workstream
from pipeline.work.slots import Slot


@dataclass(frozen=True, slots=True)
class EditRequest:
    """One EDIT: the workstream, its tool and the tree to start from.

    ``slot`` holds ``start_tree`` for editors that need a directory. ``files`` are those that
    bundles refer to, frozen with the plan. ``logs`` is the beginning of log file names;
    ``environ`` is where variables come from. ``told`` is the rendered prompt.
    """

    ws: Workstream
    profile: ToolProfile
    start_tree: str
    scratch: Scratch
    slot: Slot | None = None
    told: Prompt = NO_PROMPT
    files: Mapping[str, FrozenFile] = field(default_factory=dict)
    feedback: Feedback | None = None
    logs: Path = Path("edit")
    environ: Mapping[str, str] = field(default_factory=dict)
    cancel: CancelToken | None = None
    on_beat: Callable[[Beat], None] | None = None
    timeout_s: float | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class EditResult:
    """What an editor did.

    ``captured`` is None where the change lies in the slot and has to be captured there, else what
    applying ``patch`` gave; ``refusal`` says why there is no change to speak of.
    """

    report: ToolReport
    captured: Captured | None = None
    refusal: Objection | None = None
    patch: bytes = b""


class Editor(Protocol):
    """Drives one kind of tool."""

    @property
    def needs_directory(self) -> bool:
        """Whether a slot has to be given."""

    def takes_feedback(self, profile: ToolProfile) -> bool:
        """Whether another attempt can be told what was wrong with the last one."""

    def edit(self, request: EditRequest) -> EditResult:
        """Make the change; raises InputError where the bundle or the profile is wrong."""
