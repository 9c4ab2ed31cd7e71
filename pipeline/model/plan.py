"""A frozen plan: the workstreams and configuration of a run, in an order of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.model.config import Config
from pipeline.model.workstream import Workstream


@dataclass(frozen=True, slots=True)
class FrozenFile:
    """A file that a bundle refers to (a patch), kept with the plan; ``digest`` is its SHA-256."""

    path: str
    digest: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do: ``workstreams`` in plan order, ``files`` by path.

    Plan order is topological; among what is free: priority (higher first), depth of the chain
    behind (longer first), id. It depends on the bundles alone.
    """

    base_commit: str
    workstreams: tuple[Workstream, ...]
    config: Config
    files: Mapping[str, FrozenFile] = field(default_factory=dict)
    tool_versions: Mapping[str, str] = field(default_factory=dict)
    key: str = ""

    def position(self, ws_id: str) -> int:
        """The place of a workstream in plan order, from 0."""
        return next(i for i, ws in enumerate(self.workstreams) if ws.id == ws_id)

    def workstream(self, ws_id: str) -> Workstream:
        """The workstream with this id; ``StopIteration`` never: ids come from the plan."""
        return self.workstreams[self.position(ws_id)]

    def closure(self, ws_id: str) -> tuple[str, ...]:
        """All dependencies of a workstream, direct and not, in plan order."""
        by_id = {ws.id: ws for ws in self.workstreams}
        seen: set[str] = set()
        waiting = list(by_id[ws_id].depends_on)
        while waiting:
            dep = waiting.pop()
            if dep not in seen:
                seen.add(dep)
                waiting.extend(by_id[dep].depends_on)
        return tuple(ws.id for ws in self.workstreams if ws.id in seen)

    def dependents(self, ws_id: str) -> tuple[str, ...]:
        """All workstreams that need this one, direct and not, in plan order."""
        reached = {ws_id}
        for ws in self.workstreams:
            if reached.intersection(ws.depends_on):
                reached.add(ws.id)
        return tuple(ws.id for ws in self.workstreams if ws.id in reached and ws.id != ws_id)
