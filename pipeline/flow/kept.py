"""Checkouts that are kept to be looked at: ``--keep-worktrees`` puts them aside."""

from pathlib import Path

from pipeline.flow.context import RunContext
from pipeline.model.states import WorkstreamState
from pipeline.store.layout import Layout
from pipeline.work.slots import Slot


def keep(context: RunContext, slot: Slot, ws_id: str) -> None:
    """Put the checkout that a tool has just worked in aside, in place of the one before."""
    context.slots.keep(slot, f"{context.run_id}/{ws_id}")


def drop_landed(context: RunContext) -> None:
    """Remove what was kept of workstreams that are done: there is nothing to look at."""
    for record in context.ledger.workstreams(context.run_id):
        if record.state is WorkstreamState.DONE:
            context.slots.drop_kept(f"{context.run_id}/{record.ws_id}")


def kept_checkouts(layout: Layout, run_id: str) -> tuple[Path, ...]:
    """The checkouts that are kept of a run, one for each workstream, by name."""
    folder = layout.slots / "kept" / run_id
    return tuple(sorted(folder.iterdir())) if folder.is_dir() else ()
