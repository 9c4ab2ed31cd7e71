"""Hidden first lines by which what we wrote is found again: ``<!-- git-pipeline:status:v1 -->``."""

import re

_SAFE = re.compile(r"[^A-Za-z0-9._:/-]+|--+")
_MARKER = re.compile(r"<!-- git-pipeline:([A-Za-z0-9._:/-]{1,200}):v1 -->")

STATUS = "status"
PROGRESS = "progress"
PULL_REQUEST = "pull-request"


def marker(purpose: str) -> str:
    """The marker of a purpose; what is no letter, digit, ``.``, ``:``, ``/`` or ``-`` is ``_``."""
    return f"<!-- git-pipeline:{_SAFE.sub('_', purpose)[:200]}:v1 -->"


def purpose_of(body: str) -> str:
    """The purpose that the first line of a body names; empty where it is none of ours.

    Whose body it is says nothing here: anybody can write a marker.
    """
    found = _MARKER.fullmatch(body.split("\n", 1)[0].rstrip("\r"))
    return found[1] if found else ""


def quarantine(ws_id: str) -> str:
    """The purpose of the issue about a workstream's quarantined change, in whatever run."""
    return f"quarantine:{ws_id}"


def review(ws_id: str) -> str:
    """The purpose of the issue about a workstream's open question, in whatever run."""
    return f"review:{ws_id}"
