"""What agents used, read from the attempts that used it; summed exactly, unknown costs apart."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pipeline.base.errors import InputError
from pipeline.model.check import ToolType
from pipeline.model.record import AttemptState
from pipeline.store.records import Records

NOT_SENT = "budget"
"""The ``code`` of an attempt that ended before its agent was started: it used nothing."""

_USAGE = (
    "provider",
    "model",
    "requests",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "cost_nusd",
    "source",
)
_OUTCOME = "$.agent"
_FACTS = ("run_id", "ws_id", "attempt_id", "step", "number", "state", "tool", "started_at")
_SELECT = (
    f"SELECT {', '.join(_FACTS)}, "  # noqa: S608 - names of ours; values are bound
    f"json_extract(details, '{_OUTCOME}') IS NOT NULL, "
    f"json_extract(details, '{_OUTCOME}.details.assumed_nusd'), "
    + ", ".join(f"json_extract(details, '{_OUTCOME}.usage.{name}')" for name in _USAGE)
    + f" FROM step_attempts WHERE (json_extract(details, '{_OUTCOME}') IS NOT NULL "
    f"OR (state = '{AttemptState.CRASHED}' AND json_extract(details, '$.code') IS NOT ?))"
)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one attempt of an agent used; costs are in billionths of a dollar.

    ``cost_nusd`` is ``None`` where nobody knows it; ``assumed_nusd`` is then what its budget
    counts for it, ``None`` where that was not written down because the engine died.
    """

    run_id: str
    ws_id: str
    attempt_id: str
    step: str
    number: int
    state: str
    tool: str
    started_at: str
    assumed_nusd: int | None = None
    provider: str = ""
    model: str = ""
    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_nusd: int | None = None
    source: str = ""

    @property
    def is_crashed(self) -> bool:
        """Whether the attempt was interrupted, or its engine died."""
        return self.state == AttemptState.CRASHED

    def counted(self, expected_nusd: int) -> int:
        """What a budget counts; ``expected_nusd`` where nothing better is known."""
        if self.cost_nusd is not None:
            return self.cost_nusd
        return expected_nusd if self.assumed_nusd is None else self.assumed_nusd


@dataclass(frozen=True, slots=True)
class Total:
    """Sums over attempts; ``unknown`` counts those whose cost is not in ``cost_nusd``."""

    attempts: int = 0
    unknown: int = 0
    crashed: int = 0
    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_nusd: int = 0


NOTHING_SPENT = Total()


class By(StrEnum):
    """What costs are summed by."""

    ATTEMPT = "attempt"
    WORKER = "worker"
    WORKSTREAM = "workstream"
    PHASE = "phase"
    STEP = "step"
    RUN = "run"
    PROJECT = "project"


_KEYS: Mapping[By, Callable[[Spent], str]] = {
    By.ATTEMPT: lambda spent: spent.attempt_id,
    By.WORKER: lambda spent: spent.tool,
    By.WORKSTREAM: lambda spent: spent.ws_id,
    By.STEP: lambda spent: spent.step,
    By.RUN: lambda spent: spent.run_id,
    By.PROJECT: lambda _: "",
}


def spending(records: Records, run_id: str | None = None) -> tuple[Spent, ...]:
    """What every attempt of an agent used, in a run or in all of them, the oldest first.

    An attempt that crashed without a word counts where its tool is an agent by the run's plan.
    """
    where, values = ("", []) if run_id is None else (" AND run_id = ?", [run_id.lower()])
    agents: dict[str, frozenset[str]] = {}
    found = []
    for row in records.query(f"{_SELECT}{where} ORDER BY rowid", (NOT_SENT, *values)):
        facts: dict[str, Any] = dict(zip(_FACTS, row, strict=False))
        is_told, assumed, *usage = row[len(_FACTS) :]
        if is_told:
            used = dict(zip(_USAGE, usage, strict=True))
            found.append(Spent(**facts, **used, assumed_nusd=assumed))
            continue
        spent = Spent(**facts)
        if spent.run_id not in agents:
            agents[spent.run_id] = _agents(records, spent.run_id)
        if spent.tool in agents[spent.run_id]:
            found.append(spent)
    return tuple(found)


def total(items: Iterable[Spent]) -> Total:
    """The exact sum of what attempts used."""
    known = tuple(items)
    return Total(
        attempts=len(known),
        unknown=sum(spent.cost_nusd is None for spent in known),
        crashed=sum(spent.is_crashed for spent in known),
        requests=sum(spent.requests for spent in known),
        input_tokens=sum(spent.input_tokens for spent in known),
        cached_tokens=sum(spent.cached_tokens for spent in known),
        output_tokens=sum(spent.output_tokens for spent in known),
        cost_nusd=sum(spent.cost_nusd or 0 for spent in known),
    )


def totals(
    items: Iterable[Spent], by: By, *, phases: Mapping[str, str] | None = None
) -> dict[str, Total]:
    """Sums by what is asked for, in the order in which they first came.

    ``phases`` tells the phase of each workstream (empty for none), which ``By.PHASE`` needs.
    """
    of_phase = phases or {}

    def phase(spent: Spent) -> str:
        return of_phase.get(spent.ws_id, "")

    key = _KEYS.get(by, phase)
    groups: dict[str, list[Spent]] = {}
    for spent in items:
        groups.setdefault(key(spent), []).append(spent)
    return {name: total(group) for name, group in groups.items()}


def _agents(records: Records, run_id: str) -> frozenset[str]:
    """The ids of the agents in a run's plan; one program run by itself has no plan."""
    try:
        tools = records.plan(run_id).config.tools
    except InputError:
        return frozenset()
    return frozenset(name for name, profile in tools.items() if profile.type is ToolType.AI)
