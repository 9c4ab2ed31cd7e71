"""Publishes the record of a run, which any clone can rebuild the database from."""

from pipeline.base.errors import PipelineError
from pipeline.base.git import Repository
from pipeline.flow.journaling import settle_behind
from pipeline.flow.publishing_told import Told
from pipeline.flow.sync import SyncRequest, sync
from pipeline.model.config import Config
from pipeline.model.publication import PublicationKind
from pipeline.store.records import Records

_NAME = "journal"


def push_journal(repo: Repository, records: Records, config: Config, told: Told) -> None:
    """Write what the journal lacks, with what was just published, and push it.

    What fails is told like everything else; the next publishing or `pipeline sync` makes it good.
    """
    remote = config.publish.remote
    if not config.journal.enabled:
        return
    if told.hub.is_dry:
        told.hub.tell(f"PUSH {remote} the journal of run {told.run_id}")
        return
    try:
        run, layout = records.run(told.run_id), records.layout
        settle_behind(repo, layout, records, run, config.journal.log_bytes)
        request = SyncRequest(remote, (told.run_id,), receives=False)
        report = sync(repo, layout, config, request)
    except PipelineError as error:  # a reporting failure: how the run went stays as it is
        told.fail(PublicationKind.JOURNAL, _NAME, str(error))
        return
    troubles = [one.detail or f"it is {one.sent.value}" for one in report.runs if one.is_trouble]
    problem = report.problem or "; ".join(troubles)
    if problem:
        told.fail(PublicationKind.JOURNAL, _NAME, problem)
    else:
        told.add_journal(is_new=any(one.sent for one in report.runs))
