"""What is left where GitHub may not be written to: this job's log, its summary, and a file."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.base import console
from pipeline.base.files import make_directory, write_atomic
from pipeline.flow.publishing_told import Told
from pipeline.model.publication import PublicationKind
from pipeline.report.github.artifact import write_artifact
from pipeline.report.github.limits import SUMMARY
from pipeline.report.github.summary import job_summary
from pipeline.report.github.view import RunView
from pipeline.report.github.workflow_commands import annotation_commands
from pipeline.report.sarif import run_findings
from pipeline.store.layout import Layout

_VERDICTS = frozenset({PublicationKind.CHECK_RUN, PublicationKind.STATUS})
FILE = "report.json"


def tell_otherwise(view: RunView, layout: Layout, told: Told, environ: Mapping[str, str]) -> None:
    """Show a run's findings by other ways, where check runs and statuses could not be made.

    In a job of Actions as annotations of the job (orders to its runner, on standard error) and in
    its summary; everywhere as a file for a job that may write (`pipeline report --from`).
    """
    if told.hub.is_dry or not any(one.kind in _VERDICTS for one in told.failed):
        return
    if environ.get("GITHUB_ACTIONS") == "true":
        for line in annotation_commands(run_findings(view)):
            console.tell(line)
        told.degrade("Findings are shown as annotations of this job, in place of check runs.")
        _add_summary(view, told, environ.get("GITHUB_STEP_SUMMARY", ""))
    target = layout.run_dir(view.run_id) / FILE
    make_directory(target.parent)
    write_atomic(target, write_artifact(view))
    told.degrade(f"A job with more rights can publish from {target.relative_to(layout.top)}.")


def _add_summary(view: RunView, told: Told, name: str) -> None:
    if not name:
        return
    path = Path(name)
    try:
        room = SUMMARY - (path.stat().st_size if path.exists() else 0)
        with path.open("ab") as file:
            file.write(job_summary(view, room).encode())
    except OSError as error:
        told.degrade(f"The job's summary cannot be written: {error.strerror}.")
        return
    told.degrade("What the run came to is in the summary of this job.")
