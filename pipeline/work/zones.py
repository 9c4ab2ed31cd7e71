"""What a tool must leave alone, measured: files of git, checkouts, other slots, the home."""

import hashlib
import os
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.base.git import Repository
from pipeline.work.slots import IdleSlot
from pipeline.work.walk import OPEN_DIRECTORY, Signature, signature, walk

KEPT_BYTES = 256 * 1024
_PACKED_BYTES = 64 * 1024 * 1024
_SLOT_FILES = 2000
_HOME_FILES = (
    ".gitconfig", ".git-credentials", ".netrc", ".npmrc", ".pypirc", ".profile", ".login",
    ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".zshrc", ".zshenv", ".zprofile",
    ".zlogin", ".kshrc", ".cshrc", ".tcshrc", ".inputrc", ".pam_environment", ".vimrc",
    ".tmux.conf",
)  # fmt: skip  # a list of words reads better in rows
_HOME_FOLDERS = (
    ".ssh", ".config/git", ".config/fish", ".config/systemd/user", ".config/autostart", ".gnupg",
    ".docker", ".aws", ".kube",
)  # fmt: skip  # a list of words reads better in rows
_HOME_RESTLESS = (b"known_hosts", b"known_hosts.old", b"agent", b"random_seed", b"S.")


@dataclass(frozen=True, slots=True)
class FileState:
    """One small file: ``digest`` of its content (or where it points), ``data`` where it is kept."""

    kind: int
    digest: str
    data: bytes | None = None


Measured = Mapping[str, object]
"""What was found, by the name of the thing; equal values mean that nothing happened."""


class Files:
    """Reads small files and remembers them by their signature; safe for use by many threads."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Signature, FileState]] = {}
        self._lock = threading.Lock()

    def state(self, path: Path | str, limit: int = KEPT_BYTES) -> FileState | None:
        """The state of a file; None where there is none. Larger ones are known by signature."""
        name = os.fspath(path)
        try:
            seen = signature(os.lstat(name))
        except OSError:
            return None
        with self._lock:
            known = self._known.get(name)
        if known is not None and known[0] == seen:
            return known[1]
        state = _read(name, seen, limit)
        with self._lock:
            self._known[name] = (seen, state)
        return state

    def folder(self, path: Path | str, *, prefix: str = "") -> dict[str, object]:
        """The states of a directory's files, not of what is further down."""
        try:
            names = sorted(os.listdir(path))  # noqa: PTH208 - a Path for each costs more than it
        except OSError:
            return {}
        return {f"{prefix}{name}": self.state(f"{path}/{name}") for name in names}


def _read(path: str, seen: Signature, limit: int) -> FileState:
    mode, size = seen[0], seen[4]
    if stat.S_ISLNK(mode):
        return FileState(mode, str(Path(path).readlink()))
    if not stat.S_ISREG(mode) or size > limit:
        return FileState(mode, str(seen))
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            data = file.read(limit + 1)
    except OSError as problem:
        return FileState(mode, f"{seen} {problem.errno}")
    return FileState(mode, hashlib.sha256(data).hexdigest(), data)


def measure_git_dir(common_dir: Path, files: Files, hooks: Path | None) -> dict[str, object]:
    """Configuration, hooks, heads of all worktrees, attributes and excludes of a repository."""
    found: dict[str, object] = {}
    for name in ("HEAD", "config", "config.worktree", "shallow", "objects/info/alternates"):
        found[name] = files.state(f"{common_dir}/{name}")
    found |= files.folder(f"{common_dir}/info", prefix="info/")
    found |= files.folder(f"{common_dir}/hooks", prefix="hooks/")
    if hooks is not None:
        found |= files.folder(hooks, prefix=f"{hooks}/")
    for entry in linked(common_dir):
        for name in ("HEAD", "config.worktree", "gitdir", "commondir"):
            found[f"worktrees/{entry.name}/{name}"] = files.state(f"{entry}/{name}")
    return found


def linked(common_dir: Path) -> list[Path]:
    """The git directories of linked worktrees."""
    try:
        return sorted((common_dir / "worktrees").iterdir())
    except OSError:
        return []


def measure_refs(common_dir: Path, files: Files, own: tuple[str, ...]) -> dict[str, object]:
    """Every ref that is not ``own`` (prefixes of full names), by its full name."""
    found: dict[str, object] = {}
    packed = files.state(common_dir / "packed-refs", _PACKED_BYTES)
    if packed is not None:
        found |= _packed(packed, own)
    for name, path in _loose(common_dir, own):
        state = files.state(path)
        found[name] = state.data.strip() if state and state.data is not None else state
    return found


