"""Whoever did not end well gets a next step; who is fine gets none."""

from collections.abc import Callable

import pytest

from pipeline.model.states import WorkstreamState as W
from pipeline.model.summary import RunSummary
from pipeline.report.advice import advise_run, advise_workstream

RUN = "01jdaaaaaaaaaaaaaaaaaaaaaa"


@pytest.mark.parametrize(
    ("state", "command"),
    [
        (W.QUARANTINED, f"pipeline quarantine show {'d' * 12}"),
        (W.FAILED, f"pipeline show-events {RUN} --workstream a"),
        (W.ABANDONED, "pipeline run --fresh"),
        (W.AWAITING_REVIEW, "pipeline review show a"),
        (W.BLOCKED, ""),
    ],
)
def test_trouble_has_a_next_step(
    make_summary: Callable[..., RunSummary], state: W, command: str
) -> None:
    summary = make_summary({"a": state})
    advice = advise_workstream(summary, summary.workstreams[0])
    assert advice is not None and advice.command == command and advice.why


@pytest.mark.parametrize("state", [W.DONE, W.PENDING, W.EDITING, W.CHECKED])
def test_who_is_fine_gets_none(make_summary: Callable[..., RunSummary], state: W) -> None:
    summary = make_summary({"a": state})
    assert advise_workstream(summary, summary.workstreams[0]) is None


def test_where_nothing_landed_there_is_nothing_to_look_at(
    make_summary: Callable[..., RunSummary],
) -> None:
    commands = [advice.command for advice in advise_run(make_summary({"a": W.FAILED}))]
    assert commands == ["pipeline run"]
