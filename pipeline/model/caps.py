"""Caps on what agents may cost, as the configuration sets them."""

from dataclasses import dataclass
from enum import StrEnum

from pipeline.model.config import BudgetConfig
from pipeline.model.money import nusd


class CapKind(StrEnum):
    """What a cap on costs holds for; a task is a workstream."""

    TOTAL = "total"
    PHASE = "phase"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit in billionths of a dollar; ``name`` is the phase's or the workstream's."""

    kind: CapKind
    name: str
    limit: int

    def __str__(self) -> str:
        if self.kind is CapKind.TOTAL:
            return "the run's costs"
        return f"the costs of {self.kind} {self.name}"

    @property
    def setting(self) -> str:
        """The setting that holds the limit."""
        kind = "total" if self.kind is CapKind.TOTAL else f"per_{self.kind}"
        return f"budget.max_cost_{kind}"


def caps_of(config: BudgetConfig, ws_id: str, phase: str) -> tuple[Cap, ...]:
    """The caps that hold for a workstream of a phase (empty for none)."""
    limits = (
        (CapKind.TOTAL, "", config.max_cost_total),
        (CapKind.PHASE, phase, config.max_cost_per_phase if phase else 0.0),
        (CapKind.TASK, ws_id, config.max_cost_per_task),
    )
    return tuple(Cap(kind, name, nusd(limit)) for kind, name, limit in limits if limit)
