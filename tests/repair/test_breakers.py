import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.finding import Finding, Severity
from pipeline.model.record import AttemptState, Step, StepAttempt
from pipeline.model.workstream import BreakerLimits
from pipeline.repair.breakers import AttemptFacts, Trip, TripKind, facts, trip

LIMITS = BreakerLimits()
MANY = BreakerLimits(max_attempts=99, max_error_repeats=99)


def history(words: str) -> list[AttemptFacts]:
    """Attempts from words: `e:A` edits to tree A, `f:B` fixes, `m:C` fixes mechanically.

    `g:xy` is a gate, red with the errors x and y; `!` in front is a crash, `?` a refusal.
    """
    made: list[AttemptFacts] = []
    tree, counts = "S", dict.fromkeys(Step, 0)
    for word in words.split():
        kind, _, what = word.lstrip("!?").partition(":")
        step = {"e": Step.EDIT, "g": Step.STATIC, "r": Step.RUNTIME}.get(kind, Step.FIX)
        counts[step] += 1
        is_gate = kind in "gr"
        fact = AttemptFacts(
            step=step,
            number=counts[step],
            tree=tree if is_gate else what,
            signatures=frozenset(what if is_gate else ""),
            start_tree=tree,
            rung={"f": "tool", "m": "mechanical"}.get(kind, ""),
            is_refused=word.startswith("?"),
            is_crashed=word.startswith("!"),
        )
        made.append(fact)
        if not (fact.is_refused or fact.is_crashed):
            tree = fact.tree
    return made


def kind_of(words: str, limits: BreakerLimits = LIMITS) -> TripKind | None:
    found = trip(history(words), limits)
    return None if found is None else found.kind


def tripped(words: str, limits: BreakerLimits = LIMITS) -> Trip:
    found = trip(history(words), limits)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "words", ["", "e:A", "e:A g:x", "e:A g:x f:B g:x", "e:A g:x f:B g:y f:C g:z"]
)
def test_there_is_room_to_repair(words: str) -> None:
    assert trip(history(words), LIMITS) is None


def test_attempts_end_at_their_number() -> None:
    found = tripped("e:A g:w f:B g:x f:C g:y f:D g:z")
    assert found.kind is TripKind.ATTEMPTS
    assert found.evidence == ("fix 1", "fix 2", "fix 3")
    assert "3 attempts of the step fix" in found.reason
    assert "at most 3" in found.reason


@pytest.mark.parametrize("word", ["!f:X", "m:X", "e:X"])
def test_other_attempts_are_not_counted(word: str) -> None:
    words = f"e:A g:w f:B g:x {word} f:C g:y"
    assert kind_of(words) is None
    assert kind_of(f"{words} f:D g:z") is TripKind.ATTEMPTS


def test_a_refused_attempt_counts() -> None:
    assert kind_of("e:A g:x ?f:B ?f:C ?f:D") is TripKind.ATTEMPTS


def test_each_step_has_its_own_attempts() -> None:
    edits = history("?e:A ?e:B ?e:C")
    assert trip(edits, LIMITS, Step.FIX) is None
    found = trip(edits, LIMITS, Step.EDIT)
    assert found is not None
    assert found.evidence == ("edit 1", "edit 2", "edit 3")


def test_an_error_that_stays_after_two_repairs_trips() -> None:
    assert kind_of("e:A g:xa f:B g:xb") is None
    found = tripped("e:A g:xa f:B g:xb f:C g:xc")
    assert found.kind is TripKind.REPEATS
    assert found.evidence == ("x",)
    assert "'x' came back 2 times" in found.reason
    assert "limit is 2" in found.reason


def test_an_error_that_comes_and_goes_trips_too() -> None:
    limits = BreakerLimits(max_attempts=99)
    assert kind_of("e:A g:x f:B g:y f:C g:x f:D g:z f:E g:x", limits) is TripKind.REPEATS
    assert kind_of("e:A g:x f:B g:y f:C g:x f:D g:z f:E g:z", limits) is None


def test_an_error_that_is_gone_does_not_trip() -> None:
    assert kind_of("e:A g:x f:B g:x f:C g:y") is None


@pytest.mark.parametrize("word", ["m:M g:x", "g:x", "r:x", "!f:X g:x"])
def test_seeing_an_error_again_without_a_repair_is_no_repeat(word: str) -> None:
    words = f"e:A g:x {word} f:B g:x {word.replace('M', 'N')}"
    assert kind_of(words) is None
    assert kind_of(f"{words} f:C g:x") is TripKind.REPEATS


def test_a_to_b_to_a_trips_at_the_second_a() -> None:
    assert kind_of("e:A g:x f:B g:y") is None
    found = tripped("e:A g:x f:B g:y f:A")
    assert found.kind is TripKind.OSCILLATION
    assert found.evidence == ("A", "B", "A")
    assert "The tree A was reached 2 times (the limit is 2), by edit 1, fix 2" in found.reason
    assert "1 other tree between" in found.reason


