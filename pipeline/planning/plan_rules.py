"""What is wrong between bundles: ids, references, cycles, overlapping scopes."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from pipeline.model.config import Config
from pipeline.model.workstream import Workstream
from pipeline.planning.graph import cycles, edges_of, plan_order
from pipeline.planning.overlap import overlaps
from pipeline.planning.problem import Problem
from pipeline.planning.suggest import did_you_mean

_REFERENCES = ("depends_on", "conflicts_with", "allow_overlap")


def check_plan(
    workstreams: Sequence[Workstream], config: Config, broken: Collection[str] = ()
) -> Iterator[Problem]:
    """Everything that only the whole set of bundles shows.

    ``broken`` are ids of bundles that could not be read; they count as existing.
    Overlaps among workstreams on a cycle, or behind one, show when the cycle is broken.
    """
    by_id: dict[str, Workstream] = {}
    for ws in sorted(workstreams, key=lambda w: w.source):
        if ws.id in by_id:
            message = f"has the id `{ws.id}`, which {by_id[ws.id].source} has already."
            yield Problem(ws.source, "$.id", message, "Give each bundle an id of its own.")
        else:
            by_id[ws.id] = ws
    unique = list(by_id.values())
    for ws in unique:
        if ws.depends_on or ws.conflicts_with or ws.allow_overlap:
            yield from _references(ws, by_id, config, broken)
    order = plan_order(unique)
    if len(order) < len(unique):
        yield from _cycles(by_id)
    yield from overlaps(order)


def is_off(ws: Workstream, config: Config) -> bool:
    """Whether a workstream's phase is configured and not enabled."""
    phase = config.phases.get(ws.phase) if ws.phase else None
    return phase is not None and not phase.enabled


def _references(
    ws: Workstream, by_id: Mapping[str, Workstream], config: Config, broken: Collection[str]
) -> Iterator[Problem]:
    for field in _REFERENCES:
        for index, other in enumerate(getattr(ws, field)):
            place = f"$.{field}[{index}]"
            if other == ws.id:
                if field != "depends_on":
                    yield Problem(ws.source, place, "names the workstream itself.", "Remove it.")
            elif other not in by_id:
                if other in broken:
                    continue
                message = f"names `{other}`, which no bundle has as its id."
                yield Problem(ws.source, place, message, did_you_mean(other, by_id))
            elif field == "depends_on" and is_off(by_id[other], config) and not is_off(ws, config):
                message = f"names `{other}`, whose phase `{by_id[other].phase}` is not enabled."
                yield Problem(ws.source, place, message, "Enable the phase, or remove this.")


def _cycles(by_id: Mapping[str, Workstream]) -> Iterator[Problem]:
    for cycle in cycles(edges_of(by_id.values())):
        way = " → ".join([*cycle, cycle[0]])
        kind = "depends on itself" if len(cycle) == 1 else "is part of a cycle"
        first = by_id[cycle[0]]
        at = first.depends_on.index(cycle[1 % len(cycle)])
        remedy = "Remove one of these dependencies."
        yield Problem(first.source, f"$.depends_on[{at}]", f"{kind}: {way}.", remedy)
