"""Runs as they are seen on GitHub, made by hand: for the tests beside it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.model.config import Config, PublishConfig
from pipeline.model.finding import Finding
from pipeline.model.patch import Patch
from pipeline.model.patch_ledger import PatchRecord
from pipeline.model.plan import Plan
from pipeline.model.publication import Publication
from pipeline.model.record import AttemptState, RunRecord, Step, StepAttempt, WorkstreamRecord
from pipeline.model.review import Review
from pipeline.model.states import RunState, WorkstreamState
from pipeline.model.verdict import Result
from pipeline.model.workstream import Workstream
from pipeline.report.github.gates import answers
from pipeline.report.github.view import Place, RunView, WorkstreamView
from pipeline.report.summary import summarize

RUN, BASE = "01jdaaaaaaaaaaaaaaaaaaaaaa", "b" * 40
PATCH = Patch("d" * 64, BASE, "2" * 40, (b"src/shop.py",), 5, 1, 200)


def oid(name: str) -> str:
    """An object id that a name stands for."""
    return hashlib.sha1(name.encode()).hexdigest()


@dataclass(frozen=True)
class Told:
    """A workstream to be made: its state, bundle, findings of its runtime gate, …"""

    state: WorkstreamState = WorkstreamState.DONE
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    bundle: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    review: Review | None = None
    patch: Patch = PATCH
    result: Result = Result.PASSED
    protected: tuple[bytes, ...] = ()


def gate_attempt(
    ws_id: str,
    step: Step,
    result: str = "passed",
    *,
    findings: tuple[Finding, ...] = (),
    state: AttemptState | None = None,
    tree: str = "2" * 40,
    reason: str = "",
    checks: Mapping[str, str] | None = None,
) -> StepAttempt:
    """An attempt at a gate, as the engine stores it."""
    good = AttemptState.SUCCEEDED if result == "passed" else AttemptState.FAILED
    return StepAttempt(
        f"a-{ws_id}-{step}",
        RUN,
        ws_id,
        1,
        step,
        2,
        state or good,
        tool=step.value,
        started_at="2025-03-01T12:00:01.000000Z",
        finished_at="2025-03-01T12:00:03.500000Z",
        duration_s=2.5,
        start_tree=tree,
        result_tree=tree,
        findings=findings,
        reason=reason,
        details={
            "gate": step.value,
            "result": result,
            "checks": checks or {f"{step.value}-check": result},
        },
    )


def make_view(
    told: Mapping[str, Told],
    *,
    state: RunState = RunState.COMPLETED,
    publish: PublishConfig | None = None,
    published: tuple[Publication, ...] = (),
    earlier: tuple[Publication, ...] = (),
    place: Place | None = None,
) -> RunView:
    """A view of workstreams given as ``{id: Told}``."""
    run = RunRecord(
        RUN,
        "k" * 64,
        state,
        BASE,
        integration_branch=f"refs/heads/pipeline/{RUN}",
        integration_commit="c" * 40,
        jobs=2,
        started_at="2025-03-01T12:00:00.000000Z",
        finished_at="2025-03-01T12:03:05.000000Z",
        duration_s=185.0,
    )
    views = tuple(_workstream(n, *item, run.state) for n, item in enumerate(told.items()))
    config = replace(Config(), publish=publish or PublishConfig())
    return RunView(
        run=run,
        plan=Plan(BASE, tuple(one.bundle for one in views), config),
        workstreams=views,
        summary=summarize(run, [one.record for one in views]),
        publications=published,
        earlier=earlier,
        place=place or Place("octo/shop", base="main"),
    )


def _workstream(seq: int, ws_id: str, told: Told, run_state: RunState) -> WorkstreamView:
    record = WorkstreamRecord(
        RUN,
        ws_id,
        seq,
        told.state,
        branch=f"refs/heads/ws/plan/{ws_id}",
        start_commit=BASE,
        attempts=1,
        reason=told.reason,
        patch_id=told.patch.id,
        **{"commit": oid(ws_id), "tree": "2" * 40, **told.record},
    )
    result = Result.FAILED if told.findings else told.result
    attempts = (
        gate_attempt(ws_id, Step.STATIC),
        gate_attempt(ws_id, Step.RUNTIME, result.value, findings=told.findings, reason=told.reason),
    )
    return WorkstreamView(
        record,
        Workstream(ws_id, **{"title": f"Do {ws_id}", "tasks": (f"Do {ws_id}",), **told.bundle}),
        attempts,
        PatchRecord(RUN, ws_id, "a", told.patch, ""),
        (told.review,) if told.review else (),
        gates=answers(record, attempts, is_live=False, run_state=run_state),
        protected=told.protected,
    )
