"""How a budget says that a limit is near or reached."""

from typing import TYPE_CHECKING

from pipeline.model.caps import Cap
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.money import dollars
from pipeline.model.record import Step

if TYPE_CHECKING:
    from pipeline.flow.budget import BudgetReachedError


def reached(cap: Cap, *, spent: int, wanted: int) -> tuple[str, str]:
    """What is wrong and what to do next, as sentences."""
    what = f"The limit of {dollars(cap.limit)} on {cap} is reached: {dollars(spent)} was spent."
    if spent < cap.limit:
        what = (
            f"The limit of {dollars(cap.limit)} on {cap} would be passed: {dollars(spent)} was "
            f"spent, and the next attempt may cost {dollars(wanted)}."
        )
    remedy = f"Raise `{cap.setting}`, then `pipeline run` carries on."
    return what, remedy


def near_limit(cap: Cap, spent: int, ws_id: str, step: Step) -> EventDraft:
    """The event that most of a limit has been used."""
    percent = spent * 100 // cap.limit
    return EventDraft(
        EventType.BUDGET_WARNING,
        f"{dollars(spent)} of {dollars(cap.limit)} was spent on {cap} ({percent} %).",
        level=Level.WARNING,
        ws_id=ws_id,
        step=step,
        payload={**_figures(cap, spent), "percent": percent},
    )


def exceeded(error: "BudgetReachedError", ws_id: str, step: Step) -> EventDraft:
    """The event that an attempt was not started for a limit."""
    return EventDraft(
        EventType.BUDGET_EXCEEDED,
        f"{ws_id}: {error.what}",
        level=Level.WARNING,
        ws_id=ws_id,
        step=step,
        payload={
            **_figures(error.cap, error.spent),
            "expected_nusd": error.wanted,
            "action": error.action,
        },
    )


def _figures(cap: Cap, spent: int) -> dict[str, object]:
    return {
        "limit": cap.kind.value,
        "name": cap.name,
        "limit_nusd": cap.limit,
        "spent_nusd": spent,
        "left_nusd": max(cap.limit - spent, 0),
    }
