"""Looking at a slot's throw-away ``.git`` after a tool, by plain reads, without running git.

A tool's commits, branches, tags and index there are its own business and have no effect. What
would steer a git that trusted the directory (configuration, hooks, attributes, replacements) has
no effect either, but no tool that edits files has a reason to touch it: that refuses the attempt.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.model.patch import Objection, Reason
from pipeline.work.borrowed_git import config_text
from pipeline.work.slots import Slot
from pipeline.work.zones import Files

_OWN_REFS = ("refs/heads/", "refs/tags/", "refs/remotes/")
_HARMLESS_SECTION = re.compile(rb'\[(user|branch "[^"\\]*")\]')
_HARMLESS_LINE = re.compile(rb"\s+[A-Za-z]+ = [^\\]*")
_MAX_REFS = 2000


def judge_own_git(slot: Slot) -> tuple[Objection, ...]:
    """Objections to a tool's work in its own ``.git``; flags (not blocking) for commits there."""
    if not slot.has_git:
        return ()
    git, files = slot.path / ".git", Files()
    if git.is_symlink() or not git.is_dir():
        is_gone = not git.is_symlink() and not git.exists()
        return (_flag("It removed its .git.") if is_gone else _refusal("It replaced its .git."),)
    found: list[Objection] = []
    found += _config(slot, git, files)
    found += _hooks_and_info(git, files)
    found += _refs(slot, git, files)
    return tuple(found)


def _config(slot: Slot, git: Path, files: Files) -> Iterable[Objection]:
    state = files.state(git / "config")
    object_format = "sha1" if len(slot.tree) == 40 else "sha256"
    written = config_text(slot.author, object_format).encode()
    data = state.data if state else None
    if data is None or _steering(data) != _steering(written):
        yield _refusal("It changed the configuration of its git.")
    if files.state(git / "config.worktree") is not None:
        yield _refusal("It made a config.worktree in its git.")
    alternates = files.state(git / "objects" / "info" / "alternates")
    if alternates is None or alternates.data is None or alternates.data.count(b"\n") != 1:
        yield _refusal("It changed where its git borrows objects.")


def _steering(config: bytes) -> list[bytes]:
    """The lines of a configuration without those that say who the author is."""
    kept, is_harmless = [], False
    for line in config.splitlines():
        if line.lstrip().startswith(b"["):
            is_harmless = _HARMLESS_SECTION.fullmatch(line.strip()) is not None
            is_kept = not is_harmless
        else:
            is_kept = not (is_harmless and _HARMLESS_LINE.fullmatch(line))
        if is_kept:
            kept.append(line)
    return kept


def _hooks_and_info(git: Path, files: Files) -> Iterable[Objection]:
    hooks = [name for name in files.folder(git / "hooks") if not name.endswith(".sample")]
    if hooks:
        yield _refusal(f"It put hooks into its git: {', '.join(hooks[:5])}.")
    for name in ("attributes", "exclude", "grafts", "sparse-checkout"):
        state = files.state(git / "info" / name)
        lines = state.data.splitlines() if state and state.data else []
        if any(line and not line.startswith((b"#", b"/")) for line in lines):
            yield _refusal(f"It changed info/{name} of its git.")


def _refs(slot: Slot, git: Path, files: Files) -> Iterable[Objection]:
    head = files.state(git / "HEAD")
    branch = f"refs/heads/{slot.head.branch}"
    if head is None or head.data != f"ref: {branch}\n".encode():
        yield _flag("It left its branch.")
    names = sorted(_names(git, files))
    others = [name for name in names if not name.startswith(_OWN_REFS)]
    if others:
        yield _refusal(f"It made refs that are no branches or tags: {', '.join(others[:5])}.")
    tip = files.state(git / branch)
    if tip is not None and tip.data != f"{slot.head.commit}\n".encode():
        yield _flag("It committed on its branch; only the files count.")
    more = [name for name in names if name.startswith(_OWN_REFS) and name != branch]
    if more:
        yield _flag(f"It made {', '.join(more[:5])}, which has no effect.")


def _names(git: Path, files: Files) -> set[str]:
    packed = files.state(git / "packed-refs")
    lines = packed.data.splitlines() if packed and packed.data else []
    found = {os.fsdecode(line.partition(b" ")[2]) for line in lines if line[:1].isalnum()}
    pending = ["refs"]
    while pending and len(found) < _MAX_REFS:
        folder = pending.pop()
        try:
            entries = list(os.scandir(git / folder))
        except OSError:
            continue
        for entry in entries:
            name = f"{folder}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                pending.append(name)
            else:
                found.add(name)
    return found


def _refusal(message: str) -> Objection:
    return Objection(Reason.CONTROL_PLANE, f"CTL: {message}")


def _flag(message: str) -> Objection:
    return Objection(Reason.CONTROL_PLANE, message, is_blocking=False)
