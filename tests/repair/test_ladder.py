from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.base.errors import BugError
from pipeline.model.finding import Finding
from pipeline.model.record import Step
from pipeline.model.verdict import CheckResult, Result, Verdict
from pipeline.model.workstream import BreakerLimits
from pipeline.repair.breakers import MECHANICAL, TOOL, AttemptFacts, Trip, TripKind
from pipeline.repair.ladder import Climb, Rung, bound, next_rung

RUNGS = (MECHANICAL, TOOL)
FREE = (MECHANICAL, "imports")
LIMITS = BreakerLimits()


def red(tree: str, *signatures: str, gate: str = "static") -> Verdict:
    findings = tuple(Finding("t", "c", s, signature=s) for s in signatures)
    check = CheckResult("lint", Result.FAILED, "k", findings=findings)
    return Verdict(gate, tree, Result.FAILED, (check,))


def as_rungs(names: tuple[str, ...], takes_feedback: bool = True) -> tuple[Rung, ...]:
    closed = "" if takes_feedback else "the tool takes no feedback"
    return tuple(Rung(n, n in FREE, closed if n == TOOL else "") for n in names)


class Story:
    """A workstream whose attempts are made by the ladder."""

    def __init__(self, tree: str = "A") -> None:
        self.tree = tree
        self.verdict = red(tree)
        self.history = [AttemptFacts(Step.EDIT, 1, tree, start_tree="S")]
        self.climbs: list[str] = []

    def judge(self, *signatures: str, crashed: bool = False) -> None:
        seen = frozenset(signatures)
        self.verdict = red(self.tree, *signatures)
        self.history.append(
            AttemptFacts(Step.STATIC, 1, self.tree, seen, self.tree, is_crashed=crashed)
        )

    def fix(self, rung: str, tree: str, *, refused: bool = False, crashed: bool = False) -> None:
        number = sum(fact.step is Step.FIX for fact in self.history) + 1
        self.history.append(
            AttemptFacts(
                Step.FIX,
                number,
                tree,
                start_tree=self.tree,
                rung=rung,
                is_refused=refused,
                is_crashed=crashed,
                is_fixer=rung in FREE,
            )
        )
        if tree and not refused and not crashed:
            self.tree = tree

    def next(
        self,
        rungs: tuple[str, ...] = RUNGS,
        limits: BreakerLimits = LIMITS,
        takes_feedback: bool = True,
        rung_attempts: int = 9,
    ) -> Climb | Trip:
        return next_rung(
            as_rungs(rungs, takes_feedback),
            self.history,
            limits,
            rung_attempts=rung_attempts,
            last_verdict=self.verdict,
            last_diff=b"diff",
        )

    def rung(self, *args: object, **fields: object) -> str:
        step = self.next(*args, **fields)  # type: ignore[arg-type]  # passed on as it is
        return step.rung if isinstance(step, Climb) else str(step.kind)


@pytest.fixture
def story() -> Story:
    made = Story()
    made.judge("x")
    return made


def test_the_mechanical_rung_comes_first_and_has_no_feedback(story: Story) -> None:
    assert story.next() == Climb(MECHANICAL)


def test_then_the_tool_is_asked_with_findings_and_diff(story: Story) -> None:
    story.fix(MECHANICAL, "A")
    story.judge("x")
    step = story.next()
    assert isinstance(step, Climb)
    assert step.rung == TOOL
    assert step.feedback is not None
    assert [finding.signature for finding in step.feedback.findings] == ["x"]
    assert step.feedback.last_diff == b"diff"
    assert step.feedback.attempt == 1
    assert step.feedback.reason == "The gate static is red: lint failed."


def test_each_new_red_is_first_repaired_mechanically(story: Story) -> None:
    story.fix(MECHANICAL, "A1")
    story.judge("x")
    assert story.rung() == TOOL
    story.fix(TOOL, "B")
    story.judge("y")
    assert story.rung() == MECHANICAL
    story.fix(MECHANICAL, "B1")
    story.judge("y")
    assert story.rung() == TOOL


def test_the_mechanical_rung_is_not_taken_on_its_own_result(story: Story) -> None:
    story.fix(MECHANICAL, "A1")
    story.judge("x")
    story.judge("x")
    assert story.rung() == TOOL


def test_the_mechanical_rung_is_not_taken_again_after_a_refused_repair(story: Story) -> None:
    story.fix(MECHANICAL, "A")
    story.fix(TOOL, "Z", refused=True)
    assert story.rung() == TOOL


def test_a_crashed_rung_was_not_taken(story: Story) -> None:
    story.fix(MECHANICAL, "A1", crashed=True)
    assert story.rung() == MECHANICAL


def test_a_new_edit_starts_the_ladder_again(story: Story) -> None:
    story.fix(MECHANICAL, "A1")
    story.history.append(AttemptFacts(Step.EDIT, 2, "N", start_tree="S2"))
    story.tree = "N"
    story.judge("x")
    assert story.rung() == MECHANICAL


