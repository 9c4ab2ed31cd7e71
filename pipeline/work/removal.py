"""Removing what a tool left, by directory descriptors: never through a link, never elsewhere."""

import contextlib
import errno
import os
import stat
from pathlib import Path

from pipeline.base.errors import UnfitError
from pipeline.work.walk import OPEN_DIRECTORY, open_repaired

_ATTEMPTS = 3


class SlotError(UnfitError):
    """A slot cannot be brought into the state that is wanted; it is given up, not used."""


class Trash:
    """A directory of ours beside the checkout, into which directories are moved to be emptied.

    Moving a directory before it is emptied keeps the depth at one, however deep a tool went, and
    needs one open descriptor. ``OSError`` for a busy or foreign directory (a mount point)
    becomes a SlotError.
    """

    def __init__(self, slot: int) -> None:
        make_directory(slot, b"trash", 0o700)
        self._handle = os.open(b"trash", OPEN_DIRECTORY, dir_fd=slot)
        left = names_in(self._handle)  # by one who was killed while emptying it
        self._count = max((int(name) for name in left if name.isdigit()), default=0)
        self._empty(left)

    def close(self) -> None:
        """Let go of the directory."""
        os.close(self._handle)

    def remove(self, parent: int, name: bytes) -> None:
        """Remove whatever ``name`` is in the directory open as ``parent``; nothing there is fine.

        Raises SlotError when it cannot be removed.
        """
        try:
            if not _unlink(parent, name):
                self._empty([self._take(parent, name)])
        except FileNotFoundError:
            return
        except OSError as problem:
            raise SlotError(
                f"{name!r} in a slot cannot be removed: {problem.strerror}.",
                remedy="Look for a mount or an immutable file there, then remove the slot.",
            ) from problem

    def _take(self, parent: int, name: bytes) -> bytes:
        os.close(open_repaired(parent, name))  # moving a directory needs to write to it
        self._count += 1
        taken = b"%d" % self._count
        os.rename(name, taken, src_dir_fd=parent, dst_dir_fd=self._handle)
        return taken

    def _empty(self, pending: list[bytes]) -> None:
        while pending:
            name = pending[-1]
            try:
                handle = open_repaired(self._handle, name)
            except NotADirectoryError:
                os.unlink(name, dir_fd=self._handle)
                pending.pop()
                continue
            try:
                for below in names_in(handle):
                    if not _unlink(handle, below):
                        pending.append(self._take(handle, below))
            finally:
                os.close(handle)
            if pending[-1] == name:
                os.rmdir(name, dir_fd=self._handle)
                pending.pop()


def names_in(directory: int) -> list[bytes]:
    """The names in an open directory, as bytes."""
    return [os.fsencode(name) for name in os.listdir(directory)]


def _unlink(parent: int, name: bytes) -> bool:
    """Remove a name that is no directory; False when it is one."""
    for _ in range(_ATTEMPTS):
        try:
            os.unlink(name, dir_fd=parent)
        except IsADirectoryError:
            return False
        except PermissionError as problem:
            if problem.errno == errno.EPERM and _is_directory(parent, name):
                return False
            os.fchmod(parent, 0o755)
        else:
            return True
    os.unlink(name, dir_fd=parent)
    return True


def _is_directory(parent: int, name: bytes) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def make_directory(parent: int, name: bytes, mode: int) -> None:
    """Make sure that ``name`` is a directory of that mode, and no link to one."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, mode, dir_fd=parent)
    try:
        handle = os.open(name, OPEN_DIRECTORY, dir_fd=parent)
    except NotADirectoryError:
        os.unlink(name, dir_fd=parent)
        os.mkdir(name, mode, dir_fd=parent)
        handle = os.open(name, OPEN_DIRECTORY, dir_fd=parent)
    except PermissionError:
        handle = open_repaired(parent, name)
    try:
        if os.fstat(handle).st_mode & 0o7777 != mode:
            os.fchmod(handle, mode)
    finally:
        os.close(handle)


def empty_directory(slot: int, trash: Trash, name: bytes, mode: int = 0o700) -> None:
    """Make sure that ``name`` in a slot is a directory with nothing in it."""
    make_directory(slot, name, mode)
    handle = os.open(name, OPEN_DIRECTORY, dir_fd=slot)
    try:
        for found in names_in(handle):
            trash.remove(handle, found)
    finally:
        os.close(handle)


def remove_slot(directory: Path) -> None:
    """Remove a whole slot directory, which must be ours and in use by nobody."""
    slot = os.open(directory, OPEN_DIRECTORY)
    try:
        trash = Trash(slot)
        try:
            for name in names_in(slot):
                if name != b"trash":
                    trash.remove(slot, name)
        finally:
            trash.close()
        os.rmdir("trash", dir_fd=slot)
    finally:
        os.close(slot)
    directory.rmdir()


def remove_by_way_of(beside: Path, target: Path) -> None:
    """Remove whatever ``target`` is, by way of a directory ``beside`` that nobody else uses."""
    own, parent = os.open(beside, OPEN_DIRECTORY), os.open(target.parent, OPEN_DIRECTORY)
    try:
        trash = Trash(own)
        try:
            trash.remove(parent, os.fsencode(target.name))
        finally:
            trash.close()
    finally:
        os.close(own)
        os.close(parent)
