"""The environment that a program gets: built from an allow-list, never inherited."""

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

DEFAULT_ALLOW = (
    "PATH", "HOME", "LANG", "LANGUAGE", "LC_*", "TERM", "TMPDIR", "TZ", "USER", "LOGNAME", "SHELL",
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH",
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "USERNAME",
    "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "TEMP", "TMP",
)  # fmt: skip  # a list of words reads better in rows

# `git rev-parse --local-env-vars`, and what hooks and pushes add to it.
GIT_LOCAL = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE", "GIT_INDEX_VERSION", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NAMESPACE",
        "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH",
        "GIT_REFLOG_ACTION", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
    }
)  # fmt: skip  # a list of words reads better in rows
_GIT_LOCAL_PREFIXES = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")


def build_environment(
    allow: Iterable[str], values: Mapping[str, str], *, source: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables of ``source`` that ``allow`` names, with ``values`` over them.

    A name may end in ``*``. Variables that bind git to one repository pass only where their full
    name is allowed. Names are compared without case on Windows.
    """
    names, prefixes = set(), []
    for pattern in map(_folded, allow):
        if pattern.endswith("*"):
            prefixes.append(pattern[:-1])
        else:
            names.add(pattern)
    built = {
        name: value
        for name, value in source.items()
        if _folded(name) in names
        or (_folded(name).startswith(tuple(prefixes)) and not _binds_git(_folded(name)))
    }
    return {**built, **values}


def which(program: str, *, path: str, cwd: Path) -> Path | None:
    """Return the file that ``program`` would execute with this ``PATH`` in this directory."""
    if sys.platform == "win32":
        found = shutil.which(program, path=path)
        return None if found is None else cwd / found
    if not program:
        return None
    folders = [""] if os.sep in program else path.split(os.pathsep)
    for folder in folders:
        candidate = cwd / folder / program
        # Unlike `Path.is_file` this is no error for a name that is too long to be one.
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):  # noqa: PTH113 - see above
            return candidate
    return None


def _folded(name: str) -> str:
    return name.upper() if sys.platform == "win32" else name


def _binds_git(name: str) -> bool:
    return name in GIT_LOCAL or name.startswith(_GIT_LOCAL_PREFIXES)
