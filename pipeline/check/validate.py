"""From the bytes of a patch to the tree that it makes and everything that is wrong with it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from pipeline.base.console import safe
from pipeline.base.git import (
    GITLINK,
    PatchRejectedError,
    Scratch,
    TreeChange,
    TreeEntry,
)
from pipeline.check.content import LineCount
from pipeline.check.patch_binary import apply_fragment
from pipeline.check.patch_format import PatchText, Section, read_patch
from pipeline.check.patch_hunks import apply_hunks
from pipeline.check.policy import Done, judge_changes, path_objections
from pipeline.model.patch import Objection, Patch, PatchPolicy, Reason
from pipeline.model.scope import Protected, Scope

_SHOWN_REASON = 500  # characters of what git says
_FORMAT = frozenset({Reason.FORMAT, Reason.EMPTY})
_SCOPE = frozenset({Reason.SCOPE, Reason.PROTECTED, Reason.UNSAFE_PATH})


@dataclass(frozen=True, slots=True)
class Validation:
    """What is thought of a patch.

    ``patch.result_tree`` (in the scratch it was applied in) is empty and ``changes`` are none
    where the patch could not be applied.
    """

    patch: Patch
    changes: tuple[TreeChange, ...]
    objections: tuple[Objection, ...]

    @property
    def is_accepted(self) -> bool:
        """Whether nothing refuses it; flags may remain."""
        return not any(objection.is_blocking for objection in self.objections)


def validate_patch(
    data: bytes,
    *,
    start_tree: str,
    scratch: Scratch,
    scope: Scope,
    protected: Protected,
    policy: PatchPolicy,
) -> Validation:
    """Judge a patch: its size, its grammar, its place, its tree.

    It has to fit in the very lines that it names, by our reading and by git's, and both have to
    make the same files of it. Objects go to the scratch alone; nothing else is touched.
    """
    text = read_patch(data, policy)
    if not isinstance(text, PatchText):
        return Validation(_patch(data, start_tree, "", {}, text), (), text)
    objections = _misfits(text, start_tree, scratch)
    if not objections:
        try:
            applied = scratch.apply_patch(start_tree, data)
        except PatchRejectedError as error:
            reason = safe(error.reason, _SHOWN_REASON)
            objections = (Objection(Reason.FORMAT, f"The patch does not apply: {reason}."),)
    if objections:
        objections += _path_objections(text, scope, protected, policy)
        patch = _patch(data, start_tree, "", text.statistics, objections)
        return Validation(patch, (), objections)
    objections = _disagreements(text, applied.changes, scratch) + judge_changes(
        applied.changes,
        read=scratch.read_blob,
        size=scratch.blob_size,
        siblings=lambda folder: scratch.trees.names(start_tree, folder),
        scope=scope,
        protected=protected,
        policy=policy,
        statistics=text.statistics,
    )
    patch = _patch(data, start_tree, applied.tree, text.statistics, objections)
    return Validation(patch, applied.changes, objections)


def check_text(
    data: bytes,
    changes: Sequence[TreeChange],
    *,
    start_tree: str,
    scratch: Scratch,
    policy: PatchPolicy,
) -> tuple[Objection, ...]:
    """Whether a patch that was applied already is well formed and says what it did.

    ``changes`` are what the tree that it made differs in from ``start_tree``; what they may be is
    for `judge_changes`.
    """
    text = read_patch(data, policy)
    if not isinstance(text, PatchText):
        return text
    return _misfits(text, start_tree, scratch) or _disagreements(text, changes, scratch)


def _patch(
    data: bytes,
    start_tree: str,
    tree: str,
    statistics: Mapping[bytes, LineCount],
    objections: Sequence[Objection],
) -> Patch:
    """The patch's record; what could not be judged without a tree stays open."""
    blocking = {objection.reason for objection in objections if objection.is_blocking}
    lines = sum(statistics.values(), LineCount())
    is_judged, is_read = bool(tree), bool(statistics)
    constraints = blocking - _SCOPE - _FORMAT
    return Patch(
        id=hashlib.sha256(data).hexdigest(),
        base_tree=start_tree,
        result_tree=tree,
        paths=tuple(sorted(statistics)),
        added=lines.added,
        removed=lines.removed,
        size=len(data),
        format_ok=not blocking & _FORMAT if is_read or blocking & _FORMAT else None,
        scope_ok=not blocking & _SCOPE if is_read else None,
        constraints_ok=not constraints if is_judged or constraints else None,
    )


