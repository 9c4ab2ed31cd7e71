"""What a commit is about to change, as git's hooks see it."""

from pathlib import Path

from pipeline.base.git.errors import GitError
from pipeline.base.git.invoke import base_environment, run_git
from pipeline.base.git.repository import Repository
from pipeline.base.git.trees import TreeChange, TreeEntry

_ABSENT = 0


def current_branch(repo: Repository) -> str:
    """The full name of the branch that is checked out; empty where HEAD is detached."""
    env = base_environment() | {"GIT_DIR": str(repo.git_dir)}
    done = run_git(("symbolic-ref", "--quiet", "HEAD"), cwd=repo.git_dir, env=env, ok=(0, 1))
    return done.out.decode("utf-8", "surrogateescape").strip()


def staged_changes(repo: Repository, *, index: Path | None = None) -> tuple[TreeChange, ...]:
    """What the index differs in from HEAD, sorted by path; renames are a deletion and a creation.

    ``index`` is the file that git names in ``GIT_INDEX_FILE`` while it commits (``git commit -a``
    and ``git commit PATH`` use one beside the usual).
    """
    env = base_environment() | {
        "GIT_DIR": str(repo.git_dir),
        "GIT_INDEX_FILE": str(index or repo.git_dir / "index"),
    }
    args = ("diff-index", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev", "HEAD", "--")
    fields = run_git(args, cwd=repo.git_dir, env=env).out.split(b"\0")
    changes = []
    for facts, path in zip(fields[0::2], fields[1::2], strict=False):
        words = facts.lstrip(b":").split(b" ")
        if len(words) != 5:
            raise GitError("diff-index", 0, facts)
        before = _entry(words[0], words[2])
        after = _entry(words[1], words[3])
        changes.append(TreeChange(path, before, after))
    return tuple(sorted(changes, key=lambda change: change.path))


def _entry(mode: bytes, oid: bytes) -> TreeEntry | None:
    number = int(mode, 8)
    return None if number == _ABSENT else TreeEntry(number, oid.decode("ascii"))
