"""What tools said goes when its time is over; nothing else goes, and nothing of others."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.base.clock import format_time
from pipeline.model.states import RunState as R
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.retention import remove_old_outputs

NOW = datetime(2025, 3, 31, 12, tzinfo=UTC)
MakeOld = Callable[..., str]


def fill(layout: Layout, run_id: str) -> None:
    for name in ("tool_outputs/a-1.stdout", "quarantine/a.patch", "summary.md", "events.jsonl"):
        path = layout.run_dir(run_id) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


@pytest.fixture
def make_old(ledger: Ledger, layout: Layout, make_run: Callable[..., str]) -> MakeOld:
    """A run that ended (or stopped) so many days ago, with all of its files."""

    def make(days: float, state: R = R.COMPLETED) -> str:
        run_id = make_run(ledger)
        ledger.move_run(run_id, R.PENDING, R.RUNNING, "m")
        if state is not R.RUNNING:
            ended = format_time(NOW - timedelta(days=days))
            ledger.move_run(run_id, R.RUNNING, state, "m", changes={"finished_at": ended})
        fill(layout, run_id)
        return run_id

    return make


def kept(layout: Layout, run_id: str) -> list[str]:
    return sorted(path.name for path in layout.run_dir(run_id).iterdir())


@pytest.mark.parametrize("state", [R.COMPLETED, R.PARTIAL, R.FAILED, R.ABANDONED])
def test_outputs_of_ended_runs_go_after_their_time(ledger, layout, make_old, state: R) -> None:
    old, young = make_old(30.1, state), make_old(29.9, state)
    assert remove_old_outputs(ledger, layout, days=30, now=NOW) == (old,)
    assert kept(layout, old) == ["events.jsonl", "quarantine", "summary.md"]
    assert (layout.quarantine(old) / "a.patch").exists()
    assert "tool_outputs" in kept(layout, young)
    assert remove_old_outputs(ledger, layout, days=30, now=NOW) == ()


@pytest.mark.parametrize("state", [R.RUNNING, R.INTERRUPTED, R.CANCELLED])
def test_runs_that_can_be_carried_on_keep_theirs(ledger, layout, make_old, state: R) -> None:
    run = make_old(300, state)
    assert remove_old_outputs(ledger, layout, days=0, now=NOW) == ()
    assert "tool_outputs" in kept(layout, run)


def test_the_spared_run_and_what_is_not_on_record_stay(ledger, layout, make_old) -> None:
    spared = make_old(1)
    fill(layout, "somebody-elses")
    assert remove_old_outputs(ledger, layout, days=0, now=NOW, spare=spared) == ()
    assert "tool_outputs" in kept(layout, spared)
    assert "tool_outputs" in kept(layout, "somebody-elses")


@pytest.mark.parametrize("is_whole", [True, False])
def test_links_are_not_followed(ledger, layout, make_old, tmp_path: Path, is_whole: bool) -> None:
    run = make_old(40)
    linked = layout.run_dir(run) if is_whole else layout.tool_outputs(run)
    linked.rename(tmp_path / "elsewhere")
    linked.symlink_to(tmp_path / "elsewhere")
    assert remove_old_outputs(ledger, layout, days=30, now=NOW) == ()
    assert list((tmp_path / "elsewhere").rglob("a-1.stdout"))
