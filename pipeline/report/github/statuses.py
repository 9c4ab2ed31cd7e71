"""Commit statuses: what check runs say, in one line, where check runs are not allowed."""

from collections.abc import Mapping

from pipeline.model.publication import CheckReport, Conclusion, StatusState, StatusText
from pipeline.report.github import escape
from pipeline.report.github.checks import checks
from pipeline.report.github.limits import STATUS_DESCRIPTION
from pipeline.report.github.view import RunView

STATES: Mapping[Conclusion, StatusState] = {
    Conclusion.SUCCESS: StatusState.SUCCESS,
    Conclusion.FAILURE: StatusState.FAILURE,
    Conclusion.TIMED_OUT: StatusState.FAILURE,
    Conclusion.CANCELLED: StatusState.ERROR,
    Conclusion.ACTION_REQUIRED: StatusState.PENDING,
}


def statuses(view: RunView) -> tuple[StatusText, ...]:
    """One status for each check run, of the same name."""
    return tuple(map(as_status, checks(view)))


def as_status(report: CheckReport) -> StatusText:
    """A check run's one line."""
    return StatusText(
        head_sha=report.head_sha,
        context=report.name,
        state=STATES[report.conclusion],
        description=escape.title(report.title, STATUS_DESCRIPTION),
        target_url=report.details_url,
    )
