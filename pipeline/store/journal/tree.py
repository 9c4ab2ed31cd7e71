"""The files of a journal as one tree, of which only changed directories are written anew."""

from collections.abc import Callable, Iterable, Iterator

from pipeline.base.git import DIRECTORY, FILE, TreeEntry
from pipeline.base.git.trees import serialise_tree

_ROOT = b""


class FileTree:
    """Paths and the ids of their blobs, by directory."""

    def __init__(self, files: Iterable[tuple[bytes, str]] = ()) -> None:
        self._folders: dict[bytes, dict[bytes, TreeEntry]] = {_ROOT: {}}
        self._changed: set[bytes] = {_ROOT}
        for path, oid in files:
            self.put(path, oid)

    def get(self, path: bytes) -> str | None:
        """The blob at a path."""
        folder, _, name = path.rpartition(b"/")
        entry = self._folders.get(folder, {}).get(name)
        return entry.oid if entry else None

    def below(self, folder: bytes) -> Iterator[bytes]:
        """The paths of the files in one directory, sorted."""
        for name, entry in sorted(self._folders.get(folder, {}).items()):
            if not entry.is_directory:
                yield folder + b"/" + name

    def put(self, path: bytes, oid: str) -> None:
        """Let a file be this blob."""
        folder, _, name = path.rpartition(b"/")
        self._folders.setdefault(folder, {})[name] = TreeEntry(FILE, oid)
        while folder not in self._changed:
            self._changed.add(folder)
            folder = folder.rpartition(b"/")[0]

    def write(self, write: Callable[[str, bytes], str]) -> str:
        """Write the changed trees, the deepest first; returns the id of the root."""
        root = ""
        self._changed.add(_ROOT)
        for folder in sorted(self._changed, key=_depth, reverse=True):
            root = write("tree", serialise_tree(self._folders.setdefault(folder, {})))
            if folder != _ROOT:
                above, _, name = folder.rpartition(b"/")
                self._folders.setdefault(above, {})[name] = TreeEntry(DIRECTORY, root)
        self._changed.clear()
        return root


def _depth(folder: bytes) -> int:
    return folder.count(b"/") + 1 if folder else 0
