"""Linked worktrees for people: made whole or not at all, removed only when nothing can be lost.

``git worktree add`` is safe neither against another one nor against being killed: it leaves an
entry whose empty ``commondir`` stops every later git command that looks at worktrees. So an entry
is filled beside ``worktrees/`` and renamed into it (gitrepository-layout names its three files);
then git checks the branch out. All this happens under a file lock in the common directory.

The checkout follows the person's line-end settings and the tree's attributes. Hooks never run, and
neither do filters unless asked for: files of a filter (LFS) then hold what the repository holds.
"""

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from pipeline.base.git.errors import WorktreeError
from pipeline.base.git.invoke import person_environment, run_git, settings_in_environment
from pipeline.base.git.repository import Repository
from pipeline.base.git.status import Checkout
from pipeline.base.git.worktree_lock import worktree_lock

PREFIX = "pipeline-"
_FILLING = "git-pipeline-filling-"
_LEAVING = "git-pipeline-leaving-"
_ENTRY_FILES = ("commondir", "gitdir", "HEAD")
_UNFINISHED = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "BISECT_LOG")


def add_worktree(repo: Repository, path: Path, branch: str, *, with_filters: bool = False) -> Path:
    """Check a branch (full name) out at ``path``, which must not exist or be empty.

    Returns the worktree's entry in the common directory. Raises WorktreeError where the branch is
    held by another worktree or is not there, or the path is taken; then nothing is left behind.
    """
    path = Path(os.path.realpath(path))
    with worktree_lock(repo.common_dir):
        _heal(repo.common_dir)
        _refuse(repo, path, branch)
        path.mkdir(parents=True, exist_ok=True)
        entry = _place_entry(repo.common_dir, path, branch)
        try:
            (path / ".git").write_bytes(b"gitdir: " + os.fsencode(entry) + b"\n")
            _check_out(entry, path, with_filters=with_filters)
        except BaseException:
            _take_away(repo.common_dir, entry, path)
            raise
    return entry


def remove_worktree(repo: Repository, path: Path) -> None:
    """Remove a worktree that `add_worktree` made and that holds nothing of its own.

    Raises WorktreeError where it is not ours, has changed or untracked files (ignored ones do not
    count), is not on a branch, or is in the middle of a merge or a rebase.
    """
    path = Path(os.path.realpath(path))
    with worktree_lock(repo.common_dir):
        _heal(repo.common_dir)
        entry = our_worktrees(repo.common_dir).get(path)
        if entry is None:
            raise WorktreeError(path, "is not one that was made here")
        problem = _what_would_be_lost(repo, entry, path)
        if problem:
            raise WorktreeError(path, problem, remedy="Commit or remove that first.")
        _take_away(repo.common_dir, entry, path)


def reason_to_keep(repo: Repository, path: Path) -> str:
    """Why `remove_worktree` would refuse, as the end of a sentence; empty where it would not."""
    path = Path(os.path.realpath(path))
    entry = our_worktrees(repo.common_dir).get(path)
    if entry is None:
        return "is not one that was made here"
    return _what_would_be_lost(repo, entry, path)


def our_worktrees(common_dir: Path) -> dict[Path, Path]:
    """The worktrees made by `add_worktree`: their directories and their entries."""
    found = {}
    for entry in sorted((common_dir / "worktrees").glob(f"{PREFIX}*")):
        with contextlib.suppress(OSError):
            found[_checkout_of(entry)] = entry
    return found


def heal_worktrees(common_dir: Path) -> tuple[Path, ...]:
    """Remove half-made entries with our prefix, finish removals; returns what was removed."""
    with worktree_lock(common_dir):
        return _heal(common_dir)


def _heal(common_dir: Path) -> tuple[Path, ...]:
    healed = []
    for entry in sorted((common_dir / "worktrees").glob(f"{PREFIX}*")):
        if not all(_has_text(entry / name) for name in _ENTRY_FILES):
            shutil.rmtree(entry)
            healed.append(entry)
    for entry in sorted(common_dir.glob(f"{_LEAVING}*/*")):
        path = _checkout_of(entry) if _has_text(entry / "gitdir") else None
        if path is not None and _points_to(path, common_dir / "worktrees" / entry.name):
            _empty(path)
    for left in (*common_dir.glob(f"{_FILLING}*"), *common_dir.glob(f"{_LEAVING}*")):
        shutil.rmtree(left)
        healed.append(left)
    return tuple(healed)


def _has_text(path: Path) -> bool:
    try:
        return bool(path.read_bytes().strip())
    except OSError:
        return False


def _checkout_of(entry: Path) -> Path:
    named = os.fsdecode((entry / "gitdir").read_bytes().removesuffix(b"\n"))
    return Path(named).parent


