"""What earlier runs tell of tools: how often they succeeded, at what cost, in what time."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from pipeline.base.clock import format_time, parse_time, seconds_between
from pipeline.model.agent import TRANSIENT, UNFIT
from pipeline.model.record import AttemptState, Step
from pipeline.model.routing import Experience, TaskKind
from pipeline.model.verdict import Result
from pipeline.store.records import Records

_DAY_S = 86400.0
_HALF_LIVES = 12  # what is older weighs less than one in four thousand
_DIGITS = 9
_SURROUNDINGS = frozenset({"infrastructure", *(f.value for f in TRANSIENT | UNFIT)})
_KINDS = frozenset(kind.value for kind in TaskKind)

_SQL = """
SELECT a.run_id, a.ws_id, a.generation, a.step, a.state, a.tool, a.finished_at, a.duration_s,
       CASE WHEN a.step IN ('edit', 'fix') THEN a.details
            ELSE json_object('result', json_extract(a.details, '$.result')) END
FROM step_attempts a JOIN runs r ON r.run_id = a.run_id
WHERE r.rowid < (SELECT rowid FROM runs WHERE run_id = ?) AND r.kind = 'run'
  AND a.finished_at > ? AND a.finished_at <= ? AND a.state IN ('succeeded', 'failed')
  AND a.step IN ('edit', 'fix', 'static', 'runtime')
ORDER BY r.rowid, a.ws_id, a.generation, a.rowid
"""


@dataclass(frozen=True, slots=True)
class _Row:
    """One attempt, as far as it tells of its tool."""

    of: tuple[str, str, int]
    step: Step
    is_good: bool
    tool: str
    finished_at: str
    duration_s: float
    details: Mapping[str, Any]


@dataclass(slots=True)
class _Sums:
    successes: float = 0.0
    failures: float = 0.0
    time: float = 0.0
    cost: float = 0.0
    cost_weight: float = 0.0
    attempts: int = field(default=0)


def experience(
    records: Records, run_id: str, tools: Collection[str], half_life_days: float
) -> tuple[Experience, ...]:
    """What the runs before this one tell of tools, by tool and kind of task.

    Only attempts that had ended when the run was made count, and their age is taken at that
    moment: the answer is the same whenever it is asked for, also when a run is carried on. An
    attempt succeeded when its change was accepted and no gate was red before the next change.
    Failures of the surroundings say nothing about a tool's skill and are left out.
    """
    created_at = records.run(run_id).created_at
    oldest = _oldest(parse_time(created_at), half_life_days)
    found = map(_row, records.query(_SQL, (run_id.lower(), oldest, created_at)))
    sums: dict[tuple[str, TaskKind], _Sums] = {}
    for _, group in groupby(found, key=lambda row: row.of):
        for row, has_succeeded in _judged(list(group)):
            if row.tool in tools:
                age_days = max(0.0, seconds_between(row.finished_at, created_at)) / _DAY_S
                key = row.tool, _kind(row)
                _add(sums.setdefault(key, _Sums()), row, has_succeeded, age_days / half_life_days)
    return tuple(_result(tool, kind, sums[tool, kind]) for tool, kind in sorted(sums))


def _oldest(moment: datetime, half_life_days: float) -> str:
    try:
        return format_time(moment - timedelta(days=_HALF_LIVES * half_life_days))
    except OverflowError:  # a half-life of thousands of years: everything counts
        return ""


def _row(values: tuple[Any, ...]) -> _Row:
    run, ws, generation, step, state, tool, finished_at, duration_s, details = values
    return _Row(
        of=(run, ws, generation),
        step=Step(step),
        is_good=state == AttemptState.SUCCEEDED,
        tool=tool,
        finished_at=finished_at,
        duration_s=duration_s,
        details=json.loads(details),
    )


def _judged(rows: list[_Row]) -> Iterator[tuple[_Row, bool]]:
    """The changes among a workstream's attempts, and whether they held before the gates."""
    for index, row in enumerate(rows):
        if row.step not in (Step.EDIT, Step.FIX) or _is_of_surroundings(row):
            continue
        yield row, row.is_good and not _is_red_after(rows[index + 1 :])


def _is_red_after(rows: list[_Row]) -> bool:
    for row in rows:
        if row.step in (Step.EDIT, Step.FIX):
            return False
        if not row.is_good and row.details.get("result") in (None, Result.FAILED.value):
            return True
    return False


def _agent(row: _Row) -> Mapping[str, Any]:
    found = row.details.get("agent")
    return found if isinstance(found, dict) else {}


def _is_of_surroundings(row: _Row) -> bool:
    if row.is_good:
        return False
    return not _SURROUNDINGS.isdisjoint((row.details.get("code"), _agent(row).get("failure")))


def _kind(row: _Row) -> TaskKind:
    """What was asked for; an edit that landing sent back is about a conflict."""
    told = row.details.get("task_kind")
    if told in _KINDS:
        return TaskKind(told)
    if row.step is Step.FIX:
        return TaskKind.FIX
    return TaskKind.CONFLICT if row.details.get("returns") else TaskKind.EDIT


def _add(sums: _Sums, row: _Row, has_succeeded: bool, half_lives: float) -> None:
    weight = 0.5**half_lives
    sums.attempts += 1
    sums.time += weight * row.duration_s
    if has_succeeded:
        sums.successes += weight
    else:
        sums.failures += weight
    usage = _agent(row).get("usage")
    cost = usage.get("cost_nusd") if isinstance(usage, dict) else None
    if isinstance(cost, int):
        sums.cost += weight * cost
        sums.cost_weight += weight


def _result(tool: str, kind: TaskKind, sums: _Sums) -> Experience:
    weight = sums.successes + sums.failures
    return Experience(
        tool=tool,
        kind=kind,
        successes=round(sums.successes, _DIGITS),
        failures=round(sums.failures, _DIGITS),
        cost_nusd=round(sums.cost / sums.cost_weight, 3) if sums.cost_weight else None,
        duration_s=round(sums.time / weight, 6) if weight else None,
        attempts=sums.attempts,
    )
