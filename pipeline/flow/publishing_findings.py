"""Findings for code scanning: one file for each workstream that is on GitHub."""

from pipeline.flow.publishing_told import Told
from pipeline.land.github.sarif import upload_sarif
from pipeline.land.github.sent import Sent
from pipeline.model.codec import digest
from pipeline.model.publication import PublicationKind
from pipeline.model.publishing import Outcome
from pipeline.report.github.view import RunView, WorkstreamView
from pipeline.report.sarif import pack_sarif, run_findings

_SARIF = PublicationKind.SARIF


def publish_sarif(view: RunView, pushed: frozenset[str], told: Told) -> None:
    """Upload what is wrong with each workstream; the same is not uploaded twice."""
    for ws in view.workstreams:
        if ws.has_commit and ws.record.branch in pushed:
            _upload(view, ws, told)


def _upload(view: RunView, ws: WorkstreamView, told: Told) -> None:
    name, commit, ref = f"git-pipeline/{ws.id}", ws.record.commit, ws.record.branch
    packed = pack_sarif(run_findings(view, ws.id), category=name)
    before = told.stored(_SARIF, ws.id, name)
    is_there = before is not None and (before.commit, before.digest) == (commit, digest(packed))

    def go() -> Sent:
        if is_there:
            return Sent(Outcome.UNCHANGED, state="uploaded")
        return upload_sarif(told.hub, packed, commit=commit, ref=ref)

    told.send(_SARIF, name, go, ws_id=ws.id, commit=commit, content=packed)
