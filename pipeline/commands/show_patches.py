"""``pipeline show-patches``: the patches of a run and their lives."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.console import Cell
from pipeline.base.errors import InputError
from pipeline.commands import reading
from pipeline.model.patch_ledger import PatchLedgerEntry
from pipeline.model.states import PatchState
from pipeline.store.patches import patch_ledger

_SHORT = 12
_COLOURS = {
    PatchState.COMMITTED: "green",
    PatchState.QUARANTINED: "red",
    PatchState.APPLY_FAILED: "red",
    PatchState.ROLLED_BACK: "yellow",
    PatchState.DROPPED: "dim",
}


@click.command(
    "show-patches",
    epilog=reading.examples(
        "pipeline show-patches",
        "pipeline show-patches 01jd3v --workstream api",
        "pipeline show-patches --diff 5c1d9e | git apply --check",
    ),
)
@click.argument("run", required=False)
@click.option("--workstream", metavar="ID", help="Only patches of this workstream.")
@click.option("--diff", "patch", metavar="PATCH", help="Print the text of one patch.")
@reading.format_option
@reading.repo_option
def command(
    *, run: str | None, workstream: str | None, patch: str | None, form: str, repo: Path
) -> int:
    """Show the patches of the newest run or of RUN, the oldest first."""
    with reading.reading(repo) as records:
        run_id = reading.find_run(records, run).run_id
        entries = patch_ledger(records, run_id)
        if workstream is not None:
            known = [ws.ws_id for ws in records.workstreams(run_id)]
            reading.require_known("workstream", workstream, known)
            entries = tuple(entry for entry in entries if entry.ws_id == workstream)
        if patch is not None:
            print_diff(records.patch_text(run_id, _find_patch(entries, patch)))
            return 0
    if form == reading.JSON:
        reading.print_json({"run_id": run_id, "patches": list(entries)})
    elif entries:
        header = ["patch", "workstream", "files", "+", "-", "life"]
        reading.print_lines(console.columns(header, map(_row, entries), reading.paint()))
    else:
        console.emit("There is no patch.")
    return 0


def _row(entry: PatchLedgerEntry) -> list[Cell | str | int]:
    patch = entry.patch
    life = " > ".join(
        step.state + ("" if step.is_legal else " (out of order)") for step in entry.steps
    )
    return [
        patch.id[:_SHORT],
        entry.ws_id,
        _files(patch.paths),
        patch.added,
        patch.removed,
        Cell(life or entry.state, _COLOURS.get(entry.state, "")),
    ]


def _files(paths: Sequence[bytes]) -> str:
    if len(paths) > 3:
        return f"{console.safe(paths[0], 60)} and {len(paths) - 1} more"
    return ", ".join(console.safe(path, 60) for path in paths)


def _find_patch(entries: Sequence[PatchLedgerEntry], name: str) -> str:
    found = {e.patch.id for e in entries if e.patch.id.startswith(name.lower())} if name else set()
    if len(found) == 1:
        return found.pop()
    known = ", ".join(dict.fromkeys(entry.patch.id[:_SHORT] for entry in entries)) or "none"
    what = "More than one patch begins with" if found else "There is no patch"
    raise InputError(f"{what} {console.safe(name, 70)!r}.", remedy=f"There are: {known}.")


def print_diff(text: bytes) -> None:
    """To a program as it is, so that it still applies; to a person with nothing hidden in it."""
    if not console.is_terminal(sys.stdout, os.environ):
        sys.stdout.flush()
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
        return
    colours = {b"+": "green", b"-": "red", b"@": "cyan"}
    paint = reading.paint()
    for line in text.removesuffix(b"\n").split(b"\n"):
        console.emit(paint(console.safe(line), colours.get(line[:1], "")))
