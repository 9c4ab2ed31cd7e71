"""Running one configured gate on the tree of any commit, as a run does for a workstream."""

import contextlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline.base import clock, ids
from pipeline.base.errors import UnfitError
from pipeline.base.git import Repository
from pipeline.check.executables import Executables
from pipeline.flow.aftermath import heal_refs, interrupt_dead_runs
from pipeline.flow.checking import reason_of, run, told_of
from pipeline.flow.context import Counters, RunContext
from pipeline.flow.prepare import Prepared, open_layout, tool_environ
from pipeline.flow.run import open_context
from pipeline.model.check import Gate
from pipeline.model.codec import digest
from pipeline.model.config import Config
from pipeline.model.event import EventDraft, EventType
from pipeline.model.plan import Plan
from pipeline.model.record import RunRecord, Step, WorkstreamRecord
from pipeline.model.states import RunState
from pipeline.model.verdict import Verdict
from pipeline.planning.configuration import load_config
from pipeline.planning.problem import PlanError, errors_of
from pipeline.store.export import EventExport
from pipeline.store.layout import ensure_excluded
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock
from pipeline.store.sweep import sweep

KIND = "gate"
"""The kind of the runs that keep what a gate said here."""

ALWAYS = ("static", "runtime")
"""The gates that every workstream has, empty where the configuration says nothing of them."""

_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class GateReport:
    """What a gate said about a commit, and the run that keeps its logs."""

    run_id: str
    commit: str
    verdict: Verdict


def gate_names(config: Config) -> tuple[str, ...]:
    """Every gate that may be asked for."""
    return tuple(dict.fromkeys((*ALWAYS, *config.gates)))


def prepare_gate(repo: Repository, environ: Mapping[str, str], rev: str) -> Prepared:
    """A plan without workstreams whose base is the commit to be judged; changes nothing.

    Raises ``PlanError`` for a configuration that is wrong, ``InputError`` for an unknown ``rev``.
    """
    loaded = load_config(repo.top or Path(), environ=environ)
    if errors_of(loaded.problems):
        raise PlanError(loaded.problems)
    config = loaded.config
    commit = repo.resolve_commit(rev)
    return Prepared(
        repo,
        open_layout(repo, config),
        config,
        Plan(commit, (), config, key=digest({"gate": config.gates, "commit": commit})),
        rev,
        Executables(repo.temporary),
        tool_environ(environ),
    )


def judge_commit(
    prepared: Prepared, name: str, *, should_stop: Callable[[], str] = str
) -> GateReport:
    """Run the gate ``name`` on the plan's base commit; what it said is kept as a run of its own.

    Answers that are known are reused as in any run, and new ones kept. Raises ``UnfitError``
    where another engine holds the repository or the set-up cannot be made, and
    ``InterruptedRunError`` where ``should_stop`` gave a reason.
    """
    layout, repo = prepared.layout, prepared.repo
    ensure_excluded(layout)
    with (
        RunLock(layout, command=f"pipeline gate {name}") as lock,
        Ledger(layout, lock, durable=repo.objects.flush) as ledger,
    ):
        heal_refs(repo, layout, lock)
        ledger.bus.subscribe(EventExport(layout, ledger), name="events")
        sweep(ledger)
        interrupt_dead_runs(ledger)
        run_id = _begin(ledger, prepared, name)
        began, counters = time.monotonic(), Counters()
        try:
            with open_context(ledger, prepared, run_id, counters) as context:
                verdict = _ask(context, name, should_stop)
        except BaseException as error:
            # The disk may be what is wrong: then the next engine says that this one died.
            with contextlib.suppress(UnfitError):
                _end(ledger, run_id, RunState.INTERRUPTED, str(error), _spent(began, counters))
            raise
        state = RunState.COMPLETED if verdict.is_green else RunState.FAILED
        said = sentence(verdict)
        told = told_of(verdict, _step(name), "", said)
        _end(ledger, run_id, state, said, _spent(began, counters), told)
        return GateReport(run_id, prepared.plan.base_commit, verdict)


def sentence(verdict: Verdict) -> str:
    """What a gate said, for people."""
    if not verdict.checks and verdict.is_green:
        return f"The {verdict.gate} gate has no checks: pipeline.yaml names none for it."
    reason = f"the {verdict.gate} gate is green." if verdict.is_green else reason_of(verdict)
    return reason[:1].upper() + reason[1:]


def _ask(context: RunContext, name: str, should_stop: Callable[[], str]) -> Verdict:
    """Run the gate in a thread of its own, so that a signal is seen at once."""
    gate = context.config.gates.get(name, Gate(name))
    commit = context.plan.base_commit
    tree = context.repo.commit_tree(commit)
    record = WorkstreamRecord(context.run_id, KIND, 1, commit=commit, tree=tree)
    with ThreadPoolExecutor(1, "gate") as worker:
        future = worker.submit(run, context, gate, record, tree, commit)
        while True:
            try:
                return future.result(timeout=_LOOK_S)
            except TimeoutError:
                if should_stop():
                    context.cancel.cancel()


def _step(name: str) -> Step:
    return Step.STATIC if name == "static" else Step.RUNTIME


def _begin(ledger: Ledger, prepared: Prepared, name: str) -> str:
    record = RunRecord(
        run_id=ids.new_id().lower(),
        key=digest({"gate": name, "key": prepared.plan.key}),
        state=RunState.PENDING,
        base_commit=prepared.plan.base_commit,
        base_ref=prepared.base_ref,
        kind=KIND,
        created_at=clock.now(),
    )
    ledger.create_run(record, None)
    message = f"The {name} gate runs on {record.base_commit[:12]}."
    changes = {"started_at": clock.now()}
    ledger.move_run(record.run_id, RunState.PENDING, RunState.RUNNING, message, changes=changes)
    return record.run_id


def _spent(began: float, counters: Counters) -> dict[str, object]:
    return {
        "finished_at": clock.now(),
        "duration_s": round(time.monotonic() - began, 6),
        "gates_run": counters.gates_run,
        "verdicts_reused": counters.verdicts_reused,
    }


def _end(
    ledger: Ledger,
    run_id: str,
    state: RunState,
    message: str,
    changes: Mapping[str, object],
    *events: EventDraft,
) -> None:
    payload = {"status": state.value}
    finished = EventDraft(EventType.RUN_FINISHED, message, payload=payload)
    reason = "" if state is RunState.COMPLETED else message
    ledger.move_run(
        run_id,
        RunState.RUNNING,
        state,
        message,
        changes={**changes, "reason": reason},
        events=(*events, finished),
    )
