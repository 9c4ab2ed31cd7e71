"""``pipeline worktree``: the slots of tools and the worktrees of people."""

import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pipeline.base import console
from pipeline.base.clock import format_time
from pipeline.base.console import Cell
from pipeline.base.errors import ExitCode
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.commands.sources import read_config
from pipeline.flow.prepare import open_layout
from pipeline.flow.slot_directories import SlotInfo, slots
from pipeline.flow.worktrees import (
    Cleaned,
    PersonTree,
    WorkstreamTree,
    clean_up,
    open_worktree,
    person_trees,
    status_of,
)
from pipeline.model.config import Config
from pipeline.model.record import WorkstreamRecord
from pipeline.planning.problem import PlanError, errors_of
from pipeline.store.records import Records

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_COLOURS = {"busy": "cyan", "stale": "yellow", "broken": "red"}
_DAY = 86_400


def seconds_of(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> float | None:
    """A time such as ``7d``, ``12h``, ``30m`` or ``0s`` in seconds, for an option."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([smhdw])", value.strip().lower())
    if not found:
        raise click.BadParameter(f"{value!r} is not a time such as 7d, 12h or 30m.")
    return float(found[1]) * _SECONDS[found[2]]


@click.group(
    "worktree",
    epilog=reading.examples(
        "pipeline worktree list",
        "cd $(pipeline worktree open add-login)",
        "pipeline worktree cleanup --older-than 12h --dry-run",
    ),
)
def command() -> None:
    """Look at worktrees, open one for yourself, clean up."""


def run_option(function: reading.F) -> reading.F:
    """``--run RUN``: another run than the newest."""
    return click.option("--run", metavar="RUN", help="Of this run; the newest by default.")(
        function
    )


@command.command("list", epilog=reading.examples("pipeline worktree list --format json"))
@reading.format_option
@reading.repo_option
def list_command(form: str, repo: Path) -> int:
    """List the slots that tools work in, and the worktrees that people opened."""
    with Repository.discover(repo) as repository:
        layout = open_layout(repository, _config(repository))
        pool, trees = slots(layout.slots), person_trees(repository)
    if form == reading.JSON:
        reading.print_json(
            {
                "slots_directory": layout.slots,
                "slots": [_slot_json(slot) for slot in pool],
                "worktrees": [_tree_json(tree) for tree in trees],
            }
        )
        return 0
    if not pool and not trees:
        console.emit("There is no slot and no worktree.")
    if pool:
        header = ["slot", "status", "size", "used", "by"]
        console.emit(f"Slots in {console.safe(str(layout.slots))}")
        reading.print_lines(console.columns(header, map(_slot_row, pool), reading.paint()))
    if trees:
        reading.print_lines([""] if pool else [])
        header = ["worktree", "branch", "used", ""]
        reading.print_lines(console.columns(header, map(_tree_row, trees), reading.paint()))
    return 0


@command.command(
    "status",
    epilog=reading.examples("pipeline worktree status", "pipeline worktree status add-login"),
)
@click.argument("workstream", required=False)
@run_option
@reading.format_option
@reading.repo_option
def status_command(*, workstream: str | None, run: str | None, form: str, repo: Path) -> int:
    """Show where each workstream's branch is, against the work that was accepted."""
    with Repository.discover(repo) as repository, reading.reading(repo) as records:
        layout = reading.find_layout(repository)
        found = status_of(repository, layout, _workstreams(records, run, workstream))
    if form == reading.JSON:
        reading.print_json({"workstreams": found})
    else:
        header = ["workstream", "state", "branch", "ahead", "behind", "worktree"]
        reading.print_lines(console.columns(header, map(_status_row, found), reading.paint()))
    return 0


@command.command(
    "open",
    epilog=reading.examples(
        "pipeline worktree open add-login", "cd $(pipeline worktree open add-login)"
    ),
)
@click.argument("workstream")
@run_option
@reading.repo_option
def open_command(workstream: str, run: str | None, repo: Path) -> int:
    """Check WORKSTREAM's branch out at .worktrees/<WORKSTREAM> and print that directory.

    It is an ordinary linked worktree. As long as it is there, the engine leaves the branch alone.
    """
    with Repository.discover(repo) as repository, reading.reading(repo) as records:
        layout = reading.find_layout(repository)
        (record,) = _workstreams(records, run, workstream)
        path = open_worktree(repository, layout, record)
    sys.stderr.write(f"{record.ws_id}: {record.branch.removeprefix('refs/heads/')}\n")
    console.emit(str(path))
    return 0


@command.command(
    "cleanup",
    epilog=reading.examples(
        "pipeline worktree cleanup --dry-run", "pipeline worktree cleanup --older-than 12h"
    ),
)
@click.option(
    "--older-than",
    callback=seconds_of,
    metavar="TIME",
    help="Only what was not used for so long: 7d, 12h, 30m; `retention` by default.",
)
@click.option("--dry-run", is_flag=True, help="Show what would go; change nothing.")
@reading.format_option
@reading.repo_option
def cleanup_command(*, older_than: float | None, dry_run: bool, form: str, repo: Path) -> int:
    """Remove old slots that nobody has, and old worktrees that hold nothing of their own.

    A worktree with changed or untracked files stays (files that .gitignore names do not count),
    and so does one that is not on a branch. Commits that only its log leads to are saved below
    refs/pipeline/attic first. Exits 1 when something old had to stay.
    """
    with Repository.discover(repo) as repository:
        config = _config(repository)
        limit = config.retention.worktrees_days * _DAY if older_than is None else older_than
        done = clean_up(
            repository,
            open_layout(repository, config),
            older_than=limit,
            now=time.time(),
            is_dry=dry_run,
        )
    kept = [one for one in done if one.why_kept]
    if form == reading.JSON:
        gone = [one for one in done if not one.why_kept]
        reading.print_json({"is_dry_run": dry_run, "removed": gone, "kept": kept})
    else:
        reading.print_lines(_cleanup_lines(done, is_dry=dry_run))
    return ExitCode.NOT_PASSED if kept else ExitCode.OK


def _config(repository: Repository) -> Config:
    loaded = read_config(repository)
    if errors_of(loaded.problems):
        raise PlanError(loaded.problems)
    return loaded.config


def _workstreams(records: Records, run: str | None, name: str | None) -> Sequence[WorkstreamRecord]:
    found = reading.find_run(records, run, kind="run")
    workstreams = records.workstreams(found.run_id)
    if name is None:
        return workstreams
    reading.require_known("workstream", name, [ws.ws_id for ws in workstreams])
    return [ws for ws in workstreams if ws.ws_id == name]


def _slot_row(slot: SlotInfo) -> list[Cell | str | int]:
    return [
        slot.path.name,
        Cell(slot.status, _COLOURS.get(slot.status, "")),
        _size(slot.size),
        _age(slot.used_at),
        console.safe(slot.owner, 60),
    ]


def _tree_row(tree: PersonTree) -> list[Cell | str | int]:
    branch = tree.branch.removeprefix("refs/heads/") or "(no branch)"
    path = console.safe(str(tree.path))
    return [path, console.safe(branch), _age(tree.used_at), console.safe(tree.why_kept, 100)]


def _status_row(tree: WorkstreamTree) -> list[Cell | str | int]:
    worktree = console.safe(str(tree.path)) if tree.path else ""
    return [
        tree.ws_id,
        tree.state,
        console.safe(tree.branch.removeprefix("refs/heads/")),
        "" if tree.ahead is None else tree.ahead,
        "" if tree.behind is None else tree.behind,
        worktree + (" (changed)" if tree.is_dirty else ""),
    ]


def _slot_json(slot: SlotInfo) -> dict[str, Any]:
    return {
        "number": slot.number,
        "path": slot.path,
        "status": slot.status,
        "owner": slot.owner,
        "pid": slot.pid,
        "used_at": _time(slot.used_at),
        "size": slot.size,
    }


def _tree_json(tree: PersonTree) -> dict[str, Any]:
    return {
        "path": tree.path,
        "branch": tree.branch,
        "used_at": _time(tree.used_at),
        "why_kept": tree.why_kept,
    }


def _cleanup_lines(done: Sequence[Cleaned], *, is_dry: bool) -> list[str]:
    if not done:
        return ["Nothing is old enough."]
    verb = "would be removed" if is_dry else "removed"
    lines = []
    for one in done:
        path = console.safe(str(one.path))
        lines.append(
            f"{path}: " + (f"kept: {console.safe(one.why_kept)}" if one.why_kept else verb)
        )
        lines += [f"  saved as {name}" for name in one.saved]
    gone = [one for one in done if not one.why_kept]
    freed = _size(sum(one.size for one in gone))
    lines.append(f"{len(gone)} of {len(done)} {verb} ({freed} of slots).")
    return lines


def _size(size: int) -> str:
    value = float(size)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def _age(used_at: float) -> str:
    return f"{console.duration(max(0.0, time.time() - used_at))} ago" if used_at else "never"


def _time(used_at: float) -> str:
    return format_time(datetime.fromtimestamp(used_at, UTC)) if used_at else ""
