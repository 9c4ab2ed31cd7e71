"""Reviews: a question for a person about one workstream, and the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pipeline.model.check import Check
from pipeline.model.finding import Finding
from pipeline.model.states import WorkstreamState
from pipeline.model.workstream import Workstream


class ReviewKind(StrEnum):
    """Why a person is asked."""

    LADDER = "ladder"
    CONFLICT = "conflict"
    BUDGET = "budget"
    RISK = "risk"
    POLICY = "policy"


class ReviewState(StrEnum):
    """Whether a review is open, and how it was answered."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    ADJUSTED = "adjusted"


class Option(StrEnum):
    """What a person may say."""

    APPROVE = "approve"
    REJECT = "reject"
    ADJUST = "adjust"


ANSWERS: Mapping[Option, tuple[ReviewState, WorkstreamState]] = {
    Option.APPROVE: (ReviewState.APPROVED, WorkstreamState.MERGING),
    Option.REJECT: (ReviewState.REJECTED, WorkstreamState.QUARANTINED),
    Option.ADJUST: (ReviewState.ADJUSTED, WorkstreamState.READY),
}
"""What each answer makes of the review and of its workstream."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What an answer adds to a frozen bundle; the bundle itself is never rewritten.

    ``advice`` is told to the tool with the task, ``acceptance_tests`` must pass beside those of
    the bundle.
    """

    files_scope: tuple[str, ...] = ()
    files_create: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    acceptance_tests: tuple[Check, ...] = ()
    advice: tuple[str, ...] = ()

    def over(self, ws: Workstream) -> Workstream:
        """The bundle with what was added."""
        said = "".join(f"\n\nAdvice of a reviewer: {text}" for text in self.advice)
        return replace(
            ws,
            description=f"{ws.description}{said}" if ws.description else said.lstrip("\n"),
            files_scope=_joined(ws.files_scope, self.files_scope),
            files_create=_joined(ws.files_create, self.files_create),
            tasks=_joined(ws.tasks, self.tasks),
            acceptance_tests=(*ws.acceptance_tests, *self.acceptance_tests),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said.

    ``waives_gates`` lets an approved workstream land although the gates of the merged tree are
    red; ``overlay`` is what an adjustment adds.
    """

    option: Option
    message: str = ""
    by: str = ""
    waives_gates: bool = False
    overlay: Overlay = field(default_factory=Overlay)


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt as a reviewer needs it; ``outcome`` is empty where it went well."""

    step: str
    number: int
    tool: str
    state: str
    outcome: str = ""
    attempt_id: str = ""
    patch_id: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """A question for a person; ``generation`` is the workstream's when it was asked.

    ``summary`` is a sentence, ``patch_ids`` name the differences to look at (the newest last),
    ``options`` the answers that make sense, ``advice`` says what each would lead to.
    """

    review_id: str
    run_id: str
    ws_id: str
    generation: int
    kind: ReviewKind
    state: ReviewState
    summary: str
    findings: tuple[Finding, ...] = ()
    attempts: tuple[Tried, ...] = ()
    patch_ids: tuple[str, ...] = ()
    options: tuple[Option, ...] = tuple(Option)
    advice: tuple[str, ...] = ()
    asked_at: str = ""
    answered_at: str = ""
    answered_by: str = ""
    answer: Answer | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody has answered yet."""
        return self.state is ReviewState.OPEN


def _joined(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))
