"""A summary says what is stored of a run, and its two files are written whole."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

from pipeline.model import codec
from pipeline.model.states import WorkstreamState as W
from pipeline.model.summary import RunSummary
from pipeline.report.summary import write_summary
from pipeline.store.layout import Layout

FIELDS = (
    "run_id key status base_commit integration_branch integration_commit integration_tree jobs "
    "started_at finished_at duration_sec engine_cpu_s gates_run verdicts_reused totals "
    "errors_by_signature costs timeline workstreams"
)
WORKSTREAM_FIELDS = "id status branch commit tree attempts findings patch_id reason"


def test_the_fields_are_those_that_were_promised(make_summary: Callable[..., RunSummary]) -> None:
    data = codec.encode(make_summary({"a": W.DONE}))
    assert " ".join(data) == FIELDS
    assert " ".join(data["workstreams"][0]) == WORKSTREAM_FIELDS
    assert list(data["timeline"][0]) == ["at", "workstream", "state", "message"]


def test_totals_count_states_and_done_comes_first(make_summary: Callable[..., RunSummary]) -> None:
    summary = make_summary({"a": W.BLOCKED, "b": W.DONE, "c": W.QUARANTINED, "d": W.DONE})
    assert summary.totals == {"done": 2, "quarantined": 1, "blocked": 1}
    assert list(summary.totals) == ["done", "quarantined", "blocked"]


def test_errors_of_one_signature_are_added_up_the_most_frequent_first(
    make_summary: Callable[..., RunSummary],
) -> None:
    summary = make_summary({}, errors={"ruff::F401::x": 2, "mypy::arg::y": 7})
    assert list(summary.errors_by_signature.items()) == [("mypy::arg::y", 7), ("ruff::F401::x", 2)]


def test_whoever_is_not_done_has_a_reason_and_who_is_has_none(
    make_summary: Callable[..., RunSummary],
) -> None:
    states = {"a": (W.DONE, "left over"), "b": (W.FAILED, "It broke."), "c": W.EDITING}
    reasons = {ws.id: ws.reason for ws in make_summary(states).workstreams}
    assert reasons == {"a": "", "b": "It broke.", "c": "It is editing."}


def test_the_timeline_holds_each_change_of_state(make_summary: Callable[..., RunSummary]) -> None:
    timeline = make_summary({"a": W.DONE, "b": W.FAILED}).timeline
    assert [(e.workstream, e.state) for e in timeline] == [
        ("a", "editing"),
        ("a", "done"),
        ("b", "editing"),
        ("b", "failed"),
    ]


def test_the_files_are_written_and_the_json_reads_back(
    tmp_path: Path, make_summary: Callable[..., RunSummary]
) -> None:
    layout = Layout(tmp_path, tmp_path / ".git")
    summary = make_summary({"a": W.DONE, "b": (W.QUARANTINED, "Wrote outside: \udcff.")})
    write_summary(layout, summary)
    data = json.loads(layout.summary_json(summary.run_id).read_text(encoding="utf-8"))
    assert codec.decode(RunSummary, data) == summary
    text = layout.summary_md(summary.run_id).read_text(encoding="utf-8")
    assert text.startswith(f"# Run {summary.run_id}: partial, 1 of 2 done, 1 quarantined\n")
    write_summary(layout, dataclasses.replace(summary, workstreams=()))
    assert sorted(p.name for p in layout.run_dir(summary.run_id).iterdir()) == [
        "summary.json",
        "summary.md",
    ]
