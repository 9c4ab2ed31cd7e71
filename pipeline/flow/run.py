"""The life of a run: prepare, choose what to carry on, execute, finish, sum up."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.base import clock, ids
from pipeline.base.errors import CancelledRunError, InterruptedRunError, UnfitError
from pipeline.base.git import Repository
from pipeline.base.process import CancelToken, engine_git_cpu_s
from pipeline.flow.aftermath import heal_refs, interrupt_dead_runs
from pipeline.flow.answered import Answered
from pipeline.flow.answering import REQUEST as ANSWER
from pipeline.flow.answering import hear
from pipeline.flow.billing import run_budget
from pipeline.flow.branches import Branches
from pipeline.flow.context import Counters, RunContext
from pipeline.flow.engine import Engine
from pipeline.flow.exec_record import REQUEST as RECORD_EXEC
from pipeline.flow.exec_record import store_request
from pipeline.flow.journaling import complete_journal, is_behind, journaling
from pipeline.flow.kept import drop_landed
from pipeline.flow.prepare import Prepared
from pipeline.flow.programs import require_programs
from pipeline.flow.routing import Routing, turns_of
from pipeline.flow.schedule import Graph, outcome
from pipeline.flow.summing_up import sum_up
from pipeline.flow.takeover import taken_over
from pipeline.model.config import Config
from pipeline.model.event import EventDraft, EventType
from pipeline.model.plan import Plan
from pipeline.model.protected import DEFAULT_PROTECTED
from pipeline.model.record import RunRecord, WorkstreamRecord
from pipeline.model.scope import Protected
from pipeline.model.states import FINAL, RunState, WorkstreamState
from pipeline.model.summary import RunSummary
from pipeline.report.summary import build_summary
from pipeline.store import inbox
from pipeline.store.export import EventExport
from pipeline.store.journal import unfold
from pipeline.store.layout import ensure_excluded
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock
from pipeline.store.records import Records
from pipeline.store.retention import remove_old_outputs
from pipeline.store.reviews import reviews
from pipeline.store.sweep import sweep
from pipeline.store.verdicts import VerdictCache
from pipeline.work.guard import ControlPlane
from pipeline.work.slots import SlotPool

_CARRIED_ON = frozenset(
    {RunState.PENDING, RunState.RUNNING, RunState.INTERRUPTED, RunState.CANCELLED}
)
_ENDED = frozenset({RunState.COMPLETED, RunState.PARTIAL, RunState.FAILED})
_RECENT = 20

Observer = Callable[[Ledger, str], object]


@dataclass(frozen=True, slots=True)
class Watch:
    """How a run is watched and stopped.

    ``observers`` are called with the ledger and the run before it begins; ``should_stop`` gives
    a reason, empty while there is none.
    """

    observers: Sequence[Observer] = ()
    should_stop: Callable[[], str] = str


def find_completed(prepared: Prepared) -> RunSummary | None:
    """The summary of a completed run of the same key, which need not run again.

    ``None`` also where its engine died before all its files and its journal were written (`run`
    writes them), and where the database cannot be read: `run` moves a broken one aside, or says
    what is wrong.
    """
    try:
        with Records(prepared.layout) as records:
            done = _completed(records, prepared.plan.key)
            if done is None or not prepared.layout.summary_md(done.run_id).exists():
                return None
            is_journaled = prepared.config.journal.enabled
            if is_journaled and is_behind(prepared.repo, prepared.layout, records, done):
                return None
            return build_summary(records, done.run_id, tree_of=prepared.repo.commit_tree)
    except UnfitError:
        return None


def run(prepared: Prepared, *, is_fresh: bool = False, watch: Watch = Watch()) -> RunSummary:
    """Run a plan, or carry on an unfinished run of the same key; returns its summary.

    Raises ``InterruptedRunError`` when it was told to stop (what is stored is good for carrying
    on) and ``UnfitError`` when another engine holds the repository or a program is missing.
    """
    require_programs(prepared)
    layout, repo = prepared.layout, prepared.repo
    ensure_excluded(layout)
    with (
        RunLock(layout, command="pipeline run") as lock,
        Ledger(layout, lock, durable=repo.objects.flush) as ledger,
    ):
        heal_refs(repo, layout, lock)
        export = EventExport(layout, ledger)
        ledger.bus.subscribe(export, name="events")
        sweep(ledger)
        interrupt_dead_runs(ledger)
        _sum_up_ended(ledger, prepared, export)
        done = None if is_fresh else _completed(ledger, prepared.plan.key)
        if done is not None:
            complete_journal(repo, layout, ledger, done, prepared.config.journal)
            return build_summary(ledger, done.run_id, tree_of=repo.commit_tree)
        record = None if is_fresh else _unfinished(ledger, prepared.plan.key)
        if record is None:
            record = _create(ledger, prepared, is_fresh=is_fresh)
        else:
            unfold(repo, layout, record.run_id)
        for observer in watch.observers:
            observer(ledger, record.run_id)
        with journaling(repo, layout, ledger, record.run_id, prepared.config.journal):
            return _execute(ledger, prepared, record, watch)


def _sum_up_ended(ledger: Ledger, prepared: Prepared, export: EventExport) -> None:
    """Write the files of runs whose engine died after their end, before these were whole."""
    for ended in ledger.runs(states=_ENDED, kind="run", limit=_RECENT):
        if not prepared.layout.summary_md(ended.run_id).exists():
            ledger.bus.drain()
            export.catch_up(ended.run_id)
            sum_up(ledger, prepared.repo, prepared.layout, ended.run_id)


def _completed(records: Records, key: str) -> RunRecord | None:
    newest = records.latest_run(key, kind="run")
    return newest if newest and newest.state is RunState.COMPLETED else None


def _unfinished(ledger: Ledger, key: str) -> RunRecord | None:
    newest = ledger.latest_run(key, kind="run")
    if newest is None or newest.state in _CARRIED_ON:
        return newest
    is_open = newest.state is RunState.PARTIAL and any(
        record.state not in FINAL for record in ledger.workstreams(newest.run_id)
    )
    return newest if is_open else None


def _create(ledger: Ledger, prepared: Prepared, *, is_fresh: bool) -> RunRecord:
    plan, layout = prepared.plan, prepared.layout
    run_id = ids.new_id().lower()
    graph = Graph.of(plan)
    old_run, taken = (None, {}) if is_fresh else _takeover(ledger, prepared.repo, plan, graph)
    record = RunRecord(
        run_id=run_id,
        key=plan.key,
        state=RunState.PENDING,
        base_commit=plan.base_commit,
        base_ref=prepared.base_ref,
        integration_branch=layout.run_branch(run_id),
        jobs=jobs_of(plan.config),
        created_at=clock.now(),
        taken_from=old_run.run_id if old_run and taken else "",
    )
    workstreams = [
        _record(run_id, seq, ws_id, layout.ws_branch(bundle.openspec_change, ws_id), taken)
        for seq, (ws_id, bundle) in enumerate(graph.bundles.items(), start=1)
    ]
    ledger.create_run(record, plan, workstreams)
    return record


def _record(
    run_id: str, seq: int, ws_id: str, branch: str, taken: dict[str, WorkstreamRecord]
) -> WorkstreamRecord:
    old = taken.get(ws_id)
    if old is None:
        return WorkstreamRecord(run_id, ws_id, seq, branch=branch)
    return WorkstreamRecord(
        run_id,
        ws_id,
        seq,
        state=WorkstreamState.CHECKED,
        branch=branch,
        start_commit=old.checked_start,
        commit=old.checked_commit,
        tree=old.tree,
        checked_start=old.checked_start,
        checked_commit=old.checked_commit,
        patch_id=old.patch_id,
    )


def _takeover(
    ledger: Ledger, repo: Repository, plan: Plan, graph: Graph
) -> tuple[RunRecord | None, dict[str, WorkstreamRecord]]:
    ended = {RunState.FAILED, RunState.PARTIAL}
    for old in ledger.runs(states=ended, kind="run", limit=_RECENT):
        if old.base_commit == plan.base_commit:
            found = taken_over(
                plan,
                graph,
                ledger.plan(old.run_id),
                ledger.workstreams(old.run_id),
                {review.ws_id for review in reviews(ledger, old.run_id) if not review.is_open},
            )
            # Runs of other bundles may have come in between: they have nothing to give.
            if found and all(repo.objects.has(r.checked_commit) for r in found.values()):
                return old, found
    return None, {}


def _execute(ledger: Ledger, prepared: Prepared, record: RunRecord, watch: Watch) -> RunSummary:
    began, cpu = time.monotonic(), _cpu_s()
    # As asked for now, also where the run began with another number.
    run_id, jobs = record.run_id, jobs_of(prepared.plan.config)
    is_resumed = record.state is not RunState.PENDING
    if record.state is RunState.RUNNING:
        raise AssertionError("a running run was not interrupted first")
    resumed = EventDraft(EventType.RESUMED, "The run is carried on.")
    record = ledger.move_run(
        run_id,
        record.state,
        RunState.RUNNING,
        "The run is carried on." if is_resumed else "The run starts.",
        changes={
            "started_at": record.started_at or clock.now(),
            "jobs": jobs,
        },
        events=(resumed if is_resumed else EventDraft(EventType.RUN_STARTED, "The run starts."),),
    )
    counters = Counters()

    def spent() -> dict[str, object]:
        return {
            "finished_at": clock.now(),
            "duration_s": round(record.duration_s + time.monotonic() - began, 6),
            "engine_cpu_s": round(record.engine_cpu_s + _cpu_s() - cpu, 6),
            "gates_run": record.gates_run + counters.gates_run,
            "verdicts_reused": record.verdicts_reused + counters.verdicts_reused,
        }

    with open_context(ledger, prepared, run_id, counters) as context:
        context.hold_all()
        try:
            Engine(context, jobs, should_stop=_stopper(context, watch)).execute()
        except BaseException as error:
            _interrupted(ledger, run_id, error, spent())
            raise
        return _finish(ledger, prepared, context, spent())


def _finish(
    ledger: Ledger, prepared: Prepared, context: RunContext, spent: dict[str, object]
) -> RunSummary:
    run_id = context.run_id
    if context.keeps_worktrees:
        drop_landed(context)
    states = [record.state for record in ledger.workstreams(run_id)]
    state = outcome(states)
    done = sum(s is WorkstreamState.DONE for s in states)
    tip = context.branches.value(prepared.layout.run_ref(run_id)) or prepared.plan.base_commit
    message = f"{done} of {len(states)} workstreams landed."
    ledger.move_run(
        run_id,
        RunState.RUNNING,
        state,
        message,
        changes={**spent, "integration_commit": tip},
        events=(EventDraft(EventType.RUN_FINISHED, message, payload={"status": state.value}),),
    )
    summary = sum_up(ledger, prepared.repo, prepared.layout, run_id)
    days = prepared.plan.config.retention.runs_days
    remove_old_outputs(ledger, prepared.layout, days=days, now=datetime.now(UTC), spare=run_id)
    return summary


def _interrupted(
    ledger: Ledger, run_id: str, error: BaseException, spent: dict[str, object]
) -> None:
    is_asked = isinstance(error, InterruptedRunError)
    is_cancelled = isinstance(error, CancelledRunError)
    state = RunState.CANCELLED if is_cancelled else RunState.INTERRUPTED
    # The disk may be what is wrong: then the run stays as it is, and the next one says so.
    with contextlib.suppress(UnfitError):
        ledger.move_run(
            run_id,
            RunState.RUNNING,
            state,
            str(error) if is_asked else f"The engine stopped: {error}",
            changes={**spent, "reason": str(error)},
        )


@contextmanager
def open_context(
    ledger: Ledger, prepared: Prepared, run_id: str, counters: Counters
) -> Iterator[RunContext]:
    """What every step of a stored run has at hand, for as long as the block takes."""
    plan, repo, layout = prepared.plan, prepared.repo, prepared.layout
    config = plan.config
    jobs = jobs_of(config)
    cancel = CancelToken()
    deadline = time.monotonic() + config.run.timeout_s if config.run.timeout_s else None
    # One slot for each worker's tool, one for its gate, one for landing's gate.
    with SlotPool(repo, layout.slots, limit=2 * jobs + 1, config=config) as slots:
        yield RunContext(
            run_id=run_id,
            plan=plan,
            graph=Graph.of(plan),
            repo=repo,
            layout=layout,
            ledger=ledger,
            branches=Branches(repo, layout, ledger, run_id),
            slots=slots,
            verdicts=VerdictCache(ledger, run_id),
            control_plane=ControlPlane(
                repo,
                layout,
                slots,
                home=Path(prepared.environ["HOME"]) if "HOME" in prepared.environ else None,
                discard=config.capture.discard,
            ),
            protected=Protected(config.policy.protected or DEFAULT_PROTECTED),
            cancel=cancel,
            environment=prepared.environ,
            executables=prepared.executables,
            counters=counters,
            clock_s=_base_seconds(repo, plan) if config.run.reproducible else None,
            deadline=deadline,
            keeps_worktrees=prepared.keeps_worktrees,
            budget=run_budget(ledger, run_id, plan, cancel=cancel, deadline=deadline),
            answered=Answered(reviews(ledger, run_id)),
            routing=Routing.of(ledger, run_id, config),
            turns=turns_of(config),
        )


def jobs_of(config: Config) -> int:
    """How many workstreams are worked on at once."""
    return config.run.jobs or os.cpu_count() or 1


def _base_seconds(repo: Repository, plan: Plan) -> int:
    committer = repo.read_commit(plan.base_commit).committer
    return committer.seconds if committer else 0


def _stopper(context: RunContext, watch: Watch) -> Callable[[], InterruptedRunError | None]:
    remedy = "`pipeline run` carries on."

    def should_stop() -> InterruptedRunError | None:
        is_cancelled = False
        for request in inbox.take(context.layout):
            is_cancelled |= request.kind == "cancel" and request.run_id in ("", context.run_id)
            if request.kind == RECORD_EXEC:
                store_request(context.ledger, request)
            if request.kind == ANSWER:
                hear(context, request)
        if is_cancelled:
            return CancelledRunError("The run was cancelled by a request.", remedy=remedy)
        if context.deadline is not None and time.monotonic() > context.deadline:
            return InterruptedRunError("The run's time limit has passed.", remedy=remedy)
        reason = watch.should_stop()
        return InterruptedRunError(reason, remedy=remedy) if reason else None

    return should_stop


def _cpu_s() -> float:
    """CPU seconds of the engine itself and of the git processes that it started for itself."""
    return time.process_time() + engine_git_cpu_s()
