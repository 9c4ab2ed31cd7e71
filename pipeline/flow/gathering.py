"""Gathering what a prompt is made of, from trees alone: never from a person's working tree."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.base.errors import InputError
from pipeline.base.git import ObjectTooLargeError, Repository, TreeEntry
from pipeline.model.config import Config
from pipeline.model.finding import Finding
from pipeline.model.scope import PathSet
from pipeline.model.workstream import Workstream
from pipeline.work.prompts.material import (
    SOURCE_LIMIT,
    Excerpt,
    Kind,
    Part,
    Piece,
    Relevance,
    TemplateText,
)

_FILE_BYTES = 128 * 1024
_ALL_BYTES = 1024 * 1024
_FILES = 400
_NEIGHBOURS = 40
_DOCUMENTS = 40
_AROUND = 5
_EXCERPTS = 40
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Ground:
    """Where prompts are gathered from; templates and conventions are those of ``base_commit``."""

    repo: Repository
    config: Config
    base_commit: str
    workstreams: Mapping[str, Workstream] = field(default_factory=dict)

    @property
    def base_tree(self) -> str:
        """The tree that the run started from."""
        return self.repo.commit_tree(self.base_commit)


@dataclass(slots=True)
class _Reader:
    """Reads text files of one tree within bounds, and remembers what it could not read."""

    repo: Repository
    tree: str
    left: int = _ALL_BYTES
    unread: dict[str, list[str]] = field(default_factory=dict)

    def text(self, path: str, entry: TreeEntry | None = None) -> str | None:
        """A regular file's text, ``None`` where there is none, or too much of it."""
        found = entry or self.repo.trees.lookup(self.tree, _raw(path))
        if found is None or not found.is_regular:
            return None
        try:
            data = self.repo.objects.read_kind(found.oid, "blob", _FILE_BYTES)
        except ObjectTooLargeError:
            self._leave(path, "too large")
            return None
        if b"\0" in data or len(data) > self.left:
            self._leave(path, "not text" if b"\0" in data else "too much together")
            return None
        self.left -= len(data)
        return data.decode("utf-8", "backslashreplace")

    def _leave(self, path: str, why: str) -> None:
        self.unread.setdefault(why, []).append(path)

    def sentences(self) -> Iterator[str]:
        """What was not read, for the model."""
        for why, paths in self.unread.items():
            more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
            names = ", ".join(f"`{path}`" for path in paths[:_NAMED])
            yield f"Files that are {why}: {names}{more}."


def template_of(ground: Ground, kind: Kind) -> TemplateText | None:
    """The repository's own template of a kind, ``None`` where it has none.

    Raises InputError for one that is no text or too long.
    """
    folder = ground.config.prompts.directory.strip("/")
    if not folder:
        return None
    name = f"{folder}/{kind.template}"
    entry = ground.repo.trees.lookup(ground.base_tree, _raw(name))
    if entry is None or not entry.is_regular:
        return None
    try:
        data = ground.repo.objects.read_kind(entry.oid, "blob", SOURCE_LIMIT)
        return TemplateText(name, data.decode("utf-8"))
    except (ObjectTooLargeError, UnicodeDecodeError) as error:
        raise InputError(
            f"The template {name} is not UTF-8 text of at most {SOURCE_LIMIT} bytes.",
            remedy="Correct and commit it; docs/prompts.md tells what templates may say.",
        ) from error


def gather_pieces(
    ground: Ground, ws: Workstream, tree: str, findings: Sequence[Finding]
) -> tuple[tuple[Piece, ...], tuple[str, ...]]:
    """What of a workstream's tree and of the base is shown, and sentences on what is not.

    In the order in which prompts show it: conventions, the OpenSpec change, the files in scope,
    what they import.
    """
    base, now = _Reader(ground.repo, ground.base_tree), _Reader(ground.repo, tree)
    pieces = [*_conventions(base, ground.config.prompts.context), *_change(now, ws)]
    files = list(_files(now, ws, findings))
    pieces += sorted(files, key=lambda piece: piece.path)
    pieces += _neighbours(now, files, findings)
    return tuple(pieces), (*base.sentences(), *now.sentences())


def excerpts_of(ground: Ground, tree: str, findings: Sequence[Finding]) -> tuple[Excerpt, ...]:
    """The lines around findings, five on each side, as they are in the tree; numbered."""
    lines_of: dict[str, set[int]] = {}
    for finding in findings:
        if finding.path and finding.line > 0:
            lines_of.setdefault(_shown(finding.path), set()).add(finding.line)
    reader = _Reader(ground.repo, tree)
    found: list[Excerpt] = []
    for path, wanted in lines_of.items():
        text = reader.text(path)
        if text is None:
            continue
        lines = text.split("\n")
        for first, last in _windows(wanted, len(lines)):
            numbered = (f"{n:>5} {lines[n - 1]}\n" for n in range(first, last + 1))
            found.append(Excerpt(path, "".join(numbered)))
            if len(found) == _EXCERPTS:
                return tuple(found)
    return tuple(found)


