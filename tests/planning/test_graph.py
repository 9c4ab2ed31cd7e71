"""Plan order depends on the bundles alone, and whatever makes one impossible is named."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.workstream import Workstream
from pipeline.planning.graph import cycles, edges_of, knots, plan_order
from pipeline.planning.precedence import Precedence


def ws(ws_id: str, *needs: str, priority: int = 0) -> Workstream:
    return Workstream(ws_id, depends_on=needs, priority=priority)


def ids(order: Sequence[Workstream]) -> str:
    return " ".join(w.id for w in order)


@st.composite
def graphs(draw: st.DrawFn, *, acyclic: bool = True) -> list[Workstream]:
    size = draw(st.integers(1, 12))
    found = []
    for at in range(size):
        others = range(at) if acyclic else range(size)
        needs = draw(st.lists(st.sampled_from(others), max_size=3, unique=True)) if others else []
        names = (f"w{need}" for need in needs)
        found.append(ws(f"w{at}", *names, priority=draw(st.integers(0, 2))))
    return found


@pytest.mark.parametrize(
    ("given_ws", "expected"),
    [
        ([ws("b"), ws("a"), ws("c")], "a b c"),
        ([ws("a", "b"), ws("b")], "b a"),
        ([ws("a"), ws("b", priority=1)], "b a"),
        ([ws("a"), ws("b"), ws("c", "b")], "b a c"),
        ([ws("a"), ws("b"), ws("c", "b"), ws("d", "c"), ws("e", "a")], "b a c d e"),
        ([ws("a", "z"), ws("z", priority=-5), ws("m")], "m z a"),
        ([ws("a", "nobody")], "a"),
    ],
)
def test_plan_order(given_ws: list[Workstream], expected: str) -> None:
    assert ids(plan_order(given_ws)) == expected


@given(graph=graphs(), seed=st.integers())
def test_plan_order_does_not_depend_on_where_bundles_stand(
    graph: list[Workstream], seed: int
) -> None:
    shuffled = random.Random(seed).sample(graph, len(graph))

    order = plan_order(graph)
    assert plan_order(shuffled) == order
    place = {w.id: at for at, w in enumerate(order)}
    assert len(place) == len(graph)
    assert all(place[need] < place[w.id] for w in graph for need in w.depends_on)


def test_a_long_chain_needs_no_recursion() -> None:
    chain = [ws("w0"), *(ws(f"w{i}", f"w{i - 1}") for i in range(1, 4_000))]
    circle = [ws("w0", "w3999"), *chain[1:]]

    assert len(plan_order(chain)) == 4_000
    assert plan_order(circle) == ()
    assert len(cycles(edges_of(circle))[0]) == 4_000


@pytest.mark.parametrize(
    ("given_ws", "expected"),
    [
        ([ws("a", "a")], [("a",)]),
        ([ws("a", "b"), ws("b", "a")], [("a", "b")]),
        ([ws("b", "c"), ws("c", "a"), ws("a", "b")], [("a", "b", "c")]),
        ([ws("a", "b"), ws("b")], []),
        ([ws("a", "b", "c"), ws("b", "a"), ws("c", "a")], [("a", "b")]),
        ([ws("a", "b"), ws("b", "a"), ws("x", "y", "a"), ws("y", "x")], [("a", "b"), ("x", "y")]),
        ([ws("a", "b"), ws("b", "c"), ws("c", "d", "b"), ws("d", "a")], [("b", "c")]),
        ([ws("behind", "a"), ws("a", "a")], [("a",)]),
    ],
)
def test_cycles_are_named_once(given_ws: list[Workstream], expected: list[tuple[str, ...]]) -> None:
    assert cycles(edges_of(given_ws)) == expected


@given(graph=graphs(acyclic=False))
def test_a_plan_is_ordered_whole_or_a_cycle_is_named(graph: list[Workstream]) -> None:
    edges = edges_of(graph)
    found = cycles(edges)

    assert bool(found) == (len(plan_order(graph)) < len(graph))
    for cycle in found:
        assert len(set(cycle)) == len(cycle)
        assert all(b in edges[a] for a, b in zip(cycle, (*cycle[1:], cycle[0]), strict=True))
    assert sorted(node for knot in knots(edges) for node in knot) == sorted(edges)
    on_cycles = [node for cycle in found for node in cycle]
    assert len(on_cycles) == len(set(on_cycles)), "one cycle for each knot"


@settings(deadline=None)
@given(graph=graphs())
def test_precedence_is_what_walking_the_graph_finds(graph: list[Workstream]) -> None:
    edges = edges_of(graph)
    order = [w.id for w in plan_order(graph)]
    behind: dict[str, set[str]] = {}
    for node in order:
        behind[node] = {node}.union(*(behind[need] for need in edges[node]))
    pairs = [(a, b) for a in order for b in order]

    expected = [(a, b) for a, b in pairs if a not in behind[b] and b not in behind[a]]
    assert sorted(Precedence(order, edges).unordered(pairs)) == sorted(expected)


def test_precedence_with_more_sources_than_one_pass_holds() -> None:
    chain = [ws("w00000"), *(ws(f"w{i:05}", f"w{i - 1:05}") for i in range(1, 9000))]
    extra = ws("side", "w00000")
    order = [w.id for w in plan_order([*chain, extra])]
    pairs = [(f"w{i:05}", f"w{i + 2:05}") for i in range(8000)] + [("side", "w08000")]

    precedence = Precedence(order, edges_of([*chain, extra]))
    assert precedence.unordered(pairs) == [("side", "w08000")]
    assert precedence.position("w00000") == 0
