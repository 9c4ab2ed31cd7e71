"""Which tools were chosen and used: ``routing_decisions.json`` and ``adapter_assignments.json``.

Both are read from the events alone and carry ``sha256``: the digest of everything else in the
file, in its canonical form. They are written whole or not at all.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.base.files import make_directory, write_atomic
from pipeline.model import codec
from pipeline.model.check import ToolProfile
from pipeline.model.event import Event, EventType
from pipeline.model.record import Step
from pipeline.store.layout import Layout
from pipeline.store.records import Records

DECISIONS = "routing_decisions.json"
ASSIGNMENTS = "adapter_assignments.json"

_TYPES = frozenset(
    {
        EventType.ROUTING_DECIDED,
        EventType.ATTEMPT_STARTED,
        EventType.TOOL_STARTED,
        EventType.ATTEMPT_FINISHED,
    }
)
_CHANGES = (Step.EDIT, Step.FIX)


def write_routing(layout: Layout, records: Records, run_id: str) -> None:
    """Write both files of a run."""
    events = records.events(run_id, types=_TYPES)
    tools = records.plan(run_id).config.tools
    folder = layout.run_dir(run_id)
    make_directory(folder)
    _write(folder / DECISIONS, {"run_id": run_id, "decisions": decisions(events)})
    _write(folder / ASSIGNMENTS, {"run_id": run_id, "assignments": assignments(events, tools)})


def decisions(events: Iterable[Event]) -> list[dict[str, Any]]:
    """The routing's decisions among events, as the schema has them."""
    return [_decision(event) for event in events if event.type is EventType.ROUTING_DECIDED]


def assignments(events: Iterable[Event], tools: Mapping[str, ToolProfile]) -> list[dict[str, Any]]:
    """The attempts to change something among events, each with its tool."""
    found: dict[str, dict[str, Any]] = {}
    newest: dict[tuple[str | None, str | None], Event] = {}
    for event in events:
        if event.type is EventType.ROUTING_DECIDED:
            newest[event.ws_id, event.step] = event
        elif event.type is EventType.ATTEMPT_STARTED:
            if event.step in _CHANGES and event.attempt_id:
                chosen = newest.get((event.ws_id, event.step))
                found[event.attempt_id] = _assignment(event, chosen, tools)
        elif entry := found.get(event.attempt_id or ""):
            if event.type is EventType.TOOL_STARTED:
                entry["request"] = event.payload.get("request")
            else:
                entry["state"] = event.payload["state"]
    return list(found.values())


def _decision(event: Event) -> dict[str, Any]:
    inputs, decided = event.payload["inputs"], event.payload["decision"]
    task = inputs["task"]
    return {
        "seq": event.seq,
        "ts": event.ts,
        "task_id": task["task_id"],
        "task_kind": task["kind"],
        "step": event.step,
        "selected_tool": decided["selected"],
        "strategy": decided["strategy"],
        "candidates": decided["candidates"],
        "metadata": {
            "risk_tier": task["risk"],
            "complexity": task["complexity"],
            "languages": task["languages"],
            "size": task["size"],
            "files": task["files"],
            "phase": task["phase"],
            "rule": decided["rule"],
            "instead_of": decided["instead_of"],
        },
        "reason": decided["reason"],
        "inputs": inputs,
    }


def _assignment(
    event: Event, chosen: Event | None, tools: Mapping[str, ToolProfile]
) -> dict[str, Any]:
    tool = str(event.payload["tool"])
    profile = tools.get(tool)
    is_chosen = chosen is not None and chosen.payload["decision"]["selected"] == tool
    return {
        "task_id": event.ws_id,
        "step": event.step,
        "attempt_id": event.attempt_id,
        "number": event.payload["number"],
        "tool": tool,
        "adapter": profile.driver if profile else "",
        "provider": profile.agent.provider if profile else "",
        "model": profile.agent.model if profile else "",
        "decision": chosen.seq if chosen is not None and is_chosen else None,
        "state": "started",
        "request": None,
    }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = codec.dumps({**content, "sha256": codec.digest(content)}, indent=2) + "\n"
    write_atomic(path, text.encode("utf-8", "backslashreplace"))
