"""Worktrees for people: opened on a workstream's branch, looked at, cleaned up without a loss."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import InputError
from pipeline.base.git import RefUpdate, Repository, WorktreeError, is_ref_name
from pipeline.base.git.ancestry import ahead_behind, unreachable_tips
from pipeline.base.git.status import Checkout
from pipeline.base.git.worktrees import (
    add_worktree,
    our_worktrees,
    reason_to_keep,
    remove_worktree,
)
from pipeline.flow.slot_directories import BUSY, SlotInfo, remove_if_free, slots
from pipeline.model.record import WorkstreamRecord
from pipeline.store.journal import run_refs
from pipeline.store.layout import STATE_DIR, Layout, ensure_excluded

_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class PersonTree:
    """A worktree that somebody opened; ``why_kept`` says what would be lost with it.

    ``branch`` is a full name, empty where it is not on one; ``used_at`` is in seconds since 1970.
    """

    path: Path
    branch: str
    used_at: float
    why_kept: str


@dataclass(frozen=True, slots=True)
class WorkstreamTree:
    """A workstream's branch, against the work that the engine accepted.

    ``ahead`` and ``behind`` count commits, ``None`` where one of the two is not there; ``path``
    is the worktree that holds the branch, and ``is_dirty`` is ``None`` where there is none.
    """

    ws_id: str
    state: str
    branch: str
    path: Path | None
    ahead: int | None
    behind: int | None
    is_dirty: bool | None


@dataclass(frozen=True, slots=True)
class Cleaned:
    """One slot or worktree that was looked at; ``why_kept`` is empty where it is gone.

    ``saved`` are the refs that hold commits which only its history led to.
    """

    path: Path
    kind: str
    size: int
    why_kept: str = ""
    saved: tuple[str, ...] = ()


def person_trees(repo: Repository) -> tuple[PersonTree, ...]:
    """The worktrees that were opened here, by directory."""
    return tuple(
        PersonTree(path, _branch(entry), _used_at(entry), _why_kept(repo, path, entry))
        for path, entry in sorted(our_worktrees(repo.common_dir).items())
    )


def status_of(
    repo: Repository, layout: Layout, workstreams: Sequence[WorkstreamRecord]
) -> tuple[WorkstreamTree, ...]:
    """Where workstreams' branches are, in the order given."""
    refs, held = repo.refs.list(), repo.held_branches()
    for run_id in {ws.run_id for ws in workstreams}:
        refs.update(run_refs(repo, layout, run_id))
    return tuple(
        _status(repo, ws, refs.get(ws.branch), _accepted(layout, ws, refs), held.get(ws.branch))
        for ws in workstreams
    )


def open_worktree(repo: Repository, layout: Layout, ws: WorkstreamRecord) -> Path:
    """Check a workstream's branch out at ``.worktrees/<ws-id>``; one that is open is found again.

    Raises ``InputError`` where there is no branch yet, ``WorktreeError`` where it is checked out
    elsewhere or something is in the way.
    """
    if not ws.branch or repo.refs.read(ws.branch) is None:
        raise InputError(
            f"{ws.ws_id} has no branch: it is {ws.state}, and no work of it was accepted.",
            remedy="See `pipeline quarantine list` for what was refused.",
        )
    path = Path(os.path.realpath(layout.people_worktrees / ws.ws_id))
    entry = our_worktrees(repo.common_dir).get(path)
    if entry is not None and path.is_dir() and _branch(entry) == ws.branch:
        return path
    ensure_excluded(layout, STATE_DIR, layout.people_worktrees.name)
    add_worktree(repo, path, ws.branch)
    return path


