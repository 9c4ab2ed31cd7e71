"""Runs made by hand: records, events and summaries for what reports on them."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.model.event import Event, EventType, Level
from pipeline.model.record import ErrorRecord, RunRecord, WorkstreamRecord
from pipeline.model.states import RunState
from pipeline.model.states import WorkstreamState as W
from pipeline.model.summary import RunSummary
from pipeline.report.summary import summarize

RUN = "01jdaaaaaaaaaaaaaaaaaaaaaa"
MakeEvent = Callable[..., Event]
MakeSummary = Callable[..., RunSummary]


@pytest.fixture
def make_event() -> MakeEvent:
    numbers = itertools.count(1)

    def make(kind: EventType, message: str = "", **fields: Any) -> Event:
        seq = next(numbers)
        ts = f"2025-03-01T12:00:{seq % 60:02}.000000Z"
        level = fields.pop("level", Level.INFO)
        return Event(f"e{seq}", seq, ts, level, RUN, kind, message, **fields)

    return make


@pytest.fixture
def make_summary(make_event: MakeEvent) -> MakeSummary:
    """A summary of workstreams given as ``{id: state}`` or ``{id: (state, reason)}``."""

    def make(
        states: dict[str, Any], *, errors: dict[str, int] | None = None, **fields: Any
    ) -> RunSummary:
        run = RunRecord(
            RUN,
            "k" * 64,
            fields.pop("status", RunState.PARTIAL),
            "b" * 40,
            **{
                "integration_branch": f"refs/heads/pipeline/{RUN}",
                "integration_commit": "c" * 40,
                "jobs": 4,
                "started_at": "2025-03-01T12:00:00.000000Z",
                "finished_at": "2025-03-01T12:03:05.000000Z",
                "duration_s": 185.0004,
                "gates_run": 9,
                "verdicts_reused": 2,
                **fields,
            },
        )
        records, changes = [], []
        for seq, (ws_id, value) in enumerate(states.items()):
            state, reason = value if isinstance(value, tuple) else (value, "")
            kept = "d" * 64 if state is W.QUARANTINED else ""
            records.append(
                WorkstreamRecord(
                    RUN, ws_id, seq, state, reason=reason, attempts=1, findings=3, patch_id=kept
                )
            )
            for target in (W.EDITING, state):
                payload = {"from": "ready", "to": target.value}
                changes.append(
                    make_event(EventType.STATE_TRANSITION, "m", ws_id=ws_id, payload=payload)
                )
        found = [
            ErrorRecord(RUN, "code", name, name, {}, number, "", "")
            for name, number in (errors or {}).items()
        ]
        return summarize(run, records, found, changes, integration_tree="e" * 40)

    return make
