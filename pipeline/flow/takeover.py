"""What a new run takes over from an older one: finished work whose inputs are the same."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from pipeline.flow.schedule import Graph
from pipeline.model.codec import digest
from pipeline.model.plan import Plan
from pipeline.model.record import WorkstreamRecord
from pipeline.model.states import WorkstreamState
from pipeline.planning.freeze import plan_key

_FINISHED = frozenset({WorkstreamState.DONE, WorkstreamState.CHECKED, WorkstreamState.MERGING})


def work_keys(plan: Plan, graph: Graph) -> Mapping[str, str]:
    """For each workstream, a digest of all that its checked work depends on.

    That is the plan without the workstreams outside its dependency closure.
    """
    bundles = graph.bundles
    # Configuration, base and tools count for all alike, so their digest is made once.
    common = plan_key(replace(plan, workstreams=(), files={}))
    own = {
        ws_id: digest(
            [replace(ws, source=""), [f.digest for p, f in plan.files.items() if _names(ws, p)]]
        )
        for ws_id, ws in bundles.items()
    }
    return {
        ws_id: digest([common, own[ws_id], [own[dep] for dep in graph.closures[ws_id]]])
        for ws_id in graph.order
    }


def taken_over(
    plan: Plan,
    graph: Graph,
    old_plan: Plan,
    old_records: Iterable[WorkstreamRecord],
    reviewed: Collection[str] = (),
) -> dict[str, WorkstreamRecord]:
    """The old records that hold for the new plan, by id, with their closures complete.

    What landing had sent back is not taken: its work started from another integration branch.
    Neither is what people had a say in (``reviewed``): their answers are no part of the new plan.
    """
    new_keys = work_keys(plan, graph)
    old_keys = work_keys(old_plan, Graph.of(old_plan))
    finished = {
        record.ws_id: record
        for record in old_records
        if record.state in _FINISHED and record.checked_commit and not record.returns
        if record.ws_id not in reviewed
    }
    found: dict[str, WorkstreamRecord] = {}
    for ws_id in graph.order:
        is_same = old_keys.get(ws_id) == new_keys[ws_id]
        has_closure = all(dep in found for dep in graph.closures[ws_id])
        if ws_id in finished and is_same and has_closure:
            found[ws_id] = finished[ws_id]
    return found


def _names(ws: object, path: str) -> bool:
    return path == getattr(ws, "tool_args", {}).get("patch")
