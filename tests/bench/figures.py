"""What a measurement comes to: figures, the targets that some of them have, and their JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SCHEMA = "bench.v1"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number; with a ``limit`` it is on target when at most (or at least) that much."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    is_at_least: bool = False

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; ``None`` where there is none."""
        if self.limit is None:
            return None
        return self.value >= self.limit if self.is_at_least else self.value <= self.limit

    @property
    def target(self) -> str:
        """The target in words, empty where there is none."""
        if self.limit is None:
            return ""
        return f"{'≥' if self.is_at_least else '≤'} {self.limit:g} {self.unit}"

    @property
    def as_json(self) -> dict[str, Any]:
        """The figure as it is written to the file."""
        return {
            "name": self.name,
            "value": round(self.value, 6),
            "unit": self.unit,
            "target": self.target or None,
            "met": self.is_met,
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one measure, and the single samples they were made from (seconds)."""

    figures: Sequence[Figure]
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)
    notes: Sequence[str] = ()


def ms(name: str, seconds: float, limit: float | None = None) -> Figure:
    """A duration in milliseconds, from seconds."""
    return Figure(name, seconds * 1000, "ms", limit)


def ratio(name: str, value: float, limit: float, *, is_at_least: bool = False) -> Figure:
    """How often one thing goes into another."""
    return Figure(name, value, "x", limit, is_at_least)
