"""What can go wrong between us and git, each with the facts that a caller can act on."""

from pathlib import Path

from pipeline.base.errors import BugError, InputError, UnfitError


def shown(path: bytes) -> str:
    """A path for a message: UTF-8 where it is, escaped where it is not."""
    return path.decode("utf-8", "backslashreplace")


class GitError(UnfitError):
    """Git ended with an exit code that was not expected; carries what it wrote."""

    def __init__(self, verb: str, code: int, err: bytes, *, remedy: str = "") -> None:
        self.verb = verb
        self.code = code
        self.err = err
        said = err.decode("utf-8", "backslashreplace").strip()[-2000:]
        super().__init__(f"git {verb} ended with exit code {code}: {said}", remedy=remedy)


class MissingObjectError(UnfitError):
    """An object that is named is not in the repository."""

    def __init__(self, oid: str, *, where: str = "the repository") -> None:
        self.oid = oid
        super().__init__(
            f"The object {oid} is not in {where}.",
            remedy="Run `git fsck`; in a partial clone, fetch the missing objects first.",
        )


class ObjectTooLargeError(InputError):
    """An object is larger than the caller is willing to read."""

    def __init__(self, oid: str, size: int, limit: int) -> None:
        self.oid, self.size, self.limit = oid, size, limit
        super().__init__(f"The object {oid} has {size} bytes, more than the limit of {limit}.")


class TreeTooLargeError(ObjectTooLargeError):
    """A tree unfolds to more entries than are looked at: a few objects can stand for billions."""

    def __init__(self, tree: str, limit: int) -> None:
        super().__init__(tree, limit + 1, limit)
        self.what = f"The tree {tree} unfolds to more than {limit} entries."


class MalformedObjectError(UnfitError):
    """An object's bytes are not what its kind allows, or are of another kind."""

    def __init__(self, oid: str, problem: str) -> None:
        self.oid, self.problem = oid, problem
        super().__init__(f"The object {oid} is malformed: {problem}.", remedy="Run `git fsck`.")


class TreeEditError(InputError):
    """A change cannot be made to a tree; ``path`` is the path in question."""

    def __init__(self, path: bytes, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"The path {shown(path)!r} cannot be changed: {problem}.")


class PathCollisionError(TreeEditError):
    """A path would be a file and a directory at once."""

    def __init__(self, path: bytes) -> None:
        super().__init__(path, "it would be a file and a directory at once")


class RefNameError(BugError):
    """A ref name or an object id is not one; nothing was sent to git."""


class RefUpdateError(UnfitError):
    """A transaction of refs did not land; no ref was changed."""


class RefMovedError(RefUpdateError):
    """A ref does not hold the value that was expected; no ref was changed.

    ``expected`` and ``actual`` are object ids, None where there is (or should be) no ref.
    """

    def __init__(self, name: str, expected: str | None, actual: str | None) -> None:
        self.name, self.expected, self.actual = name, expected, actual
        super().__init__(
            f"The ref {name} is at {actual or 'nothing'}, not at {expected or 'nothing'}: "
            "somebody else moved it.",
            remedy="Nothing was changed; look at the ref and run again.",
        )


class RefInTheWayError(RefUpdateError):
    """A ref cannot be made because another's name is a leading part of its name, or the reverse."""

    def __init__(self, name: str, in_the_way: str) -> None:
        self.name, self.in_the_way = name, in_the_way
        super().__init__(
            f"The ref {name} cannot be made: {in_the_way} exists.",
            remedy=f"Rename {in_the_way} (a branch: `git branch -m`) and run again.",
        )


class RefLockedError(RefUpdateError):
    """A ref stayed locked by another git process for longer than we wait."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"A ref is locked by another git process: {said}",
            remedy="If no git process is running, delete the named .lock file.",
        )


class PatchRejectedError(InputError):
    """A patch does not apply as it stands; ``reason`` says why, and nothing was changed."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The patch was refused: {reason}.")


class WorktreeError(UnfitError):
    """A linked worktree cannot be made or removed."""

    def __init__(self, path: Path, problem: str, *, remedy: str = "") -> None:
        self.path, self.problem = path, problem
        super().__init__(f"The worktree {path} {problem}.", remedy=remedy)
