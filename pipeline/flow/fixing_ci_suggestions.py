"""A repair as suggestions for a review, for those who may not push: the old lines, the new ones."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.base.git import Repository

_MOST_BYTES = 1024 * 1024
_MOST = 200


@dataclass(frozen=True, slots=True)
class Suggestion:
    """New content for some lines of a file, counted from 1, as the body of a review comment.

    The fields are those of GitHub's API for review comments (side ``RIGHT``); ``start_line`` is
    0 where it is one line only.
    """

    path: str
    start_line: int
    line: int
    body: str


def suggestions(repo: Repository, before: str, after: str) -> tuple[Suggestion, ...]:
    """What changed between two trees, in files that are text in both; at most 200."""
    found: list[Suggestion] = []
    for change in repo.trees.diff(before, after):
        if change.before is None or change.after is None:
            continue
        texts = [_text(repo, entry.oid) for entry in (change.before, change.after)]
        path = _name(change.path)
        if path is not None and texts[0] is not None and texts[1] is not None:
            found += _of_file(path, texts[0], texts[1])
    return tuple(found[:_MOST])


def _of_file(path: str, before: str, after: str) -> Iterator[Suggestion]:
    old, new = before.splitlines(), after.splitlines()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, start, end, at, until in matcher.get_opcodes():
        lines = new[at:until]
        if tag == "insert" and old:  # it has to replace a line that is there
            is_first = start == 0
            kept = old[0] if is_first else old[start - 1]
            with_kept = [*lines, kept] if is_first else [kept, *lines]
            yield Suggestion(path, 0, max(start, 1), _body(with_kept))
        elif tag in ("replace", "delete"):
            yield Suggestion(path, 0 if end - start == 1 else start + 1, end, _body(lines))


def _body(lines: list[str]) -> str:
    longest = max((len(run) for line in lines for run in _runs(line)), default=0)
    mark = "`" * max(3, longest + 1)
    return "\n".join([f"{mark}suggestion", *lines, mark])


def _runs(line: str) -> Iterator[str]:
    run = ""
    for char in line + " ":
        if char == "`":
            run += char
        elif run:
            yield run
            run = ""


def _text(repo: Repository, oid: str) -> str | None:
    kind, data = repo.objects.read(oid)
    if kind != "blob" or len(data) > _MOST_BYTES:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _name(path: bytes) -> str | None:
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        return None
