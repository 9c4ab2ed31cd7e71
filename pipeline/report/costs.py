"""What agents cost, as a document: sums, what is unknown, and what is left of the limits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.base import console
from pipeline.base.console import Cell, Paint
from pipeline.model.caps import Cap, caps_of
from pipeline.model.config import BudgetConfig
from pipeline.model.money import dollars, nusd
from pipeline.store.spending import By, Spent, Total, total, totals

_NOTHING = "No agent was at work."


@dataclass(frozen=True, slots=True)
class Left:
    """How far a limit is used; all in billionths of a dollar."""

    setting: str
    name: str
    limit_nusd: int
    spent_nusd: int
    left_nusd: int


@dataclass(frozen=True, slots=True)
class Row:
    """One sum; ``attempt`` is set where it is a single attempt."""

    name: str
    total: Total
    attempt: Spent | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of a run, or of all (``run_id`` empty)."""

    run_id: str
    by: By
    rows: tuple[Row, ...]
    total: Total
    unknown: tuple[Spent, ...] = ()
    limits: tuple[Left, ...] = field(default=())


def build_costs(
    items: Sequence[Spent],
    by: By,
    *,
    run_id: str = "",
    phases: Mapping[str, str] | None = None,
    budget: BudgetConfig | None = None,
) -> Costs:
    """Sum up what attempts used; limits are compared where there is a ``budget`` for them."""
    known = phases or {}
    attempts = {spent.attempt_id: spent for spent in items} if by is By.ATTEMPT else {}
    return Costs(
        run_id=run_id,
        by=by,
        rows=tuple(
            Row(name, summed, attempts.get(name))
            for name, summed in totals(items, by, phases=known).items()
        ),
        total=total(items),
        unknown=tuple(spent for spent in items if spent.cost_nusd is None),
        limits=tuple(_limits(items, known, budget)) if budget else (),
    )


def _limits(
    items: Iterable[Spent], phases: Mapping[str, str], budget: BudgetConfig
) -> Iterator[Left]:
    """The caps that hold for what was at work, and the run's own in any case."""
    used = dict.fromkeys(caps_of(budget, "", "")[:1] if budget.max_cost_total else (), 0)
    assumed = nusd(budget.expected_cost)
    for spent in items:
        for cap in caps_of(budget, spent.ws_id, phases.get(spent.ws_id, "")):
            used[cap] = used.get(cap, 0) + spent.counted(assumed)
    kinds = [cap.kind for cap in used]
    for cap in sorted(used, key=lambda cap: kinds.index(cap.kind)):
        yield _left(cap, used[cap])


def _left(cap: Cap, spent: int) -> Left:
    return Left(cap.setting, cap.name, cap.limit, spent, max(cap.limit - spent, 0))


def costs_document(costs: Costs) -> dict[str, Any]:
    """As ``costs.v1.json``."""
    return {
        "run_id": costs.run_id or None,
        "by": costs.by.value,
        "rows": [
            {"name": row.name, **_sums(row.total)}
            | ({"attempt": _attempt(row.attempt)} if row.attempt else {})
            for row in costs.rows
        ],
        "total": _sums(costs.total),
        "unknown": [_attempt(spent) for spent in costs.unknown],
        "limits": [
            {name: getattr(left, name) for name in Left.__dataclass_fields__}
            for left in costs.limits
        ],
    }


def _sums(summed: Total) -> dict[str, int]:
    return {name: getattr(summed, name) for name in Total.__dataclass_fields__}


def _attempt(spent: Spent) -> dict[str, Any]:
    return {
        "run_id": spent.run_id,
        "ws_id": spent.ws_id,
        "attempt_id": spent.attempt_id,
        "step": spent.step,
        "number": spent.number,
        "state": spent.state,
        "tool": spent.tool,
        "provider": spent.provider,
        "model": spent.model,
        "source": spent.source,
        "started_at": spent.started_at,
    }


def render_costs(costs: Costs, paint: Paint | None = None) -> list[str]:
    """The document as lines for people."""
    paint = paint or Paint()
    if not costs.rows:
        return [_NOTHING, *_limit_lines(costs, paint)]
    header = [costs.by.value, "attempts", "requests", "sent", "cached", "received", "cost"]
    table = [_row(_name(costs, row), row.total) for row in costs.rows]
    if costs.by is not By.PROJECT:
        table.append(_row("total", costs.total))
    lines = console.columns(header, table, paint)
    return [*lines, *_unknown_lines(costs, paint), *_limit_lines(costs, paint)]


def _row(name: str, summed: Total) -> list[Cell | str | int]:
    cost = dollars(summed.cost_nusd)
    if summed.unknown:
        is_all = summed.unknown == summed.attempts
        cost = "unknown" if is_all else f"{cost} + {summed.unknown} unknown"
    counts = (summed.requests, summed.input_tokens, summed.cached_tokens, summed.output_tokens)
    return [
        Cell(name),
        summed.attempts,
        *(Cell(f"{number:,}", is_number=True) for number in counts),
        Cell(cost, "yellow" if summed.unknown else ""),
    ]


def _name(costs: Costs, row: Row) -> str:
    if costs.by is By.PROJECT:
        return "all runs"
    if row.attempt:
        spent = row.attempt
        parts = (spent.ws_id, spent.step, str(spent.number), spent.tool, spent.model)
        return console.safe(" ".join(filter(None, parts)), 80)
    return console.safe(row.name or "(none)", 60)


def _unknown_lines(costs: Costs, paint: Paint) -> Iterator[str]:
    if not costs.unknown:
        return
    yield ""
    yield paint(f"The cost of {console.count(len(costs.unknown), 'attempt')} is unknown:", "yellow")
    for spent in costs.unknown[:_MOST_NAMED]:
        model = f" with {spent.model}" if spent.model else ""
        ended = ", interrupted" if spent.is_crashed else ""
        line = f"{spent.ws_id}: {spent.step} attempt {spent.number} by {spent.tool}{model}{ended}"
        yield f"  {console.safe(line, 160)}"
    if len(costs.unknown) > _MOST_NAMED:
        yield f"  and {len(costs.unknown) - _MOST_NAMED} more; see them with --format json"


_MOST_NAMED = 20


def _limit_lines(costs: Costs, paint: Paint) -> Iterator[str]:
    if not costs.limits:
        return
    yield ""
    rows = [
        [
            Cell(left.setting),
            Cell(console.safe(left.name, 60)),
            Cell(dollars(left.limit_nusd), is_number=True),
            Cell(dollars(left.spent_nusd), is_number=True),
            Cell(dollars(left.left_nusd), "" if left.left_nusd else "red", is_number=True),
        ]
        for left in costs.limits
    ]
    yield from console.columns(["limit", "of", "at most", "spent", "left"], rows, paint)
