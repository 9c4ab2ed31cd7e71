"""What a person's checkout and branches look like, without running what they configured."""

import os
import shutil
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.base.errors import UnfitError
from pipeline.base.git.engine import Engine, make_git_dir
from pipeline.base.git.errors import GitError
from pipeline.base.git.invoke import base_environment, person_environment, run_git
from pipeline.base.git.objects import Objects
from pipeline.base.git.trees import GITLINK, TreeEntry

DEFAULT_BRANCHES = ("main", "master", "develop", "trunk")
_LINE_END_SETTINGS = ("core.autocrlf", "core.eol", "core.safecrlf", "core.fileMode")
_ENTRY_FILES = ("HEAD", "gitdir")
_Heads = tuple[tuple[str, bytes | None], ...]
_BRANCH_FILES = ("rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START")


@dataclass(frozen=True, slots=True)
class Checkout:
    """One worktree: its directory, its commit, and the branch (full name) that it holds."""

    path: Path
    commit: str | None
    branch: str | None


@dataclass(frozen=True, slots=True)
class SpecialContent:
    """What in a tree needs more than files: submodules, and paths that a filter (LFS) changes."""

    submodules: tuple[bytes, ...]
    lfs_attributes: tuple[bytes, ...]


def changed_paths(
    checkout: Checkout, git_dir: Path, engine: Engine, *, with_untracked: bool = False
) -> tuple[bytes, ...]:
    """Tracked paths of a checkout that differ from its commit, staged or not, sorted.

    With untracked ones on demand, where only the checkout's own ``.gitignore`` files count.

    Git looks through a copy of the index in a git directory of ours: the repository's filters,
    hooks and fsmonitor never start. Line ends follow the checkout's own attributes and settings. A
    file under a filter (LFS) that was touched since it was checked out counts as changed.
    """
    flags = [
        part for key, value in _line_end_settings(git_dir) for part in ("-c", f"{key}={value}")
    ]
    room = engine.temporary("status")
    try:
        done = run_git(
            (
                *flags,
                "-c",
                "core.bare=false",
                "status",
                "--porcelain=v2",
                "-z",
                f"--untracked-files={'all' if with_untracked else 'no'}",
                "--ignore-submodules=dirty",
                "--no-renames",
            ),
            cwd=checkout.path,
            env=_looking_at(checkout, git_dir, engine, room / "git"),
            objects_only=False,
        )
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return tuple(sorted(_paths_of_status(done.out)))


def _looking_at(checkout: Checkout, git_dir: Path, engine: Engine, own: Path) -> dict[str, str]:
    """Make ``own`` a git directory with the checkout's index; the variables to look through it."""
    # Names of filters mean nothing here: no configuration says what they would run.
    attributes = _own_attributes(git_dir)
    head = checkout.commit or ""
    make_git_dir(own, engine.object_format, attributes=attributes, head=head)
    for index in (git_dir / "index", *git_dir.glob("sharedindex.*")):
        if index.is_file():
            shutil.copy2(index, own / index.name)
    return base_environment() | {
        "GIT_DIR": str(own),
        "GIT_WORK_TREE": str(checkout.path),
        "GIT_OBJECT_DIRECTORY": str(engine.objects_dir),
    }


def _own_attributes(git_dir: Path) -> bytes:
    """What the person wrote into ``info/attributes``, which worktrees share."""
    pointer = git_dir / "commondir"
    common = git_dir / os.fsdecode(pointer.read_bytes().strip()) if pointer.exists() else git_dir
    try:
        return (common / "info" / "attributes").read_bytes()
    except FileNotFoundError:
        return b""


def _paths_of_status(out: bytes) -> set[bytes]:
    """The paths of ``status --porcelain=v2 -z``: each line's last field."""
    fields = {b"1": 8, b"u": 10, b"?": 1}
    lines = [line for line in out.split(b"\0") if line[:1] in fields]
    return {line.split(b" ", fields[line[:1]])[-1] for line in lines}


def _line_end_settings(git_dir: Path) -> tuple[tuple[str, str], ...]:
    """The person's settings that decide how bytes in a checkout compare with a blob's."""
    env = person_environment() | {"GIT_DIR": str(git_dir)}
    pattern = "^(" + "|".join(key.lower().replace(".", "\\.") for key in _LINE_END_SETTINGS) + ")$"
    args = ("config", "-z", "--get-regexp", pattern)
    # The safe settings of `git_argv` would be listed too, but none of them is of these keys.
    done = run_git(args, cwd=git_dir, env=env, ok=(0, 1), objects_only=False)
    found = {}
    for item in done.out.decode("utf-8", "replace").split("\0"):
        key, has_value, value = item.partition("\n")
        if key:
            found[key] = value if has_value else "true"
    return tuple(found.items())


