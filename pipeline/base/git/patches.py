"""Differences of trees as patches, and patches applied to trees, in a scratch index."""

import contextlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.git.binary_growth import grown_size
from pipeline.base.git.engine import Engine
from pipeline.base.git.errors import ObjectTooLargeError, PatchRejectedError, TreeEditError
from pipeline.base.git.invoke import run_git
from pipeline.base.git.objects import Objects
from pipeline.base.git.plain_patches import LARGEST, NotPlainError, plain_edits
from pipeline.base.git.trees import TreeChange, TreeEntry, Trees

APPLY_TIMEOUT_S = 60.0
LARGEST_GROWTH = 16 << 20  # bytes that the binary hunks of one patch may make
DIFF_FLAGS = (
    "-r",
    "-p",
    "--binary",
    "--full-index",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--unified=3",
    "--inter-hunk-context=0",
    "--diff-algorithm=histogram",
    "--indent-heuristic",
    "--submodule=short",
    "--ignore-submodules=none",
)
_APPLY_FLAGS = ("--cached", "-p1", "--whitespace=nowarn", "--verbose")
# What `git apply --verbose` says when a hunk did not go where its header says (LC_ALL=C).
_INEXACT = re.compile(rb"^(Hunk #\d+ succeeded at .*|Context reduced to .*)$", re.MULTILINE)
_KEPT_INDEXES = 16


@dataclass(frozen=True, slots=True)
class Applied:
    """The tree that a patch made, and how it differs from the one it was applied to."""

    tree: str
    changes: tuple[TreeChange, ...]


class PatchDesk:
    """Applies patches to trees through an index; objects made go to one object directory."""

    def __init__(
        self, engine: Engine, objects: Objects, trees: Trees, indexes: Path, *extra: Path
    ) -> None:
        self._engine = engine
        self._objects = objects
        self._trees = trees
        self._indexes = indexes
        self._env = engine.environment(objects.loose.path, *extra)

    def apply(self, tree: str, patch: bytes, *, is_exact: bool = True) -> Applied:
        """Apply a patch to a tree; raises PatchRejectedError, and then nothing has changed.

        With ``is_exact`` each hunk has to apply at the line that its header names. What the
        changes are allowed to be (links, modes, names) is for others to judge: they are reported
        as trees tell them.
        """
        grown = grown_size(patch)
        if grown > LARGEST_GROWTH:
            raise PatchRejectedError(f"its binary hunks make {grown} bytes")
        try:
            result = self._apply_plainly(tree, patch)
        except NotPlainError:
            result = self._apply_by_git(tree, patch, is_exact=is_exact)
        changes = self._trees.diff(tree, result)
        if not changes:
            raise PatchRejectedError("it changes nothing")
        return Applied(result, changes)

    def _apply_plainly(self, tree: str, patch: bytes) -> str:
        try:
            edits = plain_edits(
                patch,
                lambda path: self._trees.lookup(tree, path),
                lambda oid: self._objects.read_kind(oid, "blob", LARGEST),
            )
            changes = [
                (edit.path, None if edit.data is None else self._entry(edit.mode, edit.data))
                for edit in edits
            ]
            return self._trees.edit(tree, changes)
        except (TreeEditError, ObjectTooLargeError):
            raise NotPlainError from None

    def _entry(self, mode: int, data: bytes) -> TreeEntry:
        return TreeEntry(mode, self._objects.write("blob", data))

    def _apply_by_git(self, tree: str, patch: bytes, *, is_exact: bool) -> str:
        index = self._index_of(tree)
        try:
            self._run_apply(index, patch, is_exact=is_exact)
            made = run_git(("write-tree",), cwd=self._engine.git_dir, env=self._with(index))
        finally:
            index.unlink(missing_ok=True)
            index.with_name(index.name + ".lock").unlink(missing_ok=True)
        return made.out.decode("ascii").strip()

    def _run_apply(self, index: Path, patch: bytes, *, is_exact: bool) -> None:
        done = run_git(
            ("apply", *_APPLY_FLAGS, "-"),
            cwd=self._engine.git_dir,
            env=self._with(index),
            stdin=patch,
            ok=range(256),
            timeout_s=APPLY_TIMEOUT_S,
        )
        if done.code != 0:
            raise PatchRejectedError(f"git apply refuses it: {_complaint(done.err)}")
        inexact = _INEXACT.search(done.err)
        if is_exact and inexact:
            where = inexact[0].decode("utf-8", "backslashreplace")
            raise PatchRejectedError(f"it applies only at another place: {where}")

    def _with(self, index: Path) -> dict[str, str]:
        return self._env | {"GIT_INDEX_FILE": str(index)}

    def _index_of(self, tree: str) -> Path:
        """A fresh index that holds a tree; many patches on one tree cost one reading of it."""
        # What only this object directory holds is kept beside it: others cannot see that tree.
        folder = self._indexes if self._objects.loose.has(tree) else self._engine.indexes
        kept = folder / tree
        handle, name = tempfile.mkstemp(prefix="work-", dir=folder)
        os.close(handle)
        work = Path(name)
        try:
            shutil.copyfile(kept, work)
            os.utime(kept)
        except FileNotFoundError:
            work.unlink()  # git takes an empty file for a damaged index
            if tree != self._objects.empty_tree:
                run_git(("read-tree", tree), cwd=self._engine.git_dir, env=self._with(work))
                _keep(work, kept)
        return work


def _keep(work: Path, kept: Path) -> None:
    copy = work.with_name(work.name + ".keep")
    shutil.copyfile(work, copy)
    copy.replace(kept)
    ages = []
    for path in kept.parent.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another thread may be tidying, too
            if "-" not in path.name:
                ages.append((path.stat().st_mtime_ns, path))
    for _, old in sorted(ages)[:-_KEPT_INDEXES]:
        old.unlink(missing_ok=True)


def _complaint(err: bytes) -> str:
    lines = err.decode("utf-8", "backslashreplace").splitlines()
    errors = [line for line in lines if line.startswith(("error:", "fatal:"))]
    return "; ".join(errors[:5]) or "it gives no reason"
