"""Landing many at once: one gate run for a chain of merges, bisected when it is red.

The first red prefix is searched by halving (each prefix is a tree of its own, so its verdict can
be cached), the green prefix before it lands, the culprit is dropped and the rest is built anew.
One bad among ``n`` costs at most ``2 + log2(n)`` gate runs. Where many are bad that is worse
than one by one, so the size of a batch adapts: it doubles after a green batch and halves when
one red batch follows another.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

S = TypeVar("S")
C = TypeVar("C")


@dataclass(slots=True)
class BatchSize:
    """How many to gate at once; deterministic, it depends on the verdicts so far alone."""

    size: int
    largest: int
    _was_red: bool = field(default=False, repr=False)

    def saw(self, *, is_green: bool) -> None:
        """Adapt to the verdict of one batch."""
        if is_green:
            self.size = min(self.largest, self.size * 2)
        elif self._was_red:
            # One red batch says little: the tail behind one culprit is likely to be green.
            self.size = max(1, self.size // 2)
        self._was_red = not is_green


@dataclass(frozen=True, slots=True)
class Batch(Generic[S, C]):
    """What became of one batch.

    ``landed`` are the candidates of the green prefix with the state after each; ``culprit`` is
    the first that turned the chain red; ``rest`` was not decided.
    """

    landed: tuple[tuple[C, S], ...]
    culprit: C | None
    rest: tuple[C, ...]
    gate_runs: int


def settle(chain: Sequence[tuple[C, S]], is_green: Callable[[S], bool]) -> Batch[S, C]:
    """Decide one chain of cumulative states.

    ``chain`` pairs each candidate with the state after it; the state before the first is known
    to be green. ``is_green`` may raise to say that nothing can be said.
    """
    if not chain:
        return Batch((), None, (), 0)
    runs = 1
    if is_green(chain[-1][1]):
        return Batch(tuple(chain), None, (), runs)
    green, red = 0, len(chain)
    while red - green > 1:
        middle = (green + red) // 2
        runs += 1
        if is_green(chain[middle - 1][1]):
            green = middle
        else:
            red = middle
    rest = tuple(candidate for candidate, _ in chain[red:])
    return Batch(tuple(chain[:green]), chain[red - 1][0], rest, runs)
