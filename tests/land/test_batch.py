"""Landing in batches finds the first red prefix, at the price that is promised."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.land.batch import BatchSize, settle


def chain_of(bad: set[int], size: int) -> list[tuple[int, frozenset[int]]]:
    return [(i, frozenset(range(i + 1)) & bad) for i in range(size)]


def is_green(state: frozenset[int]) -> bool:
    return not state


def land_all(bad: set[int], size: int) -> tuple[list[int], list[int], int]:
    """Land ``size`` candidates as the lander does: the rest is built anew after each culprit."""
    landed: list[int] = []
    culprits: list[int] = []
    runs = 0
    waiting = list(range(size))
    limit = BatchSize(size, size)
    while waiting:
        chosen = waiting[: limit.size]
        chain, held = [], set()
        for candidate in chosen:
            held |= {candidate} & bad
            chain.append((candidate, frozenset(held)))
        batch = settle(chain, is_green)
        runs += batch.gate_runs
        limit.saw(is_green=batch.culprit is None)
        landed += [candidate for candidate, _ in batch.landed]
        gone = {candidate for candidate, _ in batch.landed}
        if batch.culprit is not None:
            culprits.append(batch.culprit)
            gone.add(batch.culprit)
        waiting = [candidate for candidate in waiting if candidate not in gone]
    return landed, culprits, runs


def test_green_batch_costs_one_gate_run():
    batch = settle(chain_of(set(), 16), is_green)
    assert (len(batch.landed), batch.culprit, batch.gate_runs) == (16, None, 1)


def test_empty_chain_costs_nothing():
    assert settle([], is_green).gate_runs == 0


@pytest.mark.parametrize(("size", "most"), [(8, 5), (16, 6), (32, 7), (64, 8)])
def test_one_bad_costs_little_wherever_it_is(size, most):
    runs = []
    for position in range(size):
        landed, culprits, count = land_all({position}, size)
        assert culprits == [position]
        assert landed == [i for i in range(size) if i != position]
        runs.append(count)
    assert max(runs) <= most == math.log2(size) + 2


@given(st.integers(1, 40), st.data())
def test_exactly_the_bad_ones_are_found_in_order(size, data):
    bad = data.draw(st.sets(st.integers(0, size - 1)))
    landed, culprits, _ = land_all(bad, size)
    assert landed == [i for i in range(size) if i not in bad]
    assert culprits == sorted(bad)


def test_many_bad_ones_shrink_the_batch_to_one_by_one():
    size = BatchSize(64, 64)
    for _ in range(8):
        size.saw(is_green=False)
    assert size.size == 1
    size.saw(is_green=True)
    assert size.size == 2


def test_gate_that_cannot_tell_is_no_evidence():
    def cannot_tell(_state: frozenset[int]) -> bool:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        settle(chain_of({3}, 8), cannot_tell)
