"""``cancel`` leaves a request for whoever holds the run, and says who that is."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.model.states import RunState
from pipeline.model.workstream import Workstream
from pipeline.store import inbox
from pipeline.store.layout import Layout


def test_a_live_run_gets_the_request(
    pipeline: Callable[..., Any], story: Any, checkout: Path, layout: Layout
) -> None:
    story.begin(Workstream("a"))
    shown = pipeline("cancel", "--repo", checkout)
    assert shown.code == 0
    assert f"process {os.getpid()} on " in shown.out and "(test)" in shown.out
    (request,) = inbox.take(layout)
    assert (request.kind, request.run_id) == ("cancel", story.run_id)


def test_a_finished_run_gets_none(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path, layout: Layout
) -> None:
    shown = pipeline("cancel", mixed.run_id, "--repo", checkout)
    assert shown.code == 1 and "is partial: nothing to cancel" in shown.out
    assert inbox.take(layout) == ()


def test_without_a_live_holder_it_says_so(
    pipeline: Callable[..., Any], story: Any, checkout: Path, layout: Layout
) -> None:
    story.begin(Workstream("a"))
    owner = layout.lock_file.with_name(layout.lock_file.name + ".owner")
    owner.unlink()
    shown = pipeline("cancel", "--repo", checkout)
    assert shown.code == 1 and shown.lines[0].startswith("Nobody works on this repository")
    assert f"`pipeline run` carries on run {story.run_id}" in shown.lines[1]
    assert inbox.take(layout) == ()


def test_before_any_run_there_is_nothing_to_cancel(
    pipeline: Callable[..., Any], checkout: Path, story: Any
) -> None:
    shown = pipeline("cancel", "--repo", checkout)
    assert shown.code == 1 and "no run has begun yet" in shown.out
    assert pipeline("cancel", "01jd", "--repo", checkout).code == 2


def test_where_nothing_ran_nothing_is_created(pipeline: Callable[..., Any], checkout: Path) -> None:
    shown = pipeline("cancel", "--repo", checkout)
    assert shown.code == 1 and "Nobody works" in shown.out
    assert not (checkout / ".pipeline").exists()


def test_the_newest_run_is_the_one_that_is_cancelled(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path, layout: Layout
) -> None:
    mixed.begin(Workstream("b"), run_id=mixed.run_id[:-1] + "2")
    assert pipeline("cancel", "--repo", checkout).code == 0
    assert inbox.take(layout)[0].run_id == mixed.run_id
    mixed.end(RunState.FAILED)


def test_a_program_run_by_exec_meanwhile_is_not_what_is_cancelled(
    pipeline: Callable[..., Any], story: Any, checkout: Path, layout: Layout
) -> None:
    story.begin(Workstream("a"))
    run_id = story.run_id
    story.begin(run_id="01jd0000000000000000000009", kind="exec")
    assert pipeline("cancel", "--repo", checkout).code == 0
    (request,) = inbox.take(layout)
    assert request.run_id == run_id
