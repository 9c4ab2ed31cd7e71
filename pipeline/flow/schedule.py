"""What may happen next in a run: pure functions of the plan and the workstreams' states."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pipeline.model.plan import Plan
from pipeline.model.states import FINAL, STARTABLE, RunState, WorkstreamState
from pipeline.model.workstream import Workstream

States = Mapping[str, WorkstreamState]

UNFINISHED = frozenset(
    {
        WorkstreamState.PENDING,
        WorkstreamState.READY,
        WorkstreamState.EDITING,
        WorkstreamState.STATIC_CHECK,
        WorkstreamState.FIXING,
        WorkstreamState.RUNTIME_CHECK,
    }
)
"""States in which a worker has something to do, once the dependencies allow it."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A plan's edges, looked up often: bundles by id, dependents, and who excludes whom."""

    order: tuple[str, ...]
    bundles: Mapping[str, Workstream]
    excludes: Mapping[str, frozenset[str]]
    closures: Mapping[str, tuple[str, ...]] = field(repr=False)

    @classmethod
    def of(cls, plan: Plan) -> "Graph":
        """The graph of a plan; closures are in plan order."""
        order = tuple(ws.id for ws in plan.workstreams)
        position = {ws_id: i for i, ws_id in enumerate(order)}
        excludes: dict[str, set[str]] = {ws_id: set() for ws_id in order}
        closures: dict[str, tuple[str, ...]] = {}
        for ws in plan.workstreams:
            reached = set(ws.depends_on)
            for dep in ws.depends_on:
                reached.update(closures[dep])
            closures[ws.id] = tuple(sorted(reached, key=position.__getitem__))
            for other in ws.conflicts_with:
                if other in excludes:
                    excludes[ws.id].add(other)
                    excludes[other].add(ws.id)
        return cls(
            order,
            {ws.id: ws for ws in plan.workstreams},
            {ws_id: frozenset(others) for ws_id, others in excludes.items()},
            closures,
        )


def workable(
    graph: Graph, states: States, active: Collection[str], limit: int | None = None
) -> tuple[str, ...]:
    """The workstreams that a worker may take up now, in plan order, at most ``limit``.

    Dependencies are checked, nothing that excludes it is being worked on.
    """
    chosen: list[str] = []
    busy = set(active)
    for ws_id in graph.order:
        if len(chosen) == limit:
            break
        if ws_id in busy or states[ws_id] not in UNFINISHED:
            continue
        deps = graph.bundles[ws_id].depends_on
        if any(states[dep] not in STARTABLE for dep in deps):
            continue
        if graph.excludes[ws_id] & busy:
            continue
        chosen.append(ws_id)
        busy.add(ws_id)
    return tuple(chosen)


def blocked(graph: Graph, states: States, active: Collection[str]) -> dict[str, str]:
    """Workstreams that can no longer land, each with the dependency that did not finish.

    One that a worker holds just now is left until the worker lets go of it.
    """
    found: dict[str, str] = {}
    for ws_id in graph.order:
        if states[ws_id] in FINAL or ws_id in active:
            continue
        for dep in graph.bundles[ws_id].depends_on:
            if dep in found or (states[dep] in FINAL and states[dep] is not WorkstreamState.DONE):
                found[ws_id] = dep
                break
    return found


def landable(
    graph: Graph, states: States, limit: int = 1, urgent: Collection[str] = ()
) -> tuple[str, ...]:
    """The next workstreams to land, in plan order, at most ``limit``.

    Landing waits for every predecessor; one that ended is passed over, one that awaits review is
    too, with all that depends on it. With a larger limit the answer is empty until that many are
    decided (or all are), so that what is in a batch depends on the plan and the verdicts alone,
    never on timing. A batch ends with one that is ``urgent``: others cannot start before it lands.
    """
    found: list[str] = []
    held: set[str] = set()
    for ws_id in graph.order:
        state = states[ws_id]
        is_behind = bool(held) and not held.isdisjoint(graph.bundles[ws_id].depends_on)
        if state is WorkstreamState.AWAITING_REVIEW or is_behind:
            held.add(ws_id)
            continue
        if state in FINAL:
            continue
        if state not in (WorkstreamState.CHECKED, WorkstreamState.MERGING):
            return ()
        found.append(ws_id)
        if len(found) == limit or ws_id in urgent:
            break
    return tuple(found)


def outcome(states: Collection[WorkstreamState]) -> RunState:
    """How a run ended, from how its workstreams did; a run without any is completed."""
    done = sum(state is WorkstreamState.DONE for state in states)
    if done == len(states):
        return RunState.COMPLETED
    waits = any(state is WorkstreamState.AWAITING_REVIEW for state in states)
    return RunState.PARTIAL if done or waits else RunState.FAILED