def _windows(wanted: Iterable[int], count: int) -> list[tuple[int, int]]:
    """First and last line of each stretch of lines to show; those that touch are one."""
    windows: list[tuple[int, int]] = []
    for line in sorted(line for line in wanted if line <= count):
        first, last = max(1, line - _AROUND), min(count, line + _AROUND)
        if windows and first <= windows[-1][1] + 1:
            windows[-1] = (windows[-1][0], last)
        else:
            windows.append((first, last))
    return windows


def _conventions(reader: _Reader, wanted: Sequence[str]) -> Iterator[Piece]:
    seen: set[str] = set()
    for path, entry in _documents(reader, wanted):
        if entry.oid in seen:
            continue  # CLAUDE.md is often a copy of AGENTS.md
        seen.add(entry.oid)
        text = reader.text(path, entry)
        if text:
            yield Piece(Part.CONVENTION, path, text, Relevance.CONVENTION)


def _change(reader: _Reader, ws: Workstream) -> Iterator[Piece]:
    if not ws.openspec_change:
        return
    folder = f"openspec/changes/{ws.openspec_change}"
    names = ("proposal.md", "design.md", "tasks.md", "specs/")
    for path, entry in _documents(reader, [f"{folder}/{name}" for name in names]):
        text = reader.text(path, entry)
        if text:
            yield Piece(Part.CHANGE, path, text, Relevance.CHANGE)


def _documents(reader: _Reader, wanted: Sequence[str]) -> Iterator[tuple[str, TreeEntry]]:
    """Files, and what is below folders, which end in a slash."""
    count = 0
    for name in wanted:
        path = name.strip("/")
        entry = reader.repo.trees.lookup(reader.tree, _raw(path))
        if entry is None:
            continue
        below = {b"": entry}
        if entry.is_directory:
            below = reader.repo.trees.flatten(entry.oid) if name.endswith("/") else {}
        for rest, one in below.items():
            if one.is_regular and count < _DOCUMENTS:
                count += 1
                yield f"{path}/{_shown(rest)}" if rest else path, one


def _files(reader: _Reader, ws: Workstream, findings: Sequence[Finding]) -> Iterator[Piece]:
    """The files in scope, the most relevant first, as far as they can be read."""
    named = {_shown(finding.path) for finding in findings if finding.path}
    said = "\n".join((ws.title, ws.description, *ws.tasks))
    scope = PathSet(ws.files_scope)
    ranked = sorted(
        (-_relevance(path, scope, named, said), path) for path in _paths_in_scope(reader, scope)
    )
    if len(ranked) > _FILES:
        reader.unread["too many"] = [path for _, path in ranked[_FILES:]]
    for relevance, path in ranked[:_FILES]:
        text = reader.text(path)
        if text is not None:
            yield Piece(Part.FILE, path, text, Relevance(-relevance))


def _paths_in_scope(reader: _Reader, scope: PathSet) -> Iterator[str]:
    trees = reader.repo.trees
    if not scope.globs:
        yield from (p for p in scope.literals if trees.lookup(reader.tree, _raw(p)))
        return
    for path, entry in trees.flatten(reader.tree).items():
        text = path.decode("utf-8", "surrogateescape")
        if entry.is_regular and scope.matches(text):
            yield text


def _relevance(path: str, scope: PathSet, named: set[str], said: str) -> Relevance:
    if path in named:
        return Relevance.CERTAIN
    if path in scope.literals:
        return Relevance.LITERAL
    return Relevance.MENTIONED if posixpath.basename(path) in said else Relevance.PATTERN


def _neighbours(
    reader: _Reader, files: Sequence[Piece], findings: Sequence[Finding]
) -> Iterator[Piece]:
    """Files out of scope that findings name, and signatures of what files in scope import."""
    from pipeline.work.prompts.imports import imported_files
    from pipeline.work.prompts.outline import outline

    known = {piece.path for piece in files}
    wanted = {
        _shown(finding.path): Relevance.CERTAIN
        for finding in findings
        if finding.path and _shown(finding.path) not in known
    }

    def exists(path: str) -> bool:
        entry = reader.repo.trees.lookup(reader.tree, _raw(path))
        return entry is not None and entry.is_regular

    for piece in files:
        for path in imported_files(piece.path, piece.text, exists):
            if path not in known:
                wanted.setdefault(path, Relevance.NEIGHBOUR)
    for path, relevance in list(wanted.items())[:_NEIGHBOURS]:
        text = reader.text(path)
        if text and relevance is Relevance.NEIGHBOUR:
            # To use a module its signatures are enough; an agent can read the rest itself.
            text = outline(path, text)
        if text:
            yield Piece(Part.NEIGHBOUR, path, text, relevance, relevance is Relevance.NEIGHBOUR)


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
