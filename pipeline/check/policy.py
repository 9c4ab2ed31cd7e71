"""The authority on a change: what its tree may differ in, by scope, by name, mode and content."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum

from pipeline.base.console import safe
from pipeline.base.git import SYMLINK, TreeChange, TreeEntry
from pipeline.check.collisions import Siblings, collisions
from pipeline.check.content import (
    LineCount,
    added_lines,
    is_binary,
    line_objections,
    lines_of,
    numbered,
)
from pipeline.check.modes import leads_inside, mode_objections
from pipeline.check.paths import folded_path, is_dot_git, name_doubts, name_problems
from pipeline.model.patch import Objection, PatchPolicy, Reason
from pipeline.model.scope import Protected, Scope

_MAX_TARGET_BYTES = 4096


class Done(Enum):
    """What is done to a path; a rename is a deletion and a creation."""

    CREATED = "created"
    MODIFIED = "modified"
    DELETED = "deleted"


def judge_changes(
    changes: Sequence[TreeChange],
    *,
    read: Callable[[str], bytes],
    size: Callable[[str], int],
    siblings: Siblings,
    scope: Scope,
    protected: Protected,
    policy: PatchPolicy,
    statistics: Mapping[bytes, LineCount] | None = None,
) -> tuple[Objection, ...]:
    """Everything that is wrong with a change of a tree, in the order of its paths.

    ``read`` and ``size`` give a blob's bytes and number of bytes, ``siblings`` the names in one
    directory of the start tree. ``statistics`` are a patch's own counts of lines; without them
    the lines are counted that are not in the other version of a file. A change of more files
    than allowed is judged by paths and modes alone.
    """
    judge = _Judge(read, size, policy)
    ordered = sorted(changes, key=lambda change: change.path)
    moved = {change.before for change in ordered if change.before and change.after is None}
    twins = {} if policy.allow_unsafe_names else collisions(ordered, siblings)
    is_too_many = len(ordered) > policy.max_files_changed
    objections: list[Objection] = []
    for change in ordered:
        objections += path_objections(
            change.path, _done(change), scope=scope, protected=protected, policy=policy
        )
        if change.path in twins:
            objections.append(_collision(change.path, twins[change.path]))
        objections += judge.modes(change, moved)
        if not is_too_many:
            objections += judge.content(change, moved)
    lines = judge.lines if statistics is None else sum(statistics.values(), LineCount())
    return (*volume_objections(len(ordered), lines, policy), *objections)


def path_objections(
    path: bytes, done: Done, *, scope: Scope, protected: Protected, policy: PatchPolicy
) -> Iterator[Objection]:
    """Whether this may be done to a path at all: by scope, protection and its name."""
    shown = safe(path)
    if is_dot_git(path):
        yield Objection(
            Reason.UNSAFE_PATH, f"{shown} is .git itself on some file system: never.", path
        )
    is_new = done is Done.CREATED
    if not (scope.may_create(path) if is_new else scope.may_modify(path)):
        needed = "files_create" if is_new else "files_scope"
        message = f"{shown} is {done.value}, which {needed} does not allow."
        yield Objection(Reason.SCOPE, message, path)
    if is_new:
        yield from name_objections(path, policy)
    is_protected = protected.matches(path) or protected.matches(folded_path(path))
    if is_protected and not scope.grants_literally(path):
        yield Objection(
            Reason.PROTECTED,
            f"{shown} is a protected name; only a bundle that names this very path grants it.",
            path,
        )


def name_objections(path: bytes, policy: PatchPolicy) -> Iterator[Objection]:
    """What is wrong with or doubtful in the name of a file that comes into being."""
    if policy.allow_unsafe_names:
        return
    for problem in name_problems(path):
        yield Objection(Reason.UNSAFE_PATH, f"The path {safe(path)} {problem}.", path)
    for doubt in name_doubts(path):
        yield Objection(
            Reason.UNSAFE_PATH, f"The path {safe(path)} {doubt}.", path, is_blocking=False
        )


class _Judge:
    """Reads blobs; counts lines on the way."""

    def __init__(
        self, read: Callable[[str], bytes], size: Callable[[str], int], policy: PatchPolicy
    ) -> None:
        self._read = read
        self._size = size
        self._policy = policy
        self.lines = LineCount()

    def modes(self, change: TreeChange, moved: set[TreeEntry]) -> Iterator[Objection]:
        """What is wrong with what a path is and becomes: a file, a link, a submodule."""
        after = change.after
        yield from mode_objections(
            change.path,
            change.before.mode if change.before else None,
            after.mode if after else None,
            self._policy,
            is_moved=after in moved,
        )
        if after is not None and after.mode == SYMLINK and self._policy.allow_symlinks:
            is_short = self._size(after.oid) <= _MAX_TARGET_BYTES
            if not is_short or not leads_inside(change.path, self._read(after.oid)):
                message = (
                    f"The link {safe(change.path)} does not lead to a place in the repository."
                )
                yield Objection(Reason.SPECIAL_FILE, message, change.path)

    def content(self, change: TreeChange, moved: set[TreeEntry]) -> Iterator[Objection]:
        """What is wrong with the bytes that a file has now; bytes that only moved are not new."""
        path, before, after = change.path, _file(change.before), _file(change.after)
        if before == after or (before and after and before.oid == after.oid):
            return
        if after is None:
            self.lines += LineCount(0, len(self._lines_before(before)))
            return
        length = self._size(after.oid)
        if length > self._policy.max_file_bytes:
            limit = self._policy.max_file_bytes
            message = f"{safe(path)} has {length} bytes; the limit is {limit}."
            yield Objection(Reason.SIZE, message, path)
            return
        data = self._read(after.oid)
        is_moved = after in moved
        if is_binary(data) and not (self._policy.allow_binary or is_moved):
            message = f"{safe(path)} is binary (it holds a NUL or is not UTF-8)."
            yield Objection(Reason.BINARY, message, path)
            return
        yield from self._new_lines(path, before, data, is_moved=is_moved)

    def _new_lines(
        self, path: bytes, before: TreeEntry | None, data: bytes, *, is_moved: bool
    ) -> Iterator[Objection]:
        old = self._lines_before(before)
        new = lines_of(data)
        added = added_lines(old, numbered(new))
        if b"\0" not in data:
            self.lines += LineCount(len(added), len(old) - (len(new) - len(added)))
        if is_moved:
            return
        policy = self._policy
        if is_binary(data):
            policy = replace(policy, allow_unsafe_text=True)
        takes_crlf = not old or any(line.endswith(b"\r") for line in old)
        yield from line_objections(path, added, takes_crlf=takes_crlf, policy=policy)

    def _lines_before(self, before: TreeEntry | None) -> list[bytes]:
        data = self._read(before.oid) if before is not None else b""
        return [] if b"\0" in data else lines_of(data)


def _file(entry: TreeEntry | None) -> TreeEntry | None:
    return entry if entry is not None and entry.is_regular else None


def _done(change: TreeChange) -> Done:
    if change.before is None:
        return Done.CREATED
    return Done.DELETED if change.after is None else Done.MODIFIED


def _collision(path: bytes, other: bytes) -> Objection:
    message = (
        f"{safe(path)} and {safe(other)} are one name where case or Unicode forms do not count."
    )
    return Objection(Reason.UNSAFE_PATH, message, path)


def volume_objections(files: int, lines: LineCount, policy: PatchPolicy) -> tuple[Objection, ...]:
    """Whether a change is of more files or lines than allowed."""
    found = []
    if files > policy.max_files_changed:
        found.append(f"It changes {files} files; the limit is {policy.max_files_changed}.")
    changed = lines.added + lines.removed
    if changed > policy.max_lines_changed:
        found.append(f"It changes {changed} lines; the limit is {policy.max_lines_changed}.")
    return tuple(Objection(Reason.SIZE, message) for message in found)
