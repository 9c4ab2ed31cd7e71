"""The table of the ladder's states: histories that the ladder makes follow it, and all end."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.finding import Finding
from pipeline.model.ladder import LADDER_MOVES, LadderState
from pipeline.model.record import Step
from pipeline.model.verdict import CheckResult, Result, Verdict
from pipeline.model.workstream import BreakerLimits
from pipeline.repair.breakers import MECHANICAL, TOOL, AttemptFacts, Trip
from pipeline.repair.ladder import Rung, bound, next_rung
from pipeline.repair.ladder_states import position, positions

RUNGS = st.lists(
    st.sampled_from(
        [Rung(MECHANICAL, is_free=True), Rung("imports", is_free=True), Rung(TOOL), Rung("claude")]
    ),
    unique=True,
    max_size=4,
)
LIMITS = st.builds(
    BreakerLimits,
    max_attempts=st.integers(0, 5),
    max_error_repeats=st.integers(1, 5),
    oscillation_threshold=st.integers(2, 4),
)
GREEN, RED, REFUSED, CRASHED, VOID, UNCHANGED = range(6)


def gate(step, tree, signatures=""):
    return AttemptFacts(step, 1, tree, frozenset(signatures), tree, is_green=not signatures)


def fixed(rung, number, start, tree, **how):
    return AttemptFacts(Step.FIX, number, tree, start_tree=start, rung=rung, **how)


def red(tree, signatures):
    findings = tuple(Finding("t", "c", s, signature=s) for s in signatures)
    check = CheckResult("lint", Result.FAILED, "k", findings=findings)
    return Verdict("static", tree, Result.FAILED, (check,))


def judge(data, history, tree):
    """Both gates, the second where the first is green; the red one's verdict, if any."""
    for step in (Step.STATIC, Step.RUNTIME):
        signatures = data.draw(st.sets(st.sampled_from("xyz"))) if data.draw(st.booleans()) else ()
        history.append(gate(step, tree, signatures))
        if signatures:
            return red(tree, signatures)
    return None


@settings(max_examples=200)
@given(st.data(), RUNGS, LIMITS, st.integers(1, 3))
def test_every_history_ends_and_follows_the_table(data, rungs, limits, rung_attempts):
    tree = "A"
    history = [AttemptFacts(Step.EDIT, 1, tree, start_tree="S")]
    verdict = judge(data, history, tree)
    most = bound(rungs, limits, rung_attempts=rung_attempts)
    asked, climbs, void = {}, 0, 0
    is_over = False
    while verdict is not None:
        step = next_rung(rungs, history, limits, rung_attempts=rung_attempts, last_verdict=verdict)
        if isinstance(step, Trip):
            assert step.reason.endswith(".")
            is_over = True
            break
        rung = next(r for r in rungs if r.name == step.rung)
        what = data.draw(st.integers(0, 5))
        if what in (CRASHED, VOID) and (void > 5 or (what == VOID and rung.is_free)):
            what = RED
        to = tree if what in (UNCHANGED, CRASHED, VOID) else f"T{len(history)}"
        how = {
            "is_refused": what in (REFUSED, VOID, UNCHANGED),
            "is_crashed": what == CRASHED,
            "is_void": what == VOID,
            "is_fixer": rung.is_free,
        }
        history.append(fixed(rung.name, climbs + 1, tree, to, **how))
        if what in (CRASHED, VOID):
            void += 1
            continue
        climbs += 1
        asked[rung.name] = asked.get(rung.name, 0) + 1
        assert climbs <= most
        assert rung.is_free or asked[rung.name] <= rung_attempts
        if what in (GREEN, RED):
            tree = to
            verdict = judge(data, history, tree)
    way = positions(history, is_over=is_over)
    for before, after in pairwise(way):
        assert after.state in LADDER_MOVES[before.state], (before, after)
    end = LadderState.QUARANTINE if is_over else LadderState.SUCCESS
    assert way[-1].state is end
    assert way[-1].number == sum(n for name, n in asked.items() if name in (TOOL, "claude"))


@given(
    st.lists(
        st.builds(
            AttemptFacts,
            st.sampled_from(Step),
            st.just(1),
            st.sampled_from(["", "A", "B"]),
            start_tree=st.just("A"),
            rung=st.sampled_from(["", MECHANICAL, TOOL, "claude"]),
            is_fixer=st.booleans(),
            is_crashed=st.booleans(),
            is_void=st.booleans(),
            is_green=st.booleans(),
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_any_history_has_a_position_and_resuming_changes_nothing(history, is_over):
    """A crash or a fault in between leaves the position where it was."""
    way = positions(history, is_over=is_over)
    assert way[-1] == position(history, is_over=is_over)
    crashed = AttemptFacts(Step.FIX, 9, "Z", start_tree="A", rung=TOOL, is_crashed=True)
    assert position([*history, crashed], is_over=is_over) == way[-1]
    assert is_over == (way[-1].state is LadderState.QUARANTINE)


def test_the_states_of_a_long_repair_have_their_names():
    history = [
        AttemptFacts(Step.EDIT, 1, "A", start_tree="S"),
        gate(Step.STATIC, "A", "x"),
        fixed(MECHANICAL, 1, "A", "B", is_fixer=True),
        gate(Step.STATIC, "B", "x"),
        fixed(TOOL, 2, "B", "C"),
        gate(Step.STATIC, "C"),
        gate(Step.RUNTIME, "C", "y"),
        fixed("claude", 3, "C", "D"),
        gate(Step.STATIC, "D"),
        gate(Step.RUNTIME, "D"),
    ]
    assert [at.name for at in positions(history)] == [
        "init",
        "init",
        "baseline",
        "mechanical_fix",
        "mechanical_recheck",
        "agent_1",
        "agent_recheck",
        "agent_recheck",
        "agent_2",
        "agent_recheck",
        "success",
    ]
    assert position(history[:5], is_over=True).name == "quarantine"


@pytest.mark.parametrize("state", LadderState)
def test_every_state_is_reached_and_all_but_the_end_can_end(state):
    reached = {target for targets in LADDER_MOVES.values() for target in targets}
    assert state in reached
    is_end = state is LadderState.QUARANTINE
    assert is_end == (not LADDER_MOVES[state])
    assert is_end or LadderState.QUARANTINE in LADDER_MOVES[state]
