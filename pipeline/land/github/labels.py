"""Labels of issues and pull requests: added, never taken away."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.land.github.client import GitHub
from pipeline.land.github.sent import LABEL, require_size


def names_of(answer: Mapping[str, Any]) -> frozenset[str]:
    """The labels that an issue or pull request has, in lower case: GitHub does not tell cases."""
    found = answer.get("labels")
    names = (one.get("name") for one in found if isinstance(one, dict)) if found else ()
    return frozenset(name.lower() for name in names if isinstance(name, str))


def add_labels(
    hub: GitHub, number: int, wanted: Sequence[str], present: frozenset[str] = frozenset()
) -> bool:
    """Add the labels that are missing; whether there were any.

    A label that the repository does not know comes into being with that; one that a person added
    stays. Raises ``GitHubError``.
    """
    missing = [name for name in dict.fromkeys(wanted) if name.lower() not in present]
    if not missing:
        return False
    for name in missing:
        require_size("A label", name, LABEL)
    hub.request("POST", f"issues/{number}/labels", body={"labels": missing}, is_repeatable=True)
    return True
