"""A patch: what a change is, and what was said about it."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a change was refused or flagged."""

    FORMAT = "format"
    SCOPE = "scope"
    PROTECTED = "protected"
    UNSAFE_PATH = "unsafe_path"
    MODE = "mode"
    SIZE = "size"
    BINARY = "binary"
    CONTENT = "content"
    SECRET = "secret"  # noqa: S105 - the name of a reason, not a password
    SPECIAL_FILE = "special_file"
    EMPTY = "empty"
    CONTROL_PLANE = "control_plane"
    STRAY_PROCESS = "stray_process"


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that is wrong with a change.

    ``is_blocking`` is false for a flag: the change is accepted, with a finding that names it.
    """

    reason: Reason
    message: str
    path: bytes | None = None
    is_blocking: bool = True


@dataclass(frozen=True, slots=True)
class Patch:
    """A unified diff, identified by the SHA-256 of its bytes (``id``, hexadecimal).

    ``added`` and ``removed`` count lines; ``paths`` are sorted. The four flags say which parts
    of the validation it passed; ``None`` is "not judged yet".
    """

    id: str
    base_tree: str
    result_tree: str
    paths: tuple[bytes, ...] = ()
    added: int = 0
    removed: int = 0
    size: int = 0
    format_ok: bool | None = None
    scope_ok: bool | None = None
    constraints_ok: bool | None = None
    tests_passed: bool | None = None


@dataclass(frozen=True, slots=True)
class PatchPolicy:
    """What a change may be, beyond its scope.

    ``protected`` are gitignore-style patterns that no glob of a bundle grants, only a literal
    path. ``max_*`` are inclusive. ``allow_unsafe_text`` lets control, invisible and bidirectional
    characters in, ``allow_unsafe_names`` names that some file system or tool misreads; what some
    file system takes for ``.git`` never gets in.
    """

    max_files_changed: int = 200
    max_lines_changed: int = 20_000
    max_patch_bytes: int = 4 * 1024 * 1024
    max_file_bytes: int = 1024 * 1024
    allow_binary: bool = False
    allow_mode_change: bool = False
    allow_symlinks: bool = False
    allow_crlf: bool = True
    allow_secrets: bool = False
    allow_unsafe_text: bool = False
    allow_unsafe_names: bool = False
    protected: tuple[str, ...] = ()


NO_LIMIT = 2**53 - 1  # the largest integer that every JSON reader holds exactly

PERMISSIVE = PatchPolicy(
    max_files_changed=NO_LIMIT,
    max_lines_changed=NO_LIMIT,
    max_patch_bytes=NO_LIMIT,
    max_file_bytes=NO_LIMIT,
    allow_binary=True,
    allow_mode_change=True,
    allow_symlinks=True,
    allow_crlf=True,
    allow_secrets=True,
    allow_unsafe_text=True,
    allow_unsafe_names=True,
)
"""No limit but the scope: real history replays under it, submodules aside."""
