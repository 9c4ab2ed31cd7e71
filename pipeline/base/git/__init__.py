"""Git without surprises: the only package that spells git's flags."""

from pipeline.base.git.engine import remove_abandoned
from pipeline.base.git.errors import (
    GitError,
    MalformedObjectError,
    MissingObjectError,
    ObjectTooLargeError,
    PatchRejectedError,
    PathCollisionError,
    RefInTheWayError,
    RefLockedError,
    RefMovedError,
    RefNameError,
    RefUpdateError,
    TreeEditError,
    WorktreeError,
)
from pipeline.base.git.history import CommitInfo, Identity
from pipeline.base.git.merge import Conflict, ConflictKind, Merge
from pipeline.base.git.patches import Applied
from pipeline.base.git.ref_names import is_ref_name, require_ref_name
from pipeline.base.git.refs import Refs, RefUpdate
from pipeline.base.git.repository import Repository
from pipeline.base.git.scratch import Scratch
from pipeline.base.git.status import SpecialContent, casefold_twins
from pipeline.base.git.trees import (
    DIRECTORY,
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    TreeChange,
    TreeEntry,
)

__all__ = [
    "DIRECTORY",
    "EXECUTABLE",
    "FILE",
    "GITLINK",
    "SYMLINK",
    "Applied",
    "CommitInfo",
    "Conflict",
    "ConflictKind",
    "GitError",
    "Identity",
    "MalformedObjectError",
    "Merge",
    "MissingObjectError",
    "ObjectTooLargeError",
    "PatchRejectedError",
    "PathCollisionError",
    "RefInTheWayError",
    "RefLockedError",
    "RefMovedError",
    "RefNameError",
    "RefUpdate",
    "RefUpdateError",
    "Refs",
    "Repository",
    "Scratch",
    "SpecialContent",
    "TreeChange",
    "TreeEditError",
    "TreeEntry",
    "WorktreeError",
    "casefold_twins",
    "is_ref_name",
    "remove_abandoned",
    "require_ref_name",
]
