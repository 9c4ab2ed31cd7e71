"""Links to what we know of: built from names that were checked, never from foreign text."""

import re
from urllib.parse import quote

from pipeline.model.publication import PublicationKind
from pipeline.report.github import escape
from pipeline.report.github.view import RunView, WorkstreamView

_ISSUE = re.compile(r"#?([1-9][0-9]{0,9})")
_OID = re.compile(r"[0-9a-f]{40,64}")


def issue_number(name: str | None) -> int:
    """The number of an issue in this repository (``142``, ``#142``); 0 where it is none."""
    found = _ISSUE.fullmatch((name or "").strip())
    return int(found[1]) if found else 0


def to_issue(view: RunView, name: str) -> str:
    """A bundle's issue, as a link where it is one of this repository."""
    number = issue_number(name)
    if number and view.place.url:
        return f"[#{number}]({view.place.url}/issues/{number})"
    return escape.code(name, 200)


def to_commit(view: RunView, commit: str) -> str:
    """A commit, as a link where the repository is known."""
    short = f"`{commit[:12]}`"
    if not _OID.fullmatch(commit):
        return escape.code(commit, 64)
    return f"[{short}]({view.place.url}/commit/{commit})" if view.place.url else short


def to_change(view: RunView, ws: WorkstreamView) -> str:
    """The OpenSpec change of a workstream, as a link to its folder in the workstream's commit."""
    change = ws.bundle.openspec_change or ""
    commit = ws.record.commit
    if not view.place.url or not _OID.fullmatch(commit):
        return escape.code(change, 200)
    folder = f"openspec/changes/{quote(change.encode('utf-8', 'backslashreplace'), safe='')}"
    return f"[{escape.code(change, 200)}]({view.place.url}/tree/{commit}/{folder})"


def to_workstream(view: RunView, ws_id: str) -> str:
    """A workstream, with a link to its pull request where there is one."""
    name = escape.code(ws_id, 100)
    found = view.published(PublicationKind.PULL_REQUEST, ws_id)
    if found is None or not found.number or not view.place.url:
        return name
    return f"{name} [#{found.number}]({view.place.url}/pull/{found.number})"
