"""The loop that carries a run on: hand out work, land in order, until nothing can go on."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from pipeline.base.errors import InterruptedRunError
from pipeline.flow.context import RunContext
from pipeline.flow.landing import Lander
from pipeline.flow.schedule import blocked, landable, workable
from pipeline.flow.workstream import carry_on
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.record import WorkstreamRecord
from pipeline.model.states import FINAL, WorkstreamState

POLL_S = 0.2
"""How often the loop looks for a request to cancel while all its workers are busy."""

DRAIN_S = 60.0
"""How long errors of workers that were told to stop are waited for; their tools end sooner."""


class Engine:
    """Runs one plan with ``jobs`` workers and one lander; owned by a single thread.

    ``should_stop`` gives the error that says why the run stops, ``None`` while it goes on.
    """

    def __init__(
        self,
        context: RunContext,
        jobs: int,
        *,
        should_stop: Callable[[], InterruptedRunError | None],
    ) -> None:
        self._context = context
        self._jobs = jobs
        self._should_stop = should_stop
        self._records = {r.ws_id: r for r in context.ledger.workstreams(context.run_id)}
        self._states = {ws_id: record.state for ws_id, record in self._records.items()}
        self._is_any_lost = any(map(_is_lost, self._states.values()))
        self._working: dict[Future[WorkstreamRecord], str] = {}
        self._landing: Future[tuple[WorkstreamRecord, ...]] | None = None
        self._candidates: tuple[str, ...] = ()
        self._lander = Lander(context)

    def execute(self) -> None:
        """Go on until nothing can; raises ``InterruptedRunError`` when told to stop.

        An error in a worker stops the others and is raised here; the stored state stays good
        for carrying on.
        """
        with (
            ThreadPoolExecutor(self._jobs, "worker") as workers,
            ThreadPoolExecutor(1, "lander") as lander,
        ):
            try:
                while self._turn(workers, lander):
                    pass
            except BaseException:
                # Nothing may outlive the loop, whatever ended it.
                self._context.cancel.cancel()
                raise

    def _turn(self, workers: ThreadPoolExecutor, lander: ThreadPoolExecutor) -> bool:
        stop = self._should_stop()
        if stop is not None:
            self._context.cancel.cancel()
            self._drain()
            raise stop
        for ws_id in self._context.answered.take_changed():
            self._keep(self._context.ledger.workstream(self._context.run_id, ws_id))
        self._block()
        self._land(lander)
        self._hand_out(workers)
        futures: list[Future[Any]] = [*self._working]
        if self._landing:
            futures.append(self._landing)
        if not futures:
            return False
        wait(futures, timeout=POLL_S, return_when=FIRST_COMPLETED)
        self._collect()
        return True

    def _hand_out(self, workers: ThreadPoolExecutor) -> None:
        free = self._jobs - len(self._working)
        if free <= 0:
            return
        active = {*self._working.values(), *self._behind_unchecked()}
        for ws_id in workable(self._context.graph, self._states, active, free):
            checked = {dep: self._records[dep] for dep in self._context.graph.closures[ws_id]}
            future = workers.submit(carry_on, self._context, self._records[ws_id], checked)
            self._working[future] = ws_id

    def _unchecked(self) -> frozenset[str]:
        """Work that a person approved before its gates were green."""
        if self._context.answered.is_empty:
            return frozenset()
        return frozenset(
            ws_id
            for ws_id, record in self._records.items()
            if record.state is WorkstreamState.MERGING and not record.checked_commit
        )

    def _behind_unchecked(self) -> set[str]:
        """What depends on such work.

        It starts when that has landed: only then there is something sound to start from.
        """
        graph, unchecked = self._context.graph, self._unchecked()
        if not unchecked:
            return set()
        return {ws_id for ws_id in graph.order if unchecked & set(graph.closures[ws_id])}

    def _land(self, lander: ThreadPoolExecutor) -> None:
        if self._landing:
            return
        limit = self._lander.batch_limit
        self._candidates = landable(self._context.graph, self._states, limit, self._unchecked())
        if self._candidates:
            records = tuple(self._records[ws_id] for ws_id in self._candidates)
            self._landing = lander.submit(self._lander.land, records)

    def _block(self) -> None:
        if not self._is_any_lost:  # with many workstreams, looking at all of them in vain costs
            return
        active = {*self._working.values(), *(self._candidates if self._landing else ())}
        for ws_id, dep in blocked(self._context.graph, self._states, active).items():
            record = self._records[ws_id]
            ended = self._states[dep]
            reason = f"{dep}, which it depends on, ended {ended}."
            self._keep(
                self._context.ledger.move(
                    self._context.run_id,
                    ws_id,
                    record.state,
                    WorkstreamState.BLOCKED,
                    reason,
                    changes={"reason": reason, "reason_code": "dependency"},
                    events=(
                        EventDraft(
                            EventType.DEPENDENCY_BLOCKED,
                            f"{ws_id} is blocked: {reason}",
                            level=Level.WARNING,
                            payload={"dependency": dep, "state": ended.value},
                        ),
                    ),
                )
            )

    def _collect(self) -> None:
        for future in [f for f in self._working if f.done()]:
            del self._working[future]
            self._keep(future.result())
        if self._landing and self._landing.done():
            landing, self._landing = self._landing, None
            for record in landing.result():
                self._keep(record)

    def _drain(self) -> None:
        """Wait for what was told to stop; its interruption is expected."""
        waiting: list[Future[Any]] = [*self._working, *([self._landing] if self._landing else [])]
        wait(waiting, timeout=DRAIN_S)
        for future in waiting:
            error = future.exception() if future.done() else None
            if error is not None and not isinstance(error, InterruptedRunError):
                raise error

    def _keep(self, record: WorkstreamRecord) -> None:
        self._records[record.ws_id] = record
        self._states[record.ws_id] = record.state
        self._is_any_lost |= _is_lost(record.state)


def _is_lost(state: WorkstreamState) -> bool:
    """Whether dependents of a workstream in this state can no longer land."""
    return state in FINAL and state is not WorkstreamState.DONE
