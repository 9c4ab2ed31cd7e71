"""The states of workstreams, runs and patches, and the only moves between them."""

from collections.abc import Mapping
from enum import StrEnum


class WorkstreamState(StrEnum):
    """Where a workstream is; see ``WORKSTREAM_MOVES`` for how it gets there."""

    PENDING = "pending"
    READY = "ready"
    EDITING = "editing"
    STATIC_CHECK = "static_check"
    FIXING = "fixing"
    RUNTIME_CHECK = "runtime_check"
    CHECKED = "checked"
    MERGING = "merging"
    AWAITING_REVIEW = "awaiting_review"
    DONE = "done"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    BLOCKED = "blocked"
    ABANDONED = "abandoned"


class RunState(StrEnum):
    """Where a run is; see ``RUN_MOVES``."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"


class PatchState(StrEnum):
    """Where a patch is; its life is read from the events."""

    CREATED = "created"
    VALIDATED = "validated"
    QUEUED = "queued"
    APPLIED = "applied"
    VERIFIED = "verified"
    COMMITTED = "committed"
    APPLY_FAILED = "apply_failed"
    ROLLED_BACK = "rolled_back"
    QUARANTINED = "quarantined"
    DROPPED = "dropped"


_W = WorkstreamState

WORKING = frozenset(
    {_W.EDITING, _W.STATIC_CHECK, _W.FIXING, _W.RUNTIME_CHECK, _W.CHECKED, _W.MERGING}
)
"""States in which a workstream holds work of its own."""

FINAL = frozenset({_W.DONE, _W.FAILED, _W.QUARANTINED, _W.BLOCKED, _W.ABANDONED})
"""States that end a generation of a workstream."""

STARTABLE = frozenset({_W.CHECKED, _W.MERGING, _W.DONE})
"""States of a dependency that let its dependents start."""

_ENDINGS = frozenset({_W.FAILED, _W.QUARANTINED, _W.ABANDONED, _W.BLOCKED})

WORKSTREAM_MOVES: Mapping[WorkstreamState, frozenset[WorkstreamState]] = {
    _W.PENDING: frozenset({_W.READY, _W.BLOCKED, _W.ABANDONED}),
    _W.READY: frozenset({_W.EDITING, _W.BLOCKED, _W.ABANDONED}),
    _W.EDITING: frozenset({_W.STATIC_CHECK, _W.AWAITING_REVIEW}) | _ENDINGS,
    _W.STATIC_CHECK: frozenset({_W.FIXING, _W.RUNTIME_CHECK}) | _ENDINGS,
    _W.FIXING: frozenset({_W.STATIC_CHECK, _W.AWAITING_REVIEW}) | _ENDINGS,
    _W.RUNTIME_CHECK: frozenset({_W.FIXING, _W.CHECKED}) | _ENDINGS,
    _W.CHECKED: frozenset({_W.MERGING}) | _ENDINGS,
    _W.MERGING: frozenset({_W.DONE, _W.EDITING, _W.AWAITING_REVIEW}) | _ENDINGS,
    _W.AWAITING_REVIEW: frozenset({_W.READY, _W.MERGING, _W.QUARANTINED, _W.ABANDONED}),
    _W.DONE: frozenset(),
    _W.FAILED: frozenset(),
    _W.QUARANTINED: frozenset(),
    _W.BLOCKED: frozenset(),
    _W.ABANDONED: frozenset(),
}
"""A dependency that fails at landing blocks dependents that have worked already, so every
working state can end ``blocked``; their patches stay in the ledger."""

_R = RunState

RUN_MOVES: Mapping[RunState, frozenset[RunState]] = {
    _R.PENDING: frozenset({_R.RUNNING, _R.ABANDONED}),
    _R.RUNNING: frozenset(
        {_R.COMPLETED, _R.PARTIAL, _R.FAILED, _R.INTERRUPTED, _R.CANCELLED, _R.ABANDONED}
    ),
    _R.INTERRUPTED: frozenset({_R.RUNNING, _R.ABANDONED}),
    _R.CANCELLED: frozenset({_R.RUNNING, _R.ABANDONED}),
    _R.PARTIAL: frozenset({_R.RUNNING, _R.ABANDONED}),
    _R.COMPLETED: frozenset(),
    _R.FAILED: frozenset(),
    _R.ABANDONED: frozenset(),
}

_P = PatchState

PATCH_MOVES: Mapping[PatchState, frozenset[PatchState]] = {
    _P.CREATED: frozenset({_P.VALIDATED, _P.APPLY_FAILED, _P.QUARANTINED, _P.DROPPED}),
    _P.VALIDATED: frozenset({_P.QUEUED, _P.APPLIED, _P.QUARANTINED, _P.DROPPED}),
    _P.QUEUED: frozenset({_P.APPLIED, _P.APPLY_FAILED, _P.QUARANTINED, _P.DROPPED}),
    _P.APPLIED: frozenset({_P.VERIFIED, _P.ROLLED_BACK, _P.QUARANTINED}),
    _P.VERIFIED: frozenset({_P.COMMITTED, _P.ROLLED_BACK, _P.QUARANTINED}),
    _P.COMMITTED: frozenset(),
    _P.APPLY_FAILED: frozenset({_P.QUARANTINED, _P.DROPPED}),
    _P.ROLLED_BACK: frozenset({_P.QUARANTINED, _P.DROPPED}),
    _P.QUARANTINED: frozenset({_P.VALIDATED, _P.DROPPED}),
    _P.DROPPED: frozenset(),
}
