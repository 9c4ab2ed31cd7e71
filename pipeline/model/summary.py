"""What a run came to, as printed by ``--format json`` (``schema/run_summary.v1.json``)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.model.states import RunState, WorkstreamState


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One change of state; ``workstream`` is ``None`` where it is the run's own."""

    at: str
    workstream: str | None
    state: str
    message: str


@dataclass(frozen=True, slots=True)
class WorkstreamSummary:
    """How one workstream ended; ``reason`` is a sentence when it did not end ``done``."""

    id: str
    status: WorkstreamState
    branch: str = ""
    commit: str = ""
    tree: str = ""
    attempts: int = 0
    findings: int = 0
    patch_id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run and its workstreams in plan order; empty texts where there is nothing (yet).

    ``totals`` counts workstreams by status, ``errors_by_signature`` how often each error was seen
    in any attempt, the most frequent first. ``costs`` sums up what agents used (``cost_nusd`` in
    billionths of a dollar, ``unknown`` attempts are not in it); it is empty without agents.
    """

    run_id: str
    key: str
    status: RunState
    base_commit: str
    integration_branch: str = ""
    integration_commit: str = ""
    integration_tree: str = ""
    jobs: int = 1
    started_at: str = ""
    finished_at: str = ""
    duration_sec: float = 0.0
    engine_cpu_s: float = 0.0
    gates_run: int = 0
    verdicts_reused: int = 0
    totals: Mapping[str, int] = field(default_factory=dict)
    errors_by_signature: Mapping[str, int] = field(default_factory=dict)
    costs: Mapping[str, int] = field(default_factory=dict)
    timeline: tuple[TimelineEntry, ...] = ()
    workstreams: tuple[WorkstreamSummary, ...] = ()