def _points_to(path: Path, entry: Path) -> bool:
    with contextlib.suppress(OSError):
        pointer = (path / ".git").read_bytes()
        return pointer == b"gitdir: " + os.fsencode(entry) + b"\n"
    return False


def _refuse(repo: Repository, path: Path, branch: str) -> None:
    if (repo.common_dir / "reftable").is_dir():
        short = branch.removeprefix("refs/heads/")
        raise WorktreeError(
            path,
            "cannot be made: this repository keeps its refs in reftables",
            remedy=f"Make it yourself: git worktree add {path} {short}",
        )
    if not branch.startswith("refs/heads/") or repo.refs.read(branch) is None:
        raise WorktreeError(path, f"cannot be made: there is no branch {branch}")
    holder = repo.held_branches().get(branch)
    if holder is not None:
        raise WorktreeError(path, f"cannot be made: {branch} is checked out at {holder}")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise WorktreeError(path, "cannot be made: something is there already")


def _place_entry(common_dir: Path, path: Path, branch: str) -> Path:
    """Fill an entry and rename it into place, so that no git ever sees half of it."""
    filling = Path(tempfile.mkdtemp(prefix=_FILLING, dir=common_dir))
    files = {
        "commondir": b"../..\n",
        "gitdir": os.fsencode(path / ".git") + b"\n",
        "HEAD": b"ref: " + branch.encode("utf-8", "surrogateescape") + b"\n",
    }
    for name, content in files.items():
        with (filling / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    filling.chmod(0o755)
    (common_dir / "worktrees").mkdir(exist_ok=True)
    stem = PREFIX + (re.sub(r"[^A-Za-z0-9._-]+|\.\.+", "-", path.name).strip(".-") or "worktree")
    for number in range(1000):
        entry = common_dir / "worktrees" / (f"{stem}-{number}" if number else stem)
        if not entry.exists():
            filling.rename(entry)
            return entry
    raise WorktreeError(path, "cannot be made: too many worktrees have that name")


def _check_out(entry: Path, path: Path, *, with_filters: bool) -> None:
    env = person_environment() | {"GIT_DIR": str(entry), "GIT_WORK_TREE": str(path)}
    if not with_filters:
        env |= settings_in_environment(_silenced_filters(entry, env))
    args = ("-c", "core.sparseCheckout=false", "read-tree", "--reset", "-u", "HEAD")
    run_git(args, cwd=path, env=env, timeout_s=600.0, objects_only=False)


def _silenced_filters(entry: Path, env: dict[str, str]) -> dict[str, str]:
    """Settings that turn every configured filter into none (an empty command is no filter)."""
    args = ("config", "-z", "--name-only", "--get-regexp", r"^filter\.")
    done = run_git(args, cwd=entry, env=env, ok=(0, 1), objects_only=False)
    keys = (key.rpartition(".")[0] for key in os.fsdecode(done.out).split("\0") if key)
    settings: dict[str, str] = {}
    for key in keys:
        settings |= {f"{key}.{verb}": "" for verb in ("smudge", "clean", "process")}
        settings[f"{key}.required"] = "false"
    return settings


def _what_would_be_lost(repo: Repository, entry: Path, path: Path) -> str:
    """Why a worktree must stay, as the end of a sentence; empty where nothing speaks for it."""
    if not path.exists():
        return ""
    if not _points_to(path, entry):
        return "does not belong to its entry any more"
    head = (entry / "HEAD").read_text(encoding="utf-8", errors="surrogateescape").strip()
    commit = repo.refs.read(head[5:]) if head.startswith("ref: refs/heads/") else None
    if commit is None:
        return "is not on a branch, so its commits may be nowhere else"
    if any((entry / name).exists() for name in _UNFINISHED):
        return "is in the middle of a merge or a rebase"
    changed = repo.paths_to_lose(Checkout(path, commit, None), entry)
    if changed:
        first = changed[0].decode("utf-8", "backslashreplace")
        return f"has {len(changed)} changed or untracked files, the first is {first}"
    return ""


def _take_away(common_dir: Path, entry: Path, path: Path) -> None:
    """Take the entry out of git's sight at once, then remove the files at leisure."""
    leaving = Path(tempfile.mkdtemp(prefix=_LEAVING, dir=common_dir))
    entry.rename(leaving / entry.name)
    if path.is_dir():
        _empty(path)
    shutil.rmtree(leaving)


def _empty(path: Path) -> None:
    """Remove a checkout, its ``.git`` last: that is how an interrupted removal is known again."""
    for child in path.iterdir():
        if child.name == ".git":
            continue
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()
    (path / ".git").unlink(missing_ok=True)
    path.rmdir()
