"""What a path is and becomes: a file, an executable, a symbolic link, a submodule."""

import posixpath
from collections.abc import Iterator

from pipeline.base.console import safe
from pipeline.base.git import EXECUTABLE, FILE, GITLINK, SYMLINK
from pipeline.check.paths import is_dot_git
from pipeline.model.patch import Objection, PatchPolicy, Reason

_KNOWN = frozenset({FILE, EXECUTABLE, SYMLINK, GITLINK})


def mode_objections(
    path: bytes,
    before: int | None,
    after: int | None,
    policy: PatchPolicy,
    *,
    is_moved: bool = False,
) -> Iterator[Objection]:
    """What is wrong with a change of git modes; None where there is no file.

    ``is_moved`` says that the same change deletes a file of the same bytes and mode elsewhere.
    """
    shown = safe(path)
    if GITLINK in (before, after):
        message = f"{shown} is a submodule; changes of submodules are not supported."
        yield Objection(Reason.SPECIAL_FILE, message, path)
    elif after is not None and after not in _KNOWN:
        yield Objection(Reason.MODE, f"{shown} would get the mode {after:o}.", path)
    elif after is not None and SYMLINK in (before, after):
        if not policy.allow_symlinks:
            message = f"{shown} is or becomes a symbolic link, which the policy does not allow."
            yield Objection(Reason.SPECIAL_FILE, message, path)
    elif after is not None and not policy.allow_mode_change and not is_moved:
        if before is None and after == EXECUTABLE:
            message = f"{shown} is created executable, which the policy does not allow."
            yield Objection(Reason.MODE, message, path)
        elif before not in (None, after):
            message = f"The mode of {shown} changes from {before:o} to {after:o}."
            yield Objection(Reason.MODE, message, path)


def leads_inside(path: bytes, target: bytes) -> bool:
    """Whether a link at ``path`` with this target names a place in the repository.

    Judged by the text alone: relative, below the top at every step, nothing of ``.git``.
    """
    if not target or target.startswith(b"/") or b"\0" in target or b"\\" in target:
        return False
    if target[1:2] == b":" or is_dot_git(target):
        return False
    depth = path.count(b"/")
    for name in target.split(b"/"):
        if name == b"..":
            depth -= 1
        elif name not in (b"", b"."):
            depth += 1
        if depth < 0:
            return False
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target)) != b"."
