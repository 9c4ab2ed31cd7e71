"""One immutable line of what happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How much an event matters to a person."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class EventType(StrEnum):
    """What kind of thing happened."""

    RUN_CREATED = "run_created"
    RUN_STARTED = "run_started"
    RUN_FINISHED = "run_finished"
    WORKSTREAM_CREATED = "workstream_created"
    STATE_TRANSITION = "state_transition"
    ILLEGAL_TRANSITION = "illegal_transition"
    ATTEMPT_STARTED = "attempt_started"
    ATTEMPT_FINISHED = "attempt_finished"
    TOOL_STARTED = "tool_started"
    TOOL_PROGRESS = "tool_progress"
    TOOL_FINISHED = "tool_finished"
    TOOL_TIMEOUT = "tool_timeout"
    TOOL_STALLED = "tool_stalled"
    TOOL_FAILED = "tool_failed"
    PATCH_CREATED = "patch_created"
    PATCH_VALIDATED = "patch_validated"
    PATCH_QUEUED = "patch_queued"
    PATCH_APPLIED = "patch_applied"
    PATCH_APPLY_FAILED = "patch_apply_failed"
    PATCH_VERIFIED = "patch_verified"
    PATCH_ROLLED_BACK = "patch_rolled_back"
    PATCH_COMMITTED = "patch_committed"
    PATCH_QUARANTINED = "patch_quarantined"
    PATCH_RELEASED = "patch_released"
    PATCH_DROPPED = "patch_dropped"
    SCOPE_VIOLATION = "scope_violation"
    POLICY_VIOLATION = "policy_violation"
    CONTROL_PLANE_CHANGED = "control_plane_changed"
    GATE_PASSED = "gate_passed"
    GATE_FAILED = "gate_failed"
    GATE_FLAKY = "gate_flaky"
    VERDICT_REUSED = "verdict_reused"
    BREAKER_TRIPPED = "breaker_tripped"
    OSCILLATION_DETECTED = "oscillation_detected"
    ROUTING_DECIDED = "routing_decided"
    TOOL_FALLBACK = "tool_fallback"
    MERGE_STARTED = "merge_started"
    MERGE_CONFLICT = "merge_conflict"
    MERGED = "merged"
    BATCH_DECIDED = "batch_decided"
    DEPENDENCY_BLOCKED = "dependency_blocked"
    CRASH_DETECTED = "crash_detected"
    RESUMED = "resumed"
    BRANCH_LEFT_ALONE = "branch_left_alone"
    JOURNAL_FAILED = "journal_failed"
    BUDGET_WARNING = "budget_warning"
    BUDGET_EXCEEDED = "budget_exceeded"
    REVIEW_REQUESTED = "review_requested"
    REVIEW_ANSWERED = "review_answered"
    PUBLISHED = "published"
    PUBLISH_FAILED = "publish_failed"


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, when (``ts``: UTC, ISO 8601, microseconds), to which run and workstream.

    ``seq`` counts from 1 within a run without gaps; ``message`` is a sentence.
    """

    id: str
    seq: int
    ts: str
    level: Level
    run_id: str
    type: EventType
    message: str
    ws_id: str | None = None
    step: str | None = None
    attempt_id: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventDraft:
    """What somebody wants recorded; the ledger gives it its id, ``seq`` and time.

    An empty ``run_id`` or ``ws_id`` is filled in from the move that the draft comes with.
    """

    type: EventType
    message: str
    level: Level = Level.INFO
    run_id: str = ""
    ws_id: str | None = None
    step: str | None = None
    attempt_id: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
