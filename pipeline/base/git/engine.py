"""A git directory of our own, so that no command on objects reads the repository's configuration.

It has its own ``config``, empty refs and an ``info/attributes`` that outranks every in-tree
``.gitattributes`` and turns each attribute off that could name a program or change bytes. It lives
in the temporary directory as long as its process; what a killed process left is removed by the
next one, told apart by a file lock that the living owner holds.
"""

import contextlib
import os
import shutil
import tempfile
import weakref
from pathlib import Path

from pipeline.base.files import as_unfit
from pipeline.base.git.invoke import base_environment

_PREFIX = "git-pipeline-engine-"
# "!name" means unspecified, which is git's built-in behaviour; a file in info/ has the last word.
_NEUTRAL = (
    b"!diff !merge !filter !text !eol !crlf !ident !working-tree-encoding !whitespace "
    b"!conflict-marker-size !export-subst !export-ignore"
)
NEUTRAL_ATTRIBUTES = b"* " + _NEUTRAL + b"\n"


def make_git_dir(path: Path, object_format: str, *, attributes: bytes, head: str = "") -> None:
    """Lay out the smallest directory that git takes for a repository."""
    (path / "objects" / "info").mkdir(parents=True)
    (path / "objects" / "pack").mkdir()
    (path / "refs").mkdir()
    (path / "info").mkdir()
    (path / "info" / "attributes").write_bytes(attributes)
    (path / "HEAD").write_text((head or "ref: refs/heads/none") + "\n", encoding="ascii")
    config = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n\tlogAllRefUpdates = false\n"
    config += f"[extensions]\n\tobjectFormat = {object_format}\n"
    (path / "config").write_text(config, encoding="ascii")


def alternates_value(paths: tuple[Path, ...]) -> str:
    """Object directories for GIT_ALTERNATE_OBJECT_DIRECTORIES, quoted as git unquotes them."""
    return os.pathsep.join(_quoted(os.fsencode(path)) for path in paths)


def _quoted(path: bytes) -> str:
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+ "
    body = "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in path)
    return f'"{body}"'


class Engine:
    """One private git directory per open repository; ends with ``close`` or the process."""

    def __init__(self, objects_dir: Path, object_format: str, *, root: Path | None = None) -> None:
        root = root or Path(tempfile.gettempdir())
        remove_abandoned(root)
        self.path, self._lock = _claim(root)
        self.object_format = object_format
        self.objects_dir = objects_dir
        self.git_dir = self.path / "git"
        try:
            make_git_dir(self.git_dir, object_format, attributes=NEUTRAL_ATTRIBUTES)
            (self.path / "indexes").mkdir()
        except OSError as error:
            _remove(self.path, self._lock)
            raise as_unfit(error, self.path) from error
        self._ending = weakref.finalize(self, _remove_own, self.path, self._lock, os.getpid())

    @property
    def indexes(self) -> Path:
        """Where indexes of trees are kept for reuse."""
        return self.path / "indexes"

    @property
    def own_objects(self) -> Path:
        """Objects that only serve a computation and never reach the repository."""
        return self.git_dir / "objects"

    def environment(self, objects_dir: Path | None = None, *extra: Path) -> dict[str, str]:
        """Variables for a git that writes to ``objects_dir`` and also reads from ``extra``."""
        env = base_environment()
        env["GIT_DIR"] = str(self.git_dir)
        env["GIT_OBJECT_DIRECTORY"] = str(objects_dir or self.objects_dir)
        if extra:
            env["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = alternates_value(extra)
        return env

    def temporary(self, name: str) -> Path:
        """A new empty directory inside the engine's."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.path))

    def close(self) -> None:
        """Remove the directory; safe to call twice."""
        self._ending()


def _claim(root: Path) -> tuple[Path, int]:
    """Make a directory and lock its owner file; the kernel lets go when the process ends."""
    while True:
        try:
            path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        except OSError as error:
            raise as_unfit(error, root, "create a directory in") from error
        try:
            handle = os.open(path / "owner", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # a sweeper took the empty directory for an abandoned one
            continue
        is_ours = _try_lock(handle) or os.name == "nt"
        if is_ours and (path / "owner").exists():  # a sweeper may have been faster than the lock
            return path, handle
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        import fcntl  # not there on Windows, where nothing is swept
    except ImportError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def remove_abandoned(root: Path) -> int:
    """Remove engine directories under ``root`` that are ours and whose process is gone."""
    removed = 0
    for path in root.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if path.is_symlink() or path.stat().st_uid != os.getuid():
                continue
            try:
                handle = os.open(path / "owner", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:  # its maker died before it, or after it
                path.rmdir()
                continue
            if _try_lock(handle):
                _remove(path, handle)
                removed += 1
            else:
                os.close(handle)
    return removed


def _remove_own(path: Path, handle: int, owner: int) -> None:
    if os.getpid() == owner:  # a fork inherits the duty to end, but not the directory
        _remove(path, handle)


def _remove(path: Path, handle: int) -> None:
    """Remove a directory, its owner file last: whoever dies here leaves one that can be told."""
    with contextlib.suppress(OSError):
        for below in path.iterdir():
            if below.name != "owner":
                shutil.rmtree(below, ignore_errors=True)
    shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.close(handle)