def checkouts(common_dir: Path) -> tuple[Checkout, ...]:
    """The main checkout and every linked worktree, with the branches that they hold.

    A branch that is being rebased or bisected counts as held. Where git cannot list (a half-made
    worktree stops it), the files it would read are read here.
    """
    env = base_environment() | {"GIT_DIR": str(common_dir)}
    try:
        done = run_git(("worktree", "list", "--porcelain", "-z"), cwd=common_dir, env=env)
    except GitError:
        return tuple(_read_checkouts(common_dir))
    return tuple(_parse_checkouts(done.out))


def _parse_checkouts(out: bytes) -> Iterable[Checkout]:
    for block in out.split(b"\0\0"):
        values: dict[bytes, bytes] = {}
        for line in block.strip(b"\0").split(b"\0"):
            key, _, value = line.partition(b" ")
            values[key] = value
        if b"worktree" not in values or b"bare" in values:
            continue
        commit = values.get(b"HEAD", b"").decode("ascii")
        branch = values[b"branch"].decode("utf-8", "surrogateescape") if b"branch" in values else ""
        path = Path(os.fsdecode(values[b"worktree"]))
        yield Checkout(path, commit if commit.strip("0") else None, branch or None)


def _read_checkouts(common_dir: Path) -> Iterable[Checkout]:
    yield Checkout(common_dir.parent, None, _branch_in(common_dir / "HEAD"))
    for entry in sorted((common_dir / "worktrees").glob("*")):
        pointer = entry / "gitdir"
        if pointer.is_file():
            path = Path(os.fsdecode(pointer.read_bytes().rstrip(b"\n"))).parent
            yield Checkout(path, None, _branch_in(entry / "HEAD"))


def _branch_in(head: Path) -> str | None:
    try:
        text = head.read_bytes().decode("utf-8", "surrogateescape").strip()
    except OSError:
        return None
    return text.removeprefix("ref: ") if text.startswith("ref: refs/heads/") else None


def held_branches(common_dir: Path) -> dict[str, Path]:
    """Full names of branches that a worktree holds, and where; moving one breaks that worktree."""
    held = dict(_checked_out(common_dir, _heads(common_dir)))
    for git_dir in (common_dir, *(common_dir / "worktrees").glob("*")):
        for name in _BRANCH_FILES:
            branch = _named_branch(git_dir / name)
            if branch:
                held.setdefault(branch, git_dir)
    return held


@lru_cache(maxsize=8)
def _checked_out(common_dir: Path, heads: _Heads) -> Mapping[str, Path]:
    """Branches with their checkouts; git is not asked again as long as ``heads`` are the same."""
    return {
        checkout.branch: checkout.path
        for checkout in checkouts(common_dir)
        if checkout.branch is not None
    }


def _heads(common_dir: Path) -> _Heads:
    """What each checkout's HEAD and place are, as they are written down."""
    entries = sorted((common_dir / "worktrees").glob("*"))
    files = (common_dir / "HEAD", *(entry / name for entry in entries for name in _ENTRY_FILES))
    return tuple((str(path), _content(path)) for path in files)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _named_branch(path: Path) -> str | None:
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape").strip()
    except OSError:
        return None
    if path.name == "BISECT_START" and text:
        return f"refs/heads/{text}"
    return text if text.startswith("refs/heads/") else None


def default_branch(refs: Mapping[str, str], origin_head: str | None) -> str:
    """The branch (short name) that changes go to: what origin calls its head, else by custom.

    Raises UnfitError where none of them is there.
    """
    names = [origin_head] if origin_head else []
    for name in (*names, *DEFAULT_BRANCHES):
        if f"refs/heads/{name}" in refs:
            return name
    raise UnfitError(
        f"No branch is called {', '.join(DEFAULT_BRANCHES)}.",
        remedy="Name the base branch in the configuration.",
    )


def special_content(objects: Objects, files: Mapping[bytes, TreeEntry]) -> SpecialContent:
    """Submodules and LFS use among a tree's files, as `Trees.flatten` gives them."""
    submodules = tuple(sorted(path for path, entry in files.items() if entry.mode == GITLINK))
    attributes = [
        path
        for path, entry in files.items()
        if path.rsplit(b"/", 1)[-1] == b".gitattributes" and entry.is_regular
    ]
    lfs = (path for path in attributes if _names_lfs(objects.read(files[path].oid)[1]))
    return SpecialContent(submodules, tuple(sorted(lfs)))


def _names_lfs(attributes: bytes) -> bool:
    lines = (line.split() for line in attributes.splitlines())
    return any(b"filter=lfs" in words[1:] for words in lines if words and words[0][:1] != b"#")


def casefold_twins(paths: Iterable[bytes]) -> tuple[tuple[bytes, ...], ...]:
    """Groups of paths, directories included, that some file system takes for one and the same."""
    groups: dict[str, set[bytes]] = {}
    for path in paths:
        parts: Sequence[bytes] = path.split(b"/")
        for length in range(1, len(parts) + 1):
            part = b"/".join(parts[:length])
            groups.setdefault(_folded(part), set()).add(part)
    twins = (tuple(sorted(group)) for group in groups.values() if len(group) > 1)
    return tuple(sorted(twins))


def _folded(path: bytes) -> str:
    text = path.decode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
