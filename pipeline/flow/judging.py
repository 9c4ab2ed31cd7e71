"""From what a tool changed to what is thought of it: the patch, its text, the objections."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pipeline.base.git import Scratch
from pipeline.check.patch_format import statistics
from pipeline.check.policy import judge_changes
from pipeline.flow.context import RunContext
from pipeline.model.edit import Captured
from pipeline.model.finding import Finding, Severity
from pipeline.model.patch import Objection, Patch, PatchPolicy, Reason
from pipeline.model.scope import Scope
from pipeline.model.workstream import Workstream

T = TypeVar("T")

_SCOPE = frozenset({Reason.SCOPE, Reason.PROTECTED, Reason.UNSAFE_PATH})


@dataclass(frozen=True, slots=True)
class Judged:
    """A change with its patch; ``text`` is the unified diff whose digest is ``patch.id``.

    The patch is everything since the workstream's start, so that it stands alone; ``has_change``
    tells whether this attempt did any of it.
    """

    patch: Patch
    text: bytes
    has_change: bool
    objections: tuple[Objection, ...]

    @property
    def blocking(self) -> tuple[Objection, ...]:
        """The objections that refuse the change."""
        return tuple(o for o in self.objections if o.is_blocking)


def judge(
    context: RunContext,
    ws: Workstream,
    scratch: Scratch,
    captured: Captured,
    *,
    origin_tree: str,
    objections: tuple[Objection, ...] = (),
) -> Judged:
    """Judge what was captured.

    Scope and policy are asked about everything since ``origin_tree``, the workstream's start,
    so that a fix is held to the same contract as the edit before it. ``objections`` are those
    that others found already.
    """
    tree = captured.tree or captured.start_tree
    text = scratch.diff_text(origin_tree, tree)
    changes = (
        captured.changes
        if origin_tree == captured.start_tree
        else scratch.trees.diff(origin_tree, tree)
    )
    found = [*objections, *captured.objections]
    policy = effective_policy(context.config.policy, ws)
    if captured.tree:
        found += judge_changes(
            changes,
            read=scratch.read_blob,
            size=scratch.blob_size,
            siblings=lambda folder: scratch.trees.names(origin_tree, folder),
            scope=Scope(ws.files_scope, ws.files_create),
            protected=context.protected,
            policy=policy,
        )
    patch = _patch(origin_tree, tree, text, [change.path for change in changes], found)
    return Judged(patch, text, tree != captured.start_tree, tuple(found))


def effective_policy(configured: PatchPolicy, ws: Workstream) -> PatchPolicy:
    """The configured policy with what the bundle asks for; validation has held it within."""
    asked = ws.policy
    return replace(
        configured,
        max_files_changed=_first(asked.max_files_changed, configured.max_files_changed),
        max_lines_changed=_first(asked.max_lines_changed, configured.max_lines_changed),
        allow_binary=_first(asked.allow_binary, configured.allow_binary),
        allow_mode_change=_first(asked.allow_mode_change, configured.allow_mode_change),
    )


def as_findings(objections: tuple[Objection, ...]) -> tuple[Finding, ...]:
    """Objections as findings, for feedback and reports."""
    return tuple(
        Finding(
            tool="policy",
            code=o.reason.value,
            message=o.message,
            path=o.path,
            severity=Severity.ERROR if o.is_blocking else Severity.WARNING,
            signature=f"policy::{o.reason.value}::{o.message}",
        )
        for o in objections
    )


def _patch(
    base: str, tree: str, text: bytes, paths: Sequence[bytes], objections: Sequence[Objection]
) -> Patch:
    blocking = {o.reason for o in objections if o.is_blocking}
    added, removed = statistics(text)
    return Patch(
        id=hashlib.sha256(text).hexdigest(),
        base_tree=base,
        result_tree=tree,
        paths=tuple(paths),
        added=added,
        removed=removed,
        size=len(text),
        format_ok=Reason.FORMAT not in blocking,
        scope_ok=not blocking & _SCOPE,
        constraints_ok=not blocking - _SCOPE - {Reason.FORMAT},
    )


def _first(asked: T | None, configured: T) -> T:
    return configured if asked is None else asked