def test_the_tool_comes_last_wherever_it_is_named(story: Story) -> None:
    rungs = (TOOL, "imports", MECHANICAL)
    taken = []
    for _ in range(3):
        taken.append(story.rung(rungs))
        story.fix(taken[-1], story.tree)
    assert taken == ["imports", MECHANICAL, TOOL]


def test_a_tool_that_changes_nothing_ends_the_ladder(story: Story) -> None:
    story.fix(MECHANICAL, "A")
    story.fix(TOOL, "A")
    story.judge("x")
    step = story.next()
    assert isinstance(step, Trip)
    assert step.kind is TripKind.EXHAUSTED
    assert "changed nothing" in step.reason


@pytest.mark.parametrize(
    ("rungs", "takes_feedback", "words"),
    [
        ((), True, "does not ask a tool"),
        ((MECHANICAL,), True, "tried: mechanical"),
        (RUNGS, False, "takes no feedback"),
    ],
)
def test_without_a_rung_the_ladder_ends(
    story: Story, rungs: tuple[str, ...], takes_feedback: bool, words: str
) -> None:
    story.fix(MECHANICAL, "A")
    step = story.next(rungs, takes_feedback=takes_feedback)
    assert isinstance(step, Trip)
    assert step.kind is TripKind.EXHAUSTED
    assert words in step.reason


def test_a_mechanical_repair_costs_no_attempt_and_is_the_last_to_be_denied(story: Story) -> None:
    limits = BreakerLimits(max_attempts=1, max_error_repeats=1)
    story.fix(TOOL, "B")
    story.judge("x")
    assert story.rung(limits=limits) == MECHANICAL
    story.fix(MECHANICAL, "B1")
    story.judge("x")
    assert story.rung(limits=limits) == "repeats"
    story.judge("y")
    assert story.rung(limits=limits) == "attempts"


def test_an_oscillation_ends_at_once(story: Story) -> None:
    story.fix(TOOL, "B")
    story.judge("y")
    story.fix(TOOL, "A")
    story.judge("x")
    assert story.rung() == "oscillation"


@pytest.mark.parametrize("result", [Result.PASSED, Result.FAULT, Result.UNKNOWN])
def test_only_a_red_gate_is_repaired(story: Story, result: Result) -> None:
    story.verdict = Verdict("static", "A", result)
    with pytest.raises(BugError):
        story.next()


LIMIT = st.builds(
    BreakerLimits,
    max_attempts=st.integers(-1, 5),
    max_error_repeats=st.integers(0, 9),
    oscillation_threshold=st.integers(0, 4),
)
TREE = st.sampled_from(["", "A", "B", "C", "D", "new"])
ANSWER = st.tuples(TREE, st.booleans(), st.booleans(), st.sets(st.sampled_from("xyz")))


def climb_to_the_end(
    story: Story, take: Callable[[str, int], None], most: int, **how: object
) -> Trip:
    """Climb until the ladder ends; fails when it takes more than `most` climbs."""
    while True:
        step = story.next(**how)  # type: ignore[arg-type]  # passed on as it is
        if isinstance(step, Trip):
            return step
        story.climbs.append(step.rung)
        assert len(story.climbs) <= most
        take(step.rung, len(story.climbs))


@given(
    st.data(),
    st.lists(st.sampled_from([MECHANICAL, TOOL, "imports"]), max_size=4).map(tuple),
    LIMIT,
    st.booleans(),
)
def test_the_ladder_ends_whatever_tools_and_gates_answer(
    data: st.DataObject, rungs: tuple[str, ...], limits: BreakerLimits, takes_feedback: bool
) -> None:
    story = Story()
    story.judge("x")

    def take(rung: str, count: int) -> None:
        tree, refused, same_gate, signatures = data.draw(ANSWER)
        story.fix(rung, f"new{count}" if tree == "new" else tree, refused=refused)
        if not (same_gate or refused):
            story.judge(*signatures)

    most = bound(as_rungs(rungs), limits, rung_attempts=9)
    end = climb_to_the_end(
        story, take, most, rungs=rungs, limits=limits, takes_feedback=takes_feedback
    )
    assert end.reason
    assert story.climbs.count(TOOL) <= max(0, limits.max_attempts)
    assert takes_feedback or TOOL not in story.climbs


def test_the_bound_is_reached_by_a_tool_that_always_does_something_new() -> None:
    limits = BreakerLimits(max_attempts=4, max_error_repeats=99)
    story = Story()
    story.judge("x")

    def take(rung: str, count: int) -> None:
        story.fix(rung, f"new{count}")
        story.judge("x")

    end = climb_to_the_end(story, take, 99, limits=limits)
    assert end.kind is TripKind.ATTEMPTS
    assert len(story.climbs) == bound(as_rungs(RUNGS), limits, rung_attempts=9) == 9
