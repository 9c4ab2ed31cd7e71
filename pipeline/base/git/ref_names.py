"""Which names git accepts for refs, judged without starting git (git-check-ref-format)."""

import re

from pipeline.base.git.errors import RefNameError

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")


def is_ref_name(name: str) -> bool:
    """Whether ``name`` is a full name under ``refs/`` that every git accepts."""
    parts = name.split("/")
    return (
        len(parts) >= 2
        and parts[0] == "refs"
        and not _FORBIDDEN.search(name)
        and not name.endswith(".")
        and all(part and not part.startswith(".") and not part.endswith(".lock") for part in parts)
    )


def require_ref_name(name: str) -> str:
    """``name`` itself; raises RefNameError where git would not accept it as a full ref name."""
    if not is_ref_name(name):
        raise RefNameError(f"Not a full ref name: {name!r}")
    return name


def is_below(name: str, prefix: str) -> bool:
    """Whether a ref is the prefix itself or lies below it, by whole parts of the name."""
    return name == prefix or name.startswith(prefix.rstrip("/") + "/")