def clean_up(
    repo: Repository, layout: Layout, *, older_than: float, now: float, is_dry: bool
) -> tuple[Cleaned, ...]:
    """Remove slots that nobody has and worktrees that hold nothing of their own.

    ``older_than`` is in seconds; what was used since then is not looked at. What stays is named
    with the reason. With ``is_dry`` nothing is changed, and what would go is told.
    """
    limit = now - older_than
    old_slots = [slot for slot in slots(layout.slots) if slot.used_at <= limit]
    old_trees = [tree for tree in person_trees(repo) if tree.used_at <= limit]
    return (
        *(_clean_slot(slot, is_dry=is_dry) for slot in old_slots),
        *(_clean_tree(repo, layout, tree, is_dry=is_dry) for tree in old_trees),
    )


def _clean_slot(slot: SlotInfo, *, is_dry: bool) -> Cleaned:
    is_gone = slot.status != BUSY and (is_dry or remove_if_free(slot))
    why = "" if is_gone else f"a process has it ({slot.owner or slot.pid})"
    return Cleaned(slot.path, "slot", slot.size, why)


def _clean_tree(repo: Repository, layout: Layout, tree: PersonTree, *, is_dry: bool) -> Cleaned:
    if tree.why_kept:
        return Cleaned(tree.path, "worktree", 0, tree.why_kept)
    entry = our_worktrees(repo.common_dir)[tree.path]
    tips = unreachable_tips(repo, _logged(entry))
    stem = tree.path.name if is_ref_name(f"{_HEADS}{tree.path.name}") else "worktree"
    saved = tuple(layout.attic_ref(stem, tip) for tip in tips)
    if not is_dry:
        # Saved before anything is removed: the worktree's own log is all that led to them.
        new = [RefUpdate(name, tip, None) for name, tip in zip(saved, tips, strict=True)]
        repo.refs.update(new, message="git-pipeline: worktree cleanup")
        try:
            remove_worktree(repo, tree.path)
        except WorktreeError as error:
            return Cleaned(tree.path, "worktree", 0, error.what, saved)
    return Cleaned(tree.path, "worktree", 0, saved=saved)


def _why_kept(repo: Repository, path: Path, entry: Path) -> str:
    if (entry / "locked").exists():
        return "is locked (see `git worktree unlock`)"
    return reason_to_keep(repo, path)


def _logged(entry: Path) -> list[str]:
    """Every commit that a worktree's own log names."""
    found = []
    with contextlib.suppress(OSError):
        for line in (entry / "logs" / "HEAD").read_bytes().splitlines():
            found += [word.decode("ascii", "replace") for word in line.split(b" ", 2)[:2]]
    return [oid for oid in found if set(oid) <= set("0123456789abcdef") and set(oid) != {"0"}]


def _status(
    repo: Repository,
    ws: WorkstreamRecord,
    tip: str | None,
    accepted: str | None,
    path: Path | None,
) -> WorkstreamTree:
    ahead, behind = ahead_behind(repo, tip, accepted) if tip and accepted else (None, None)
    return WorkstreamTree(
        ws.ws_id,
        ws.state.value,
        ws.branch,
        path,
        ahead,
        behind,
        _is_dirty(repo, path, tip) if path and tip else None,
    )


def _accepted(layout: Layout, ws: WorkstreamRecord, refs: dict[str, str]) -> str | None:
    return refs.get(layout.state_ref(ws.run_id, ws.ws_id)) or ws.checked_commit or None


def _is_dirty(repo: Repository, path: Path, tip: str) -> bool | None:
    """Whether a checkout has changed or untracked files; ``None`` where it cannot be seen."""
    if not path.is_dir():
        return None
    with Repository.discover(path) as own:
        return bool(repo.paths_to_lose(Checkout(path, tip, None), own.git_dir))


def _branch(entry: Path) -> str:
    with contextlib.suppress(OSError):
        head = (entry / "HEAD").read_text(encoding="utf-8", errors="surrogateescape").strip()
        if head.startswith(f"ref: {_HEADS}"):
            return head[5:]
    return ""


def _used_at(entry: Path) -> float:
    """When git last wrote about a worktree: its index, its log, its HEAD."""
    times = [0.0]
    for name in ("index", "HEAD", "logs/HEAD", "gitdir"):
        with contextlib.suppress(OSError):
            times.append((entry / name).stat().st_mtime)
    return max(times)
