"""The order of workstreams: plan order, and cycles that make one impossible."""

import heapq
from collections.abc import Iterable, Mapping, Sequence

from pipeline.model.workstream import Workstream

Edges = Mapping[str, Sequence[str]]
"""From each id to the ids that it depends on; all of them are keys."""

_STARTS = 64
"""From how many places of a knot a shortest cycle is sought."""


def edges_of(workstreams: Iterable[Workstream]) -> dict[str, tuple[str, ...]]:
    """Who depends on whom, without what does not exist."""
    by_id = {ws.id: ws for ws in workstreams}
    return {
        ws_id: tuple(need for need in dict.fromkeys(ws.depends_on) if need in by_id)
        for ws_id, ws in by_id.items()
    }


def plan_order(workstreams: Sequence[Workstream]) -> tuple[Workstream, ...]:
    """Topological; among the free ones higher priority, then longer chain behind, then id.

    What lies on a cycle or behind one is left out.
    """
    by_id = {ws.id: ws for ws in workstreams}
    edges = edges_of(workstreams)
    dependents: dict[str, list[str]] = {ws_id: [] for ws_id in edges}
    for ws_id, needs in edges.items():
        for need in needs:
            dependents[need].append(ws_id)
    depth = _depths(edges, dependents)
    missing = {ws_id: len(needs) for ws_id, needs in edges.items()}
    rank = {i: (-ws.priority, -depth.get(i, 0), i) for i, ws in by_id.items()}
    free = [rank[ws_id] for ws_id, count in missing.items() if count == 0]
    heapq.heapify(free)
    order: list[Workstream] = []
    while free:
        ws_id = heapq.heappop(free)[2]
        order.append(by_id[ws_id])
        for dependent in dependents[ws_id]:
            missing[dependent] -= 1
            if missing[dependent] == 0:
                heapq.heappush(free, rank[dependent])
    return tuple(order)


def _depths(edges: Edges, dependents: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many workstreams the longest chain behind each holds; from the ends backwards."""
    depth: dict[str, int] = {}
    waiting_for = {ws_id: len(behind) for ws_id, behind in dependents.items()}
    ready = [ws_id for ws_id, count in waiting_for.items() if count == 0]
    while ready:
        ws_id = ready.pop()
        depth[ws_id] = max((depth[d] + 1 for d in dependents[ws_id]), default=0)
        for need in edges[ws_id]:
            waiting_for[need] -= 1
            if waiting_for[need] == 0:
                ready.append(need)
    return depth


def cycles(edges: Edges) -> list[tuple[str, ...]]:
    """One shortest cycle for each knot of workstreams that wait for each other.

    A cycle starts with its smallest id, each depends on the next, the last on the first.
    """
    found = []
    for knot in knots(edges):
        if len(knot) > 1 or knot[0] in edges[knot[0]]:
            found.append(_shortest_cycle(sorted(knot), edges))
    return sorted(found)


def knots(edges: Edges) -> list[list[str]]:
    """The strongly connected parts, after Tarjan (1972), without recursion."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    parts: list[list[str]] = []

    def enter(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        on_stack.add(node)
        work.append((node, iter(edges[node])))

    def leave(node: str) -> None:
        if work:
            above = work[-1][0]
            low[above] = min(low[above], low[node])
        if low[node] == index[node]:
            part: list[str] = []
            while not part or part[-1] != node:
                part.append(stack.pop())
            on_stack.difference_update(part)
            parts.append(part)

    for root in edges:
        work: list[tuple[str, Iterable[str]]] = []
        if root not in index:
            enter(root)
        while work:
            node, rest = work[-1]
            for target in rest:
                if target not in index:
                    enter(target)
                    break
                if target in on_stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                leave(node)
    return parts


def _shortest_cycle(knot: list[str], edges: Edges) -> tuple[str, ...]:
    """A shortest cycle in a knot; in knots of more than 64 only the first ids are tried."""
    inside = frozenset(knot)
    ways = (_way_back(start, inside, edges) for start in knot[:_STARTS])
    best = min((way for way in ways if way), key=len)
    smallest = best.index(min(best))
    return best[smallest:] + best[:smallest]


def _way_back(start: str, inside: frozenset[str], edges: Edges) -> tuple[str, ...]:
    """The shortest way from ``start`` to itself, breadth first; there is one in a knot."""
    came_from: dict[str, str] = {}
    front = [start]
    while front:
        behind: list[str] = []
        for node in front:
            for target in sorted(inside.intersection(edges[node])):
                if target == start:
                    way = [node]
                    while way[-1] != start:
                        way.append(came_from[way[-1]])
                    return tuple(reversed(way))
                if target not in came_from:
                    came_from[target] = node
                    behind.append(target)
        front = behind
    return ()
