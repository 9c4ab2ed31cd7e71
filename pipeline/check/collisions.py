"""Names that become one and the same where case or Unicode forms do not count."""

from collections.abc import Callable, Iterable, Sequence

from pipeline.base.git import TreeChange
from pipeline.check.paths import folded

Siblings = Callable[[bytes], Iterable[bytes]]


def collisions(changes: Sequence[TreeChange], siblings: Siblings) -> dict[bytes, bytes]:
    """Paths that come into being and the other path that each would be mistaken for.

    ``siblings`` gives the names in one directory of the start tree (``b""`` for its top, nothing
    for what is no directory); it is asked about directories that get something new, no others.
    """
    gone = {change.path for change in changes if change.after is None}
    directories = _Directories(siblings, gone)
    found = {}
    for change in changes:
        if change.before is None:
            other = directories.add(change.path)
            if other is not None:
                found[change.path] = other
    return found


class _Directories:
    """The names in use, by directory and by what they are compared by."""

    def __init__(self, siblings: Siblings, gone: set[bytes]) -> None:
        self._siblings = siblings
        self._gone = gone
        self._names: dict[bytes, dict[str, list[bytes]]] = {}

    def add(self, path: bytes) -> bytes | None:
        """Put a path to the names in use; the path of another that it collides with, or None."""
        folder, collision = b"", None
        for name in path.split(b"/"):
            twins = self._in(folder).setdefault(folded(name), [])
            for twin in twins:
                other = _join(folder, twin)
                if twin != name and collision is None and not self._is_vacated(other):
                    collision = other
            if name not in twins:
                twins.append(name)
            folder = _join(folder, name)
        return collision

    def _in(self, folder: bytes) -> dict[str, list[bytes]]:
        found = self._names.get(folder)
        if found is None:
            found = self._names[folder] = {}
            for name in self._siblings(folder):
                found.setdefault(folded(name), []).append(name)
        return found

    def _is_vacated(self, path: bytes) -> bool:
        """Whether the change deletes a path of the start tree, or all that is below it."""
        if path in self._gone:
            return True
        below = list(self._siblings(path))
        return bool(below) and all(self._is_vacated(_join(path, name)) for name in below)


def _join(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name
