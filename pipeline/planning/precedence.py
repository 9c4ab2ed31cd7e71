"""Answers for many pairs of workstreams at once whether one has to come before the other."""

from collections.abc import Iterable, Sequence

from pipeline.planning.graph import Edges

_BLOCK = 4096
"""Workstreams whose followers are found in one pass; bounds memory to 512 bytes for each."""


class Precedence:
    """Which workstreams depend on which, directly or not.

    ``order`` is topological and complete for ``edges``.
    """

    def __init__(self, order: Sequence[str], edges: Edges) -> None:
        self._position = {ws_id: at for at, ws_id in enumerate(order)}
        self._needs = [
            tuple(self._position[need] for need in edges[ws_id] if need in self._position)
            for ws_id in order
        ]
        self._part = self._parts()

    def position(self, ws_id: str) -> int:
        """The place in the order, from 0."""
        return self._position[ws_id]

    def unordered(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """The pairs of which neither depends on the other; a workstream is ordered with itself."""
        hard: dict[int, list[tuple[int, tuple[str, str]]]] = {}
        result: list[tuple[str, str]] = []
        for pair in pairs:
            first, last = sorted((self._position[pair[0]], self._position[pair[1]]))
            if first == last or first in self._needs[last]:
                continue
            if self._part[first] != self._part[last]:
                result.append(pair)
            else:
                hard.setdefault(first, []).append((last, pair))
        sources = sorted(hard)
        for start in range(0, len(sources), _BLOCK):
            block = sources[start : start + _BLOCK]
            reached = self._reached(block)
            for bit, source in enumerate(block):
                result.extend(pair for last, pair in hard[source] if not reached[last] >> bit & 1)
        return result

    def _reached(self, sources: Sequence[int]) -> list[int]:
        """For each place, a bit for every source that it comes after."""
        bit_of = {source: 1 << bit for bit, source in enumerate(sources)}
        reached = [0] * len(self._needs)
        for at in range(sources[0], len(self._needs)):
            bits = bit_of.get(at, 0)
            for need in self._needs[at]:
                bits |= reached[need]
            reached[at] = bits
        return reached

    def _parts(self) -> list[int]:
        """Numbers that are the same for what is connected in any way."""
        parent = list(range(len(self._needs)))

        def find(node: int) -> int:
            while parent[node] != node:
                parent[node] = parent[parent[node]]
                node = parent[node]
            return node

        for at, needs in enumerate(self._needs):
            for need in needs:
                parent[find(at)] = find(need)
        return [find(at) for at in range(len(self._needs))]
