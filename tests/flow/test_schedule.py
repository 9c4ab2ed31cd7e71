"""What may happen next depends on the plan and the states alone."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.flow.schedule import UNFINISHED, Graph, blocked, landable, outcome, workable
from pipeline.model.config import Config
from pipeline.model.plan import Plan
from pipeline.model.states import FINAL, STARTABLE, WORKSTREAM_MOVES, RunState, WorkstreamState
from pipeline.model.workstream import Workstream

W = WorkstreamState


def plan_of(*workstreams: Workstream) -> Plan:
    return Plan("0" * 40, workstreams, Config())


def ws(ws_id: str, *deps: str, excludes: tuple[str, ...] = ()) -> Workstream:
    return Workstream(ws_id, depends_on=deps, conflicts_with=excludes)


CHAIN = Graph.of(plan_of(ws("a"), ws("b", "a"), ws("c", "b"), ws("d")))


def states(**given: W) -> dict[str, W]:
    return {ws_id: given.get(ws_id, W.PENDING) for ws_id in CHAIN.order}


def test_closures_are_in_plan_order():
    assert CHAIN.closures["c"] == ("a", "b")


def test_dependent_waits_until_its_dependency_is_checked():
    assert workable(CHAIN, states(), ()) == ("a", "d")
    assert workable(CHAIN, states(), (), 1) == ("a",)
    assert workable(CHAIN, states(), (), 0) == ()
    assert workable(CHAIN, states(a=W.RUNTIME_CHECK), ("a",)) == ("d",)
    assert workable(CHAIN, states(a=W.CHECKED), ()) == ("b", "d")


def test_excluded_ones_are_never_handed_out_together():
    graph = Graph.of(plan_of(ws("a"), ws("b", excludes=("a",)), ws("c")))
    pending = dict.fromkeys("abc", W.PENDING)
    assert workable(graph, pending, ()) == ("a", "c")
    assert workable(graph, pending, ("b",)) == ("c",)


def test_failure_blocks_the_whole_chain_behind_it():
    assert blocked(CHAIN, states(a=W.FAILED), ()) == {"b": "a", "c": "b"}
    assert blocked(CHAIN, states(a=W.DONE), ()) == {}


def test_one_that_a_worker_holds_is_not_blocked_under_its_hands():
    assert blocked(CHAIN, states(a=W.FAILED, b=W.EDITING), ("b",)) == {}


def test_landing_waits_for_predecessors_and_passes_over_the_ended():
    assert landable(CHAIN, states(a=W.CHECKED)) == ("a",)
    assert landable(CHAIN, states(d=W.CHECKED)) == ()
    assert landable(CHAIN, states(a=W.FAILED, b=W.BLOCKED, c=W.BLOCKED, d=W.CHECKED)) == ("d",)


def test_what_depends_on_one_that_awaits_review_waits_with_it():
    held = states(a=W.AWAITING_REVIEW, b=W.CHECKED, d=W.CHECKED)
    assert landable(CHAIN, held) == ("d",)
    assert landable(CHAIN, states(b=W.CHECKED, d=W.CHECKED, a=W.MERGING)) == ("a",)
    assert blocked(CHAIN, held, ()) == {}
    assert workable(CHAIN, states(a=W.AWAITING_REVIEW, d=W.DONE), ()) == ()


def test_batch_waits_until_it_is_full_or_all_are_decided():
    some = states(a=W.CHECKED, b=W.CHECKED)
    assert landable(CHAIN, some, 2) == ("a", "b")
    assert landable(CHAIN, some, 3) == ()
    assert landable(CHAIN, some, 3, {"a"}) == ("a",)
    assert landable(CHAIN, states(b=W.CHECKED), 3, {"b"}) == ()
    rest = states(a=W.CHECKED, b=W.CHECKED, c=W.FAILED, d=W.QUARANTINED)
    assert landable(CHAIN, rest, 9) == ("a", "b")


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((), RunState.COMPLETED),
        ((W.DONE, W.DONE), RunState.COMPLETED),
        ((W.DONE, W.FAILED), RunState.PARTIAL),
        ((W.FAILED, W.BLOCKED), RunState.FAILED),
        ((W.AWAITING_REVIEW, W.FAILED), RunState.PARTIAL),
    ],
)
def test_outcome_of_a_run(ends, expected):
    assert outcome(ends) is expected


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(1, 9))
    ids = [f"w{i}" for i in range(size)]
    bundles = []
    for i, ws_id in enumerate(ids):
        deps = draw(st.sets(st.sampled_from(ids[:i]), max_size=3)) if i else set()
        others = draw(st.sets(st.sampled_from(ids[:i]), max_size=2)) if i else set()
        bundles.append(ws(ws_id, *sorted(deps), excludes=tuple(sorted(others - deps))))
    return Graph.of(plan_of(*bundles))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.data())
def test_every_workstream_ends_and_no_dependent_starts_early(graph, data):
    """A random walk of workers, verdicts and landings, in any timing."""
    now = dict.fromkeys(graph.order, W.PENDING)
    active: set[str] = set()
    landed: list[str] = []
    for _ in range(400):
        for ws_id in blocked(graph, now, active):
            assert W.BLOCKED in WORKSTREAM_MOVES[now[ws_id]]
            now[ws_id] = W.BLOCKED
        if candidates := landable(graph, now):
            (ws_id,) = candidates
            earlier = graph.order[: graph.order.index(ws_id)]
            assert all(now[e] in FINAL for e in earlier)
            now[ws_id] = data.draw(st.sampled_from([W.DONE, W.QUARANTINED]))
            if now[ws_id] is W.DONE:
                landed.append(ws_id)
            continue
        free = workable(graph, now, active)
        if free and (not active or data.draw(st.booleans())):
            ws_id = data.draw(st.sampled_from(free))
            assert all(now[dep] in STARTABLE for dep in graph.bundles[ws_id].depends_on)
            assert not graph.excludes[ws_id] & active
            active.add(ws_id)
            now[ws_id] = W.EDITING
        elif active:
            ws_id = data.draw(st.sampled_from(sorted(active)))
            active.remove(ws_id)
            now[ws_id] = data.draw(st.sampled_from([W.CHECKED, W.FAILED, W.QUARANTINED]))
        else:
            break
    assert all(state in FINAL for state in now.values())
    assert landed == [ws_id for ws_id in graph.order if now[ws_id] is W.DONE]
    for ws_id in landed:
        assert all(now[dep] is W.DONE for dep in graph.closures[ws_id])


def test_states_in_which_work_is_left_are_those_before_checked():
    assert UNFINISHED.isdisjoint(FINAL | STARTABLE)


def test_graph_does_not_share_bundles_with_another_plan():
    other = Graph.of(plan_of(replace(ws("a"), priority=3)))
    assert other.bundles["a"].priority == 3
