"""What a step hands to others: lines for the file that ``GITHUB_OUTPUT`` names.

Every value stands between lines of a random delimiter, so that nothing in it is read as another
output ("Workflow commands", "Multiline strings").
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.base.errors import BugError
from pipeline.report.github.limits import OUTPUTS
from pipeline.report.github.view import RunView

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True, slots=True)
class Outputs:
    """Lines for the file, and the names of what there was no room for."""

    text: str
    left_out: tuple[str, ...] = ()


def output(name: str, value: str, delimiter: str = "") -> str:
    """One output as lines; raises ``BugError`` for a name that is none.

    ``delimiter`` is random unless a test gives one.
    """
    if not _NAME.fullmatch(name):
        raise BugError(f"{name!r} is no name of an output.")
    shown = value.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode("utf-8")
    delimiter = delimiter or f"pipeline_{secrets.token_hex(20)}"
    while delimiter in shown:
        delimiter = f"pipeline_{secrets.token_hex(20)}"
    return f"{name}<<{delimiter}\n{shown}\n{delimiter}\n"


def as_outputs(values: Mapping[str, str]) -> Outputs:
    """Values as lines, as many as a job may hand on, in their order."""
    text, left_out, room = [], [], OUTPUTS
    for name, value in values.items():
        lines = output(name, value)
        taken = len(lines.encode("utf-16-le"))
        if taken > room:
            left_out.append(name)
            continue
        room -= taken
        text.append(lines)
    return Outputs("".join(text), tuple(left_out))


def run_outputs(view: RunView) -> dict[str, str]:
    """What the steps after a run want to know of it; names are those of our actions' outputs."""
    run, totals = view.run, view.summary.totals
    findings = sum(len(ws.findings) for ws in view.workstreams)
    return {
        "run-id": run.run_id,
        "status": run.state.value,
        "branch": run.integration_branch.removeprefix("refs/heads/"),
        "commit": run.integration_commit,
        "workstreams": str(len(view.workstreams)),
        "done": str(totals.get("done", 0)),
        "quarantined": str(totals.get("quarantined", 0)),
        "awaiting-review": str(totals.get("awaiting_review", 0)),
        "findings": str(findings),
    }
