"""What the store keeps of runs, workstreams and attempts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pipeline.model.finding import Finding
from pipeline.model.states import RunState, WorkstreamState


class Step(StrEnum):
    """What a workstream goes through."""

    EDIT = "edit"
    STATIC = "static"
    FIX = "fix"
    RUNTIME = "runtime"
    REVIEW = "review"
    MERGE = "merge"


class AttemptState(StrEnum):
    """How an attempt ended; ``CRASHED`` is one that no live process owns any more."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One execution of a plan from one base commit; times are ISO 8601 in UTC."""

    run_id: str
    key: str
    state: RunState
    base_commit: str
    base_ref: str = ""
    kind: str = "run"
    integration_branch: str = ""
    integration_commit: str = ""
    jobs: int = 1
    created_at: str = ""
    started_at: str = ""
    finished_at: str = ""
    duration_s: float = 0.0
    engine_cpu_s: float = 0.0
    gates_run: int = 0
    verdicts_reused: int = 0
    taken_from: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WorkstreamRecord:
    """A workstream within a run.

    ``start_commit`` is where its work began, ``commit`` its newest accepted commit,
    ``checked_commit`` the first that passed its gates (what dependents start from) and
    ``checked_start`` the ``start_commit`` of that one,
    ``landing_commit`` the intended or done commit on the integration branch, ``returns`` how
    often landing sent it back to editing.
    """

    run_id: str
    ws_id: str
    seq: int
    state: WorkstreamState = WorkstreamState.PENDING
    generation: int = 1
    branch: str = ""
    start_commit: str = ""
    commit: str = ""
    tree: str = ""
    checked_start: str = ""
    checked_commit: str = ""
    landing_commit: str = ""
    returns: int = 0
    attempts: int = 0
    findings: int = 0
    patch_id: str = ""
    reason: str = ""
    reason_code: str = ""


@dataclass(frozen=True, slots=True)
class StepAttempt:
    """One execution of a step: its tool, exit code, times, logs, trees, findings.

    ``details`` holds what only one kind of step knows (the rung of a fix, a gate's results).
    """

    attempt_id: str
    run_id: str
    ws_id: str
    generation: int
    step: Step
    number: int
    state: AttemptState = AttemptState.STARTED
    tool: str = ""
    ending: str = ""
    exit_code: int | None = None
    started_at: str = ""
    finished_at: str = ""
    duration_s: float = 0.0
    start_tree: str = ""
    result_tree: str = ""
    patch_id: str = ""
    stdout_log: str = ""
    stderr_log: str = ""
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ErrorDraft:
    """One error to be counted, by ``code`` and ``signature``."""

    code: str
    signature: str
    message: str
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """One kind of error, how often it came (``count``), and its newest message and context."""

    run_id: str
    code: str
    signature: str
    message: str
    context: Mapping[str, Any]
    count: int
    first_seen: str
    last_seen: str
