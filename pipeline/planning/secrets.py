"""Finds secrets that were written where only their names belong."""

import re
from collections.abc import Iterator, Mapping

Complaint = tuple[tuple[str | int, ...], str, str]

_NAMES = re.compile(
    r"(?:^|_)(?:API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|"
    r"CREDENTIALS?|AUTH)(?:_|$)",
    re.IGNORECASE,
)
_VALUES = re.compile(
    r"^(?:sk-|sk_live_|rk_live_|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AKIA|ASIA|AIza|"
    r"npm_|pypi-|hf_|eyJ[A-Za-z0-9_-]{10,}\.)|-----BEGIN [A-Z ]*PRIVATE KEY"
)
_LONG = re.compile(r"^(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+_=-]{32,}$")


def looks_like_secret(name: str, value: str) -> bool:
    """Whether a variable's value looks like a secret; ``env:NAME`` never does."""
    if not value or value.startswith("env:"):
        return False
    if _VALUES.search(value) or _LONG.match(value):
        return True
    return bool(_NAMES.search(name)) and len(value) >= 8


def secret_complaints(env: Mapping[str, str], place: tuple[str | int, ...]) -> Iterator[Complaint]:
    """One complaint for each variable whose value looks like a secret; the value is not shown."""
    for name, value in sorted(env.items()):
        if looks_like_secret(name, value):
            yield (
                (*place, name),
                "looks like a secret; secrets are only named.",
                f"Write `env:{name}` and set the variable {name} where the pipeline runs.",
            )