def _path_objections(
    text: PatchText, scope: Scope, protected: Protected, policy: PatchPolicy
) -> tuple[Objection, ...]:
    """What is wrong with the paths of a patch that does not apply."""
    found: list[Objection] = []
    for path, sections in _by_path(text):
        is_new, is_gone = sections[0].before is None, sections[-1].after is None
        done = Done.CREATED if is_new else Done.DELETED if is_gone else Done.MODIFIED
        found += path_objections(path, done, scope=scope, protected=protected, policy=policy)
    return tuple(found)


def _misfits(text: PatchText, start_tree: str, scratch: Scratch) -> tuple[Objection, ...]:
    """Sections that do not fit the start tree in the place that they name."""
    found = []
    for path, sections in _by_path(text):
        entry = scratch.trees.lookup(start_tree, path)
        if entry is not None and entry.mode == GITLINK:
            continue  # judged as what it is, a submodule
        problem = _misfit(sections, entry, scratch)
        if problem:
            message = f"The patch does not apply to {safe(path)}: {problem}."
            found.append(Objection(Reason.FORMAT, message, path))
    return tuple(found)


def _misfit(sections: Sequence[Section], entry: TreeEntry | None, scratch: Scratch) -> str:
    mode = sections[0].before
    if entry is None:
        return "" if mode is None else "there is no such file"
    if mode is None:
        # A folder gives way to a file where the same patch empties it; git sees whether it does.
        return "" if entry.is_directory else "it exists already"
    if entry.is_directory:
        return "it is a directory"
    if mode and mode != entry.mode:
        return f"its mode is {entry.mode:o}, not {mode:o}"
    if _made(sections, scratch.read_blob(entry.oid)) is None:
        return "the lines or bytes that it wants to change are not where it says"
    return ""


def _disagreements(
    text: PatchText, applied: Sequence[TreeChange], scratch: Scratch
) -> tuple[Objection, ...]:
    """Where the tree that git made is not the one that the patch's text says."""
    changes = {change.path: change for change in applied}
    found = [
        Objection(Reason.FORMAT, f"The patch's text and effect on {safe(path)} differ.", path)
        for path in sorted(text.paths ^ changes.keys())
    ]
    for path, sections in _by_path(text):
        change = changes.get(path)
        if change is not None and not _agrees(sections, change, scratch):
            message = f"The patch's text and effect on {safe(path)} differ."
            found.append(Objection(Reason.FORMAT, message, path))
    return tuple(found)


def _agrees(sections: Sequence[Section], change: TreeChange, scratch: Scratch) -> bool:
    before, after = change.before, change.after
    if GITLINK in (before and before.mode, after and after.mode):
        return True  # no bytes to compare; refused for what it is
    mode = sections[-1].after
    made = _made(sections, scratch.read_blob(before.oid) if before else b"")
    if after is None:
        return mode is None and made == b""
    is_same_mode = mode is not None and mode in (0, after.mode)
    return is_same_mode and made == scratch.read_blob(after.oid)


def _made(sections: Sequence[Section], before: bytes) -> bytes | None:
    """What a file's sections make of its bytes; None where they do not fit."""
    data: bytes | None = before
    for section in sections:
        if data is None or (section.before is None and data):
            return None
        if section.binary is not None:
            data = apply_fragment(data, section.binary.forward)
        else:
            data = apply_hunks(data, section.hunks)
        if section.after is None and data:
            return None
    return data


def _by_path(text: PatchText) -> list[tuple[bytes, list[Section]]]:
    return [
        (path, list(sections))
        for path, sections in groupby(text.sections, key=lambda section: section.path)
    ]
