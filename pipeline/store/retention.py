"""Removing what tools said in runs that have long ended; what was decided is kept."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.base.clock import parse_time
from pipeline.model.states import RUN_MOVES, RunState
from pipeline.store.layout import Layout
from pipeline.store.records import Records

ENDED = frozenset({state for state, targets in RUN_MOVES.items() if not targets}) | {
    RunState.PARTIAL
}
"""States of runs that `pipeline run` does not carry on."""


def remove_old_outputs(
    records: Records, layout: Layout, *, days: int, now: datetime, spare: str = ""
) -> tuple[str, ...]:
    """Remove the tool outputs of runs that ended more than ``days`` days ago; return their ids.

    Only runs on record are looked at, and of these only ``tool_outputs/``: events, summaries
    and quarantine stay. ``spare`` is a run that is left alone. A link is not followed, and what
    cannot be removed stays: the next run tries again.
    """
    limit = now - timedelta(days=days)
    found = [one for one in old_outputs(records, layout, limit) if one[0] != spare]
    for _, folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    return tuple(run_id for run_id, folder in found if not folder.exists())


def old_outputs(records: Records, layout: Layout, limit: datetime) -> Iterator[tuple[str, Path]]:
    """The directories of tool outputs of runs that ended before ``limit``, with the runs' ids."""
    for run in records.runs(states=ENDED):
        folder = layout.tool_outputs(run.run_id)
        is_link = folder.is_symlink() or folder.parent.is_symlink()
        if is_link or not folder.is_dir():
            continue
        if run.finished_at and parse_time(run.finished_at) < limit:
            yield run.run_id, folder
