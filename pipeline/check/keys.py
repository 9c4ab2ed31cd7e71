"""The verdict key: everything that a check's answer depends on, as one digest."""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.base.process import build_environment, shell_argv
from pipeline.check.executables import ExecutableIdentity, Executables
from pipeline.model import codec
from pipeline.model.check import Check

__all__ = ["AMBIENT", "ExecutableIdentity", "Executables", "Key", "verdict_key"]

FORMAT = 1
AMBIENT = ("PATH", "LANG", "LANGUAGE", "LC_*", "TZ", "LD_LIBRARY_PATH", "PATHEXT")
"""Variables that every check gets and that decide what programs find and how they print."""


@dataclass(frozen=True, slots=True)
class Key:
    """``digest`` is SHA-256 (hexadecimal) of ``full``, which is stored and compared on reuse."""

    digest: str
    full: bytes


def verdict_key(
    check: Check,
    *,
    tree: str,
    commit: str,
    executable: ExecutableIdentity,
    environment: Mapping[str, str],
    setup_digest: str = "",
    system: tuple[str, str] | None = None,
) -> Key:
    """Return the key of a check's answer about a tree.

    ``environment`` is the whole environment of the check; what the check declares and what is
    ``AMBIENT`` becomes part of the key, values as digests, since some are secrets. ``system`` is
    operating system and machine. Limits and the check's name say how it is run, not what it
    finds, and are not part; the commit is for checks that declare ``history``.
    """
    declared = (*AMBIENT, *check.env_allow, *check.env)
    full = codec.canonical(
        {
            "format": FORMAT,
            "tree": tree,
            "command": _command(check.command),
            "executable": executable,
            "environment": {
                name: hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
                for name, value in build_environment(declared, {}, source=environment).items()
            },
            "platform": system or (platform.system(), platform.machine()),
            "setup": setup_digest,
            "commit": commit if check.history else None,
            "success_exit_codes": sorted(set(check.success_exit_codes)),
            "output": [check.output, check.output_file],
        }
    )
    return Key(hashlib.sha256(full).hexdigest(), full)


def _command(command: tuple[str, ...] | str) -> dict[str, object]:
    """Return a command such that no list and no shell string look alike."""
    if isinstance(command, str):
        return {"shell": shell_argv("")[:-1], "text": command}
    return {"argv": list(command)}