def test_longer_cycles_trip() -> None:
    found = tripped("e:A f:B f:C f:D f:B", MANY)
    assert found.kind is TripKind.OSCILLATION
    assert found.evidence == ("B", "C", "D", "B")
    assert "2 other trees" in found.reason


def test_a_higher_threshold_allows_more_visits() -> None:
    limits = BreakerLimits(max_attempts=99, oscillation_threshold=3)
    assert kind_of("e:A f:B f:A f:B", limits) is None
    found = tripped("e:A f:B f:A f:B f:A", limits)
    assert found.evidence == ("A", "B", "A", "B", "A")
    assert "3 times" in found.reason


@pytest.mark.parametrize("threshold", [0, 1])
def test_reaching_a_tree_once_is_no_oscillation(threshold: int) -> None:
    limits = BreakerLimits(oscillation_threshold=threshold)
    assert kind_of("e:A f:B", limits) is None
    assert kind_of("e:A f:B f:A", limits) is TripKind.OSCILLATION


def test_changing_nothing_is_no_oscillation() -> None:
    assert kind_of("e:A g:x f:A m:A f:A", MANY) is None


def test_refused_trees_and_mechanical_ones_are_on_the_way() -> None:
    assert kind_of("e:A ?f:B ?f:C ?f:B", MANY) is TripKind.OSCILLATION
    assert kind_of("e:A m:M f:A", MANY) is TripKind.OSCILLATION


def test_crashed_attempts_are_not_on_the_way() -> None:
    assert kind_of("e:A !f:B !f:A f:B", MANY) is None


def test_attempts_without_a_tree_are_not_on_the_way() -> None:
    assert kind_of("e:A ?f: ?f: ?f:", MANY) is None


def test_the_most_telling_reason_is_given() -> None:
    everything = BreakerLimits(max_attempts=2, max_error_repeats=2)
    assert kind_of("e:A g:x f:B g:x f:A g:x", everything) is TripKind.OSCILLATION
    assert kind_of("e:A g:x f:B g:x f:C g:x", everything) is TripKind.REPEATS
    assert kind_of("e:A g:x f:B g:y f:C g:z", everything) is TripKind.ATTEMPTS


def test_facts_are_read_from_stored_attempts() -> None:
    def attempt(step: Step, **fields: object) -> StepAttempt:
        base = {"attempt_id": "a", "run_id": "r", "ws_id": "w", "generation": 1, "number": 1}
        return StepAttempt(step=step, **{**base, "start_tree": "A", **fields})  # type: ignore[arg-type]  # fields of any kind

    info = Finding("t", "c", "m", severity=Severity.INFO, signature="i")
    red = (Finding("t", "c", "m", signature="s"), info, Finding("t", "c", "unsigned"))
    failed, done = AttemptState.FAILED, AttemptState.SUCCEEDED
    made = facts(
        [
            attempt(Step.STATIC, state=failed, findings=red),
            attempt(Step.FIX, state=failed, findings=red, result_tree="B"),
            attempt(Step.FIX, state=done, result_tree="C", details={"rung": "mechanical"}),
            attempt(Step.FIX, state=AttemptState.CRASHED),
            attempt(Step.FIX),
        ]
    )
    assert made == (
        AttemptFacts(Step.STATIC, 1, "A", frozenset("s"), "A"),
        AttemptFacts(Step.FIX, 1, "B", start_tree="A", is_refused=True),
        AttemptFacts(Step.FIX, 1, "C", start_tree="A", rung="mechanical"),
        AttemptFacts(Step.FIX, 1, start_tree="A", is_crashed=True),
    )


TREES = st.lists(st.sampled_from("ABCDEF"), max_size=8)


@given(TREES, st.integers(2, 4))
def test_an_oscillation_is_a_tree_with_that_many_visits(trees: list[str], threshold: int) -> None:
    limits = BreakerLimits(max_attempts=99, oscillation_threshold=threshold)
    visits = [t for at, t in enumerate(trees) if at == 0 or trees[at - 1] != t]
    expected = any(visits.count(tree) >= threshold for tree in visits)
    found = trip(history(" ".join(f"f:{tree}" for tree in trees)), limits)
    assert (found is not None) is expected
    if found is not None:
        assert found.evidence[0] == found.evidence[-1]
        assert found.evidence.count(found.evidence[0]) >= threshold


@given(st.lists(st.sampled_from(["f:A", "f:B", "g:x", "g:y", "m:C", "?f:D", "e:E"]), max_size=10))
def test_crashed_attempts_change_nothing(words: list[str]) -> None:
    crashed = [part for word in words for part in (word, "!f:Z", "!" + word)]
    plain, disturbed = (trip(history(" ".join(w)), LIMITS) for w in (words, crashed))
    assert (plain and plain.kind) == (disturbed and disturbed.kind)
