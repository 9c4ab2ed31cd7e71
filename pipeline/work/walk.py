"""A walk over a directory that follows no link, leaves no file system and opens no file."""

import os
import stat
from collections.abc import Container
from dataclasses import dataclass, field

from pipeline.work.names import takes_for_git

MAX_DEPTH = 128
OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

Signature = tuple[int, int, int, int, int, int, int]
"""What ``lstat`` says that a change of content cannot leave alone:
mode, links, inode, device, size, mtime and ctime (both in nanoseconds)."""


def signature(found: os.stat_result) -> Signature:
    """The signature of one ``lstat`` or ``fstat`` result."""
    return (
        found.st_mode,
        found.st_nlink,
        found.st_ino,
        found.st_dev,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
    )


@dataclass(slots=True)
class Walked:
    """What lies below a directory, by paths relative to it.

    ``files`` holds everything that is not a directory, links and special files included.
    ``directories`` maps to modes. What could not be entered is in one of the last lists and in
    ``directories``. ``is_complete`` is false when there was more than the limit.
    """

    files: dict[bytes, Signature] = field(default_factory=dict)
    directories: dict[bytes, int] = field(default_factory=dict)
    repositories: list[bytes] = field(default_factory=list)
    unreadable: list[bytes] = field(default_factory=list)
    too_deep: list[bytes] = field(default_factory=list)
    mount_points: list[bytes] = field(default_factory=list)
    is_complete: bool = True


def walk(
    root: int,
    *,
    skip: Container[bytes] = (),
    known: Container[bytes] = (),
    max_entries: int = 1_000_000,
    repair: bool = False,
) -> Walked:
    """Walk the directory open as ``root``.

    ``skip`` are names at the top that are passed over unread. A directory that could be a
    nested ``.git`` is not entered unless its path is ``known``. ``repair`` gives directories
    back the permissions that reading and emptying them takes.
    """
    return _Walk(root, skip, known, max_entries, repair).run()


class _Walk:
    """The state of one walk; one open descriptor a level."""

    def __init__(
        self,
        root: int,
        skip: Container[bytes],
        known: Container[bytes],
        max_entries: int,
        repair: bool,
    ) -> None:
        self.walked = Walked()
        self._root = root
        self._skip = skip
        self._known = known
        self._left = max_entries
        self._repair = repair
        self._device = os.fstat(root).st_dev

    def run(self) -> Walked:
        self._read(self._root, b"", 0)
        return self.walked

    def _read(self, handle: int, prefix: bytes, depth: int) -> None:
        files = self.walked.files
        encode = os.fsencode
        below: list[tuple[str, bytes, os.stat_result]] = []
        with os.scandir(handle) as entries:
            for entry in entries:
                name = encode(entry.name)
                if depth == 0 and name in self._skip:
                    continue
                try:
                    st = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if st.st_mode & 0o170000 == 0o040000:
                    below.append((entry.name, prefix + name, st))
                else:  # spelled out: a call of `signature` for each file costs a quarter more
                    files[prefix + name] = (
                        st.st_mode,
                        st.st_nlink,
                        st.st_ino,
                        st.st_dev,
                        st.st_size,
                        st.st_mtime_ns,
                        st.st_ctime_ns,
                    )
                self._left -= 1
                if self._left < 0:
                    self.walked.is_complete = False
                    return
        for text, path, st in below:
            self._enter(handle, text, path, st, depth + 1)
            if not self.walked.is_complete:
                return

    def _enter(
        self, parent: int, text: str, path: bytes, found: os.stat_result, depth: int
    ) -> None:
        walked = self.walked
        walked.directories[path] = stat.S_IMODE(found.st_mode)
        if found.st_dev != self._device:
            walked.mount_points.append(path)
        elif takes_for_git(os.fsencode(text)) and path not in self._known:
            walked.repositories.append(path)
        elif depth > MAX_DEPTH:
            walked.too_deep.append(path)
        else:
            self._descend(parent, text, path, depth)

    def _descend(self, parent: int, text: str, path: bytes, depth: int) -> None:
        try:
            handle = self._open(parent, text)
        except OSError:
            self.walked.unreadable.append(path)
            return
        try:
            self._read(handle, path + b"/", depth)
        except PermissionError:  # a directory that may be listed but not entered
            self.walked.unreadable.append(path)
        finally:
            os.close(handle)

    def _open(self, parent: int, text: str) -> int:
        if self._repair:
            return open_repaired(parent, text)
        return os.open(text, OPEN_DIRECTORY, dir_fd=parent)


def open_repaired(parent: int, name: str | bytes) -> int:
    """Open a directory below ``parent`` for emptying, giving its owner all permissions first."""
    handle = _open_or_none(parent, name)
    if handle is None:
        _allow(parent, name)
        return os.open(name, OPEN_DIRECTORY, dir_fd=parent)
    mode = stat.S_IMODE(os.fstat(handle).st_mode)
    if mode & 0o700 != 0o700:
        os.fchmod(handle, 0o700)
    return handle


def _open_or_none(parent: int, name: str | bytes) -> int | None:
    try:
        return os.open(name, OPEN_DIRECTORY, dir_fd=parent)
    except PermissionError:
        return None


def _allow(parent: int, name: str | bytes) -> None:
    """Change a directory's mode without being able to open it, and never through a link."""
    path_only = getattr(os, "O_PATH", None)
    if path_only is None:
        os.chmod(name, 0o700, dir_fd=parent, follow_symlinks=False)
        return
    handle = os.open(name, path_only | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{handle}", 0o700)  # noqa: PTH101 - a descriptor, not a path
    finally:
        os.close(handle)
