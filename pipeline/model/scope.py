"""Which paths a workstream may touch, and which names need to be granted one by one.

Patterns of a scope match whole paths from the repository's root (see ``pipeline.model.glob``):
``app.py`` is the file at the top, ``**/app.py`` one in any folder, ``src/*`` what lies directly in
``src``, ``src/`` and ``src/**`` everything below it. Case matters.
"""

from collections.abc import Iterable, Sequence

from pipeline.model.glob import Glob, Name, PatternError, one_expression, parse, parse_anywhere


class PathSet:
    """The paths that one of several patterns matches; literal ones are looked up.

    Raises ``PatternError`` for a pattern that cannot be read.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.literals: set[str] = set()
        self.globs: list[Glob] = []
        for pattern in patterns:
            glob = parse_scope(pattern)
            if glob.literal is not None:
                self.literals.add(glob.literal)
            else:
                self.globs.append(glob)

    def matches(self, path: str) -> bool:
        """Whether a path is matched."""
        if path in self.literals:
            return True
        names = path.split("/")
        return any(glob.matches(names) for glob in self.globs)


class Scope:
    """What a bundle grants: ``files_scope`` to modify or delete, ``files_create`` to create.

    Paths are bytes as git has them, relative to the root. Names that are not UTF-8 are compared
    by the code points U+DC80 to U+DCFF that stand for their bytes (``surrogateescape``).
    """

    def __init__(self, files_scope: Sequence[str], files_create: Sequence[str]) -> None:
        self._modify = PathSet(files_scope)
        self._create = PathSet(files_create)

    def may_modify(self, path: bytes) -> bool:
        """Whether an existing file may be changed or deleted."""
        return self._modify.matches(_text(path))

    def may_create(self, path: bytes) -> bool:
        """Whether a file may come into being."""
        return self._create.matches(_text(path))

    def grants_literally(self, path: bytes) -> bool:
        """Whether a bundle names just this path, not by a glob and not by a folder above it."""
        text = _text(path)
        return text in self._modify.literals or text in self._create.literals


class Protected:
    """Names that no glob grants: gitignore-style patterns, a folder's with all that it holds.

    Upper and lower case are the same here: on some file systems they are the same file.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        wildcards: list[Name] = []
        self._names: set[str] = set()
        self._globs: list[Glob] = []
        for pattern in patterns:
            glob = parse_anywhere(pattern.lower())
            # Most are one name in any folder: that is looked up, not walked through.
            name = glob.name_anywhere
            if name is None:
                self._globs.append(glob)
            elif name.literal is None:
                wildcards.append(name)
            else:
                self._names.add(name.literal)
        self._wildcards = one_expression(wildcards)

    def matches(self, path: bytes) -> bool:
        """Whether the path, or a folder that it lies in, is protected."""
        names = _text(path).lower().split("/")
        if not self._names.isdisjoint(names):
            return True
        if any(map(self._wildcards.fullmatch, names)):
            return True
        return any(glob.matches_start(names) for glob in self._globs)


def parse_scope(pattern: str) -> Glob:
    """A pattern of a bundle's scope; raises ``PatternError`` also for ``.git`` as a name."""
    glob = parse(pattern)
    for segment in glob.segments:
        if segment is not None and segment.literal and segment.literal.lower() == ".git":
            raise PatternError("names `.git`, which no workstream may touch")
    return glob


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
