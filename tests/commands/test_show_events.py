"""``show-events`` shows what happened, narrowed down as asked, in safe lines."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.model.event import EventType, Level


def test_events_stand_in_order(pipeline: Callable[..., Any], mixed: Any, checkout: Path) -> None:
    shown = pipeline("show-events", "--repo", checkout)
    numbers = [int(line.split()[0]) for line in shown.lines]
    assert numbers == list(range(1, len(numbers) + 1))
    assert any("quarantined: It never passed." in line for line in shown.lines)


def test_filters_combine(pipeline: Callable[..., Any], mixed: Any, checkout: Path) -> None:
    def events(*arguments: str) -> list[dict[str, Any]]:
        shown = pipeline("show-events", *arguments, "--format", "json", "--repo", checkout)
        found: list[dict[str, Any]] = json.loads(shown.out)["events"]
        return found

    both = events("--workstream", "ui", "--type", "gate_failed", "--type", "state_transition")
    assert [e["type"] for e in both] == ["gate_failed", *["state_transition"] * 3]
    assert {e["ws_id"] for e in both} == {"ui"}
    assert events("--since-seq", str(both[1]["seq"]))[0]["seq"] == both[1]["seq"] + 1
    assert [e["type"] for e in events("--level", "warning")] == ["gate_failed"]


def test_nothing_found_is_said(pipeline: Callable[..., Any], mixed: Any, checkout: Path) -> None:
    shown = pipeline("show-events", "--since-seq", "9999", "--repo", checkout)
    assert (shown.code, shown.out) == (0, "No such event.\n")


def test_a_wrong_type_or_workstream_names_what_is_near(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path
) -> None:
    shown = pipeline("show-events", "--type", "gate_fail", "--repo", checkout)
    assert shown.code == 2 and "gate_failed" in shown.err
    shown = pipeline("show-events", "--workstream", "apo", "--repo", checkout)
    assert shown.code == 2 and "Did you mean api?" in shown.err


def test_a_tools_words_are_harmless(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path
) -> None:
    mixed.event(EventType.TOOL_FAILED, "\x1b]0;x\x07\n::error::y", level=Level.ERROR)
    shown = pipeline("show-events", "--type", "tool_failed", "--repo", checkout)
    assert "\x1b" not in shown.out and len(shown.lines) == 1
