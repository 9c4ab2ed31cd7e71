"""Which untracked paths are a tool's caches, to be dropped from what is captured."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

DEFAULT_DISCARD = (
    "__pycache__/",
    "*.pyc",
    "*.pyo",
    ".pytest_cache/",
    ".ruff_cache/",
    ".mypy_cache/",
    ".hypothesis/",
    ".tox/",
    ".nox/",
    ".coverage",
    ".coverage.*",
    ".eslintcache",
    ".DS_Store",
)


class Discard:
    """Gitignore-style patterns, asked for paths that the start tree does not have.

    An empty list of patterns stands for ``DEFAULT_DISCARD``. A directory that matches takes all
    below it along.
    """

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = patterns or DEFAULT_DISCARD
        self._spec: GitIgnoreSpec | None = None
        self._directories: dict[bytes, bool] = {}

    def covers(self, path: bytes) -> bool:
        """Whether an untracked path is dropped; a directory's path ends in ``/``."""
        parent, _, _ = path.rstrip(b"/").rpartition(b"/")
        return (bool(parent) and self._covers_directory(parent)) or self._matches(path)

    def _covers_directory(self, path: bytes) -> bool:
        found = self._directories.get(path)
        if found is None:
            found = self._directories[path] = self.covers(path + b"/")
        return found

    def _matches(self, path: bytes) -> bool:
        if self._spec is None:
            from pathspec import GitIgnoreSpec  # costs start-up time, often unused

            self._spec = GitIgnoreSpec.from_lines(self._patterns)
        return self._spec.match_file(path.decode("utf-8", "surrogateescape"))
