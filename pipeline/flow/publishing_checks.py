"""Gates' answers on GitHub, in the best way that the token has a right to."""

from pipeline.flow.publishing_branches import is_deleted
from pipeline.flow.publishing_told import Told
from pipeline.land.github.checks import publish_check
from pipeline.land.github.errors import DeniedError
from pipeline.land.github.sent import Sent
from pipeline.land.github.statuses import publish_status
from pipeline.model.publication import CheckReport, PublicationKind
from pipeline.report.github.checks import checks
from pipeline.report.github.statuses import as_status
from pipeline.report.github.view import RunView


class Ladder:
    """Check runs, else commit statuses; each step down is told once, and holds for the rest."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._hub = told.hub
        self.has_checks = True
        self.has_statuses = True

    def publish(self, report: CheckReport) -> None:
        """Publish one gate's answer about one head."""
        if self.has_checks:
            kind, go = PublicationKind.CHECK_RUN, self._check
        else:
            kind, go = PublicationKind.STATUS, self._status
        sent = self._told.send(
            kind,
            report.name,
            lambda: go(report),
            ws_id=report.ws_id,
            commit=report.head_sha,
            content=(report.conclusion, report.title, report.summary, report.text),
        )
        if sent is None and kind is PublicationKind.CHECK_RUN and not self.has_checks:
            self.publish(report)

    def _check(self, report: CheckReport) -> Sent | None:
        try:
            return publish_check(self._hub, report)
        except DeniedError as denied:
            if denied.status == 401:
                raise
            self.has_checks = False
            self._told.degrade(f"Commit statuses take the place of check runs: {denied.what}")
            return None

    def _status(self, report: CheckReport) -> Sent | None:
        if not self.has_statuses:
            raise DeniedError("Neither check runs nor commit statuses are allowed.", status=403)
        try:
            return publish_status(self._hub, as_status(report))
        except DeniedError as denied:
            if denied.status != 401:
                self.has_statuses = False
            raise


def publish_checks(view: RunView, pushed: frozenset[str], told: Told) -> None:
    """One check run for each gate and workstream, and one for the run, at heads that are there."""
    ladder = Ladder(told)
    branches = {ws.id: ws.record.branch for ws in view.workstreams}
    for report in checks(view):
        branch = branches.get(report.ws_id, view.run.integration_branch)
        if branch in pushed:
            ladder.publish(report)
        elif not is_deleted(told, branch.removeprefix("refs/heads/"), report.ws_id):
            reason = "Its commit is not on GitHub, because its branch was not pushed."
            told.fail(
                PublicationKind.CHECK_RUN,
                report.name,
                reason,
                ws_id=report.ws_id,
                commit=report.head_sha,
            )
