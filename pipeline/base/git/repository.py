"""One git repository: where it is, and everything that may be asked of it."""

import os
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git import history, status
from pipeline.base.git.differ import Differ
from pipeline.base.git.engine import Engine
from pipeline.base.git.errors import GitError
from pipeline.base.git.history import CommitInfo, Identity
from pipeline.base.git.invoke import (
    DEFAULT_TIMEOUT_S,
    base_environment,
    person_environment,
    require_git,
    run_git,
)
from pipeline.base.git.merge import Merge, Merger
from pipeline.base.git.objects import Objects
from pipeline.base.git.refs import Refs
from pipeline.base.git.remotes import Remotes
from pipeline.base.git.scratch import Scratch, ScratchRooms
from pipeline.base.git.trees import Trees
from pipeline.base.process import Completed


class Repository:
    """An open repository; close it, or use it in a ``with`` block, to end what it keeps running.

    ``git_dir`` is the worktree's own, ``common_dir`` the one all worktrees share, ``top`` the
    checkout's directory (None when opened from inside a git directory).
    """

    def __init__(
        self,
        *,
        git_dir: Path,
        common_dir: Path,
        top: Path | None,
        object_format: str,
        engine_root: Path | None = None,
    ) -> None:
        self.git_dir = git_dir
        self.common_dir = common_dir
        self.top = top
        self.object_format = object_format
        objects_dir = common_dir / "objects"
        self._engine = Engine(objects_dir, object_format, root=engine_root)
        self.objects = Objects(self._engine, objects_dir)
        self.trees = Trees(self.objects)
        self.refs = Refs(common_dir, object_format, self.objects.flush)
        self.remotes = Remotes(common_dir, object_format, self.objects.flush, cwd=top)
        self._differ = Differ(self._engine, objects_dir)
        self._rooms = ScratchRooms(self._engine, objects_dir)
        self._merger = Merger(self._engine, self.objects, self.trees)

    @classmethod
    def discover(cls, start: Path, *, engine_root: Path | None = None) -> "Repository":
        """The repository that ``start`` (a directory) is in; variables of the caller play no part.

        Raises UnfitError: git missing or too old, no repository, a bare one, one that git will
        not use because it belongs to another user.
        """
        require_git()
        if not start.is_dir():
            raise UnfitError(f"{start} is not a directory.")
        facts = _ask(
            start,
            "--is-bare-repository",
            "--show-object-format",
            "--is-inside-work-tree",
            "--absolute-git-dir",
        ).split(b"\n", 3)
        bare, object_format, inside, named = facts
        git_dir = Path(os.fsdecode(named))
        if bare == b"true":
            raise UnfitError(
                f"{git_dir} is a bare repository.", remedy="Run this in a clone with a checkout."
            )
        top = Path(os.fsdecode(_ask(start, "--show-toplevel"))) if inside == b"true" else None
        return cls(
            git_dir=git_dir,
            common_dir=_common_dir(git_dir),
            top=top,
            object_format=object_format.decode("ascii"),
            engine_root=engine_root,
        )

    def __enter__(self) -> "Repository":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End what git keeps running and remove the private git directory."""
        self.refs.close()
        self._rooms.close()
        self._differ.close()
        self.objects.close()
        self._engine.close()

    def git(
        self,
        *args: str | bytes,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        ok: Container[int] = (0,),
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Completed:
        """A git command on objects: it sees the objects, but no refs, checkout or configuration."""
        around = self._engine.environment() | dict(env or {})
        return run_git(
            args, cwd=self._engine.git_dir, env=around, stdin=stdin, ok=ok, timeout_s=timeout_s
        )

    def shared_git(
        self, *args: str | bytes, stdin: bytes = b"", ok: Container[int] = (0,)
    ) -> Completed:
        """A git command in the common directory: refs and configuration, no checkout, no hooks."""
        env = base_environment() | {"GIT_DIR": str(self.common_dir)}
        return run_git(args, cwd=self.common_dir, env=env, stdin=stdin, ok=ok)

    def resolve_commit(self, rev: str) -> str:
        """The commit that a revision names in this worktree, tags peeled.

        Raises InputError where it names none, UnfitError where there is no commit at all yet.
        """
        env = base_environment() | {"GIT_DIR": str(self.git_dir)}
        args = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
        if "\0" in rev or "\n" in rev:
            raise InputError(
                f"{rev!r} does not name a commit here.",
                remedy="Give a branch, a tag or a commit id that exists.",
            )
        done = run_git(args, cwd=self.top or self.git_dir, env=env, ok=(0, 1, 128))
        oid = done.out.decode("ascii", "replace").strip()
        if done.code == 0 and oid:
            return oid
        if not self.refs.list():
            raise UnfitError(
                f"{self.top or self.git_dir} has no commit yet.",
                remedy="Commit something first: a run starts from a commit.",
            )
        raise InputError(
            f"{rev!r} does not name a commit here.",
            remedy="Give a branch, a tag or a commit id that exists.",
        )

    def commit_tree(self, commit: str) -> str:
        """The tree of a commit."""
        return self.read_commit(commit).tree

    def read_commit(self, oid: str) -> CommitInfo:
        """A commit's values; raises MissingObjectError or MalformedObjectError."""
        return history.read_commit(self.objects, oid)

    def first_parents(self, base: str, tip: str) -> tuple[CommitInfo, ...]:
        """The commits after ``base`` up to ``tip`` along first parents, oldest first."""
        shallow = history.shallow_commits(self.common_dir)
        return history.first_parents(self.objects, base, tip, shallow)

    def commit(
        self,
        *,
        tree: str,
        parents: Sequence[str],
        message: str,
        author: Identity,
        committer: Identity,
    ) -> str:
        """Write a commit and return its id; the same values give the same id."""
        return history.write_commit(
            self.objects,
            tree=tree,
            parents=parents,
            message=message,
            author=author,
            committer=committer,
        )

    def merge(self, base_tree: str, ours: str, theirs: str) -> Merge:
        """Merge three trees without a checkout and without looking for renames."""
        return self._merger.merge(base_tree, ours, theirs)

    @property
    def temporary(self) -> Path:
        """A directory for files of this process; one that is killed leaves them to the next."""
        return self._engine.path

    def scratch(self) -> Scratch:
        """A place for objects that are not trusted yet; use it in a ``with`` block."""
        return Scratch(self._rooms, self.objects, self.trees)

    def diff_text(self, before: str, after: str) -> bytes:
        """A patch between two trees: binary-safe, full ids, ``a/`` and ``b/``, no renames."""
        return self._differ.text(before, after)

    @property
    def is_shallow(self) -> bool:
        """Whether history is cut off."""
        return bool(history.shallow_commits(self.common_dir))

    def changed_paths(self) -> tuple[bytes, ...]:
        """Tracked paths of this checkout that differ from its HEAD, staged or not."""
        if self.top is None:
            return ()
        checkout = status.Checkout(self.top, self.resolve_commit("HEAD"), None)
        return status.changed_paths(checkout, self.git_dir, self._engine)

    def paths_to_lose(self, checkout: status.Checkout, git_dir: Path) -> tuple[bytes, ...]:
        """As `changed_paths`, for any worktree, with its untracked files that are not ignored."""
        return status.changed_paths(checkout, git_dir, self._engine, with_untracked=True)

    def held_branches(self) -> dict[str, Path]:
        """Branches (full names) that some worktree holds: these are never moved by ref alone."""
        return status.held_branches(self.common_dir)

    def fast_forward(self, commit: str) -> None:
        """Fast-forward the branch that this checkout has checked out, files and all; no hooks run.

        The checkout follows the person's line-end settings. Raises GitError where it is not a
        fast-forward or a file is in the way; nothing is changed then.
        """
        if self.top is None:
            raise UnfitError(f"{self.git_dir} has no checkout.")
        env = person_environment() | {"GIT_DIR": str(self.git_dir), "GIT_WORK_TREE": str(self.top)}
        args = ("merge", "--ff-only", "--quiet", commit)
        run_git(args, cwd=self.top, env=env, timeout_s=600.0, objects_only=False)

    def default_branch(self) -> str:
        """The branch (short name) that changes go to; UnfitError where custom names none."""
        args = ("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
        named = self.shared_git(*args, ok=(0, 1, 128)).out.decode("utf-8", "replace").strip()
        short = named.removeprefix("refs/remotes/origin/") if named else None
        return status.default_branch(self.refs.list("refs/heads"), short)

    def special_content(self, tree: str) -> status.SpecialContent:
        """Submodules and LFS use in a tree."""
        return status.special_content(self.objects, self.trees.flatten(tree))


def _ask(start: Path, *questions: str) -> bytes:
    """Ask ``rev-parse``; the answer's last line may hold newlines, which paths can."""
    args = ("rev-parse", *questions)
    try:
        done = run_git(args, cwd=start, env=person_environment(), objects_only=False)
    except GitError as failure:
        raise _unfit(start, failure) from failure
    return done.out.removesuffix(b"\n")


def _unfit(start: Path, failure: GitError) -> UnfitError:
    said = failure.err.decode("utf-8", "backslashreplace").strip()
    if "dubious ownership" in said:
        return UnfitError(
            f"Git will not use the repository at {start}: it belongs to another user.",
            remedy="If you trust it, run "
            f"`git config --global --add safe.directory {start.resolve()}` and try again.",
        )
    if "not a git repository" in said:
        return UnfitError(
            f"{start} is not in a git repository.", remedy="Run this in a checkout, or `git init`."
        )
    return UnfitError(f"Git cannot use the repository at {start}: {said}")


def _common_dir(git_dir: Path) -> Path:
    """The directory shared by all worktrees (gitrepository-layout: ``commondir``)."""
    try:
        named = (git_dir / "commondir").read_bytes().rstrip(b"\n")
    except FileNotFoundError:
        return git_dir
    if not named:
        raise UnfitError(
            f"The worktree entry {git_dir} is half-made: its commondir is empty.",
            remedy="Remove that directory if the worktree is not needed.",
        )
    return Path(os.path.realpath(git_dir / os.fsdecode(named)))
