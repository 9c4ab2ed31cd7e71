"""Seals: whether a directory that is lent to many is still what it was when it was made."""

import hashlib
import os
from pathlib import Path

from pipeline.work.walk import signature

_CACHES = frozenset({b"__pycache__"})
"""What an interpreter writes beside the modules that it loads, whoever asks."""


def seal_of(directory: Path) -> str:
    """A digest of names and of what ``lstat`` says of all that lies in a directory.

    No file is read and no link followed. It changes with every write, also one that puts the same
    bytes back: whoever wrote there had taken back the permission first.
    """
    digest = hashlib.sha256()
    waiting = [os.fsencode(directory)]
    while waiting:
        folder = waiting.pop()
        with os.scandir(folder) as entries:
            found = sorted((e.name, e.path, e.stat(follow_symlinks=False)) for e in entries)
        for name, path, facts in found:
            is_folder = (facts.st_mode & 0o170000) == 0o040000
            if is_folder and name in _CACHES:
                continue
            # A folder's own times change with the caches in it; its names are seen by themselves.
            told = facts.st_mode if is_folder else signature(facts)
            digest.update(repr((path, told)).encode())
            if is_folder:
                waiting.append(path)
    return digest.hexdigest()