def _packed(state: FileState, own: tuple[str, ...]) -> dict[str, object]:
    if state.data is None:
        return {"packed-refs": state.digest}
    found: dict[str, object] = {}
    for line in state.data.splitlines():
        oid, _, name = line.partition(b" ")
        text = os.fsdecode(name)
        if text.startswith("refs/") and not text.startswith(own):
            found[text] = oid
    return found


def _loose(common_dir: Path, own: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    pending = [("refs/", common_dir / "refs")]
    while pending:
        prefix, folder = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                if not f"{name}/".startswith(own):
                    pending.append((f"{name}/", Path(entry.path)))
            elif not name.startswith(own) and not name.endswith(".lock"):
                yield name, Path(entry.path)


class WatchedCheckout:
    """A person's checkout: the files of a tree by signature, their directories by names.

    Names that ``ignored`` holds at the top are passed over.
    """

    def __init__(self, top: Path, paths: Iterable[bytes], ignored: frozenset[bytes]) -> None:
        self.top = top
        self._ignored = ignored
        root = os.fsencode(top)
        # What is asked for each time is spelled once.
        self._files: list[tuple[str, bytes]] = []
        self._folders: dict[str, bytes] = {"": root}
        for path in paths:
            directory = path.rpartition(b"/")[0]
            if directory:
                self._folders[f"{os.fsdecode(directory)}/"] = root + b"/" + directory
            self._files.append((os.fsdecode(path), root + b"/" + path))

    def measure(self) -> dict[str, object]:
        """Signatures of the tree's files, and the names that lie beside them."""
        found: dict[str, object] = {name: _signature(path) for name, path in self._files}
        for prefix, folder in self._folders.items():
            found[f"{prefix}*"] = self._names(folder, is_top=not prefix)
        return found

    def _names(self, folder: bytes, *, is_top: bool) -> frozenset[bytes]:
        try:
            names = frozenset(os.listdir(folder))  # noqa: PTH208 - bytes
        except OSError:
            return frozenset()
        return names - self._ignored if is_top else names


def _signature(path: bytes) -> Signature | None:
    try:
        return signature(os.lstat(path))
    except OSError:
        return None


def watched_paths(repo: Repository, commit: str) -> Iterable[bytes]:
    """The paths of a commit's tree."""
    return repo.trees.flatten(repo.commit_tree(commit))


def measure_slot(slot: IdleSlot) -> object:
    """What an idle slot holds; of a large one the top level stands for all."""
    try:
        if slot.files > _SLOT_FILES:
            return tuple(
                _signature(os.fsencode(slot.directory / name)) for name in ("", "tree", "lock")
            )
        handle = os.open(slot.directory, OPEN_DIRECTORY)
        try:
            found = walk(handle, max_entries=2 * _SLOT_FILES)
        finally:
            os.close(handle)
    except OSError:
        return None
    return found.files, found.directories


def measure_home(home: Path) -> dict[str, object]:
    """The files of a home directory that can make programs run or that hold keys."""
    files, folders = _home_places(home)
    found: dict[str, object] = {name: _signature(path) for name, path in files}
    for name, path in folders:
        try:
            entries = os.listdir(path)  # noqa: PTH208 - bytes
        except OSError:
            continue
        for entry in entries:
            if not entry.startswith(_HOME_RESTLESS):
                found[f"{name}/{os.fsdecode(entry)}"] = _signature(path + b"/" + entry)
    return found


_Places = tuple[tuple[str, bytes], ...]


@lru_cache(maxsize=4)
def _home_places(home: Path) -> tuple[_Places, _Places]:
    """The watched files and folders by their names, as whole paths."""
    files = tuple((name, os.fsencode(home / name)) for name in _HOME_FILES)
    return files, tuple((name, os.fsencode(home / name)) for name in _HOME_FOLDERS)


def measure_outside(paths: Iterable[Path]) -> dict[str, object]:
    """Files and folders that a configuration asks to be watched."""
    found: dict[str, object] = {}
    for path in paths:
        found[str(path)] = _signature(os.fsencode(path))
        if path.is_dir() and not path.is_symlink():
            handle = os.open(path, OPEN_DIRECTORY)
            try:
                inside = walk(handle)
            finally:
                os.close(handle)
            found |= {f"{path}/{os.fsdecode(name)}": one for name, one in inside.files.items()}
    return found
