"""The record of runs around an answer: brought here before it, given back after it."""

from dataclasses import dataclass

from pipeline.base.errors import UnfitError
from pipeline.base.git import Repository
from pipeline.flow.sync import SyncRequest, sync
from pipeline.model.config import Config
from pipeline.model.publication import PublicationKind
from pipeline.store.layout import Layout
from pipeline.store.lock import live_owner
from pipeline.store.publications import PUBLICATIONS
from pipeline.store.records import Records

_SUBJECTS = (PublicationKind.PULL_REQUEST, PublicationKind.ISSUE)


@dataclass(frozen=True, slots=True)
class Subject:
    """What an issue or pull request is about: a run, one workstream of it or all (empty).

    ``commit`` is the head that was published there, empty for an issue.
    """

    run_id: str = ""
    ws_id: str = ""
    commit: str = ""


def bring_in(repo: Repository, layout: Layout, config: Config) -> None:
    """Fetch what other machines recorded, so that a fresh checkout knows the runs.

    Nothing where an engine works here, whose record is the newest, or where there is no remote.
    Raises ``RemoteError`` and ``UnfitError``.
    """
    if live_owner(layout) is None and config.journal.remote in repo.remotes.names():
        sync(repo, layout, config, SyncRequest(sends=False, rebuilds=True))


def give_back(repo: Repository, layout: Layout, config: Config, run_id: str) -> None:
    """Publish what was recorded here, by compare-and-swap.

    Raises ``UnfitError`` where the run went on elsewhere meanwhile, so that nobody sees the
    answer that was stored here.
    """
    if live_owner(layout) is not None or config.journal.remote not in repo.remotes.names():
        return
    report = sync(repo, layout, config, SyncRequest(runs=(run_id,), rebuilds=True))
    if not report.is_well:
        trouble = next((one.detail for one in report.runs if one.is_trouble), report.problem)
        raise UnfitError(
            f"The answer could not be given to {report.remote}: {trouble}",
            remedy="The run went on elsewhere meanwhile: give the command again.",
        )


def subject_of(records: Records | None, repository: str, number: int) -> Subject:
    """What was published as an issue or pull request, by the newest run that did."""
    if records is None or not records.query(
        "SELECT 1 FROM sqlite_schema WHERE name = 'publications'"
    ):
        return Subject()
    rest = "WHERE number = ? AND lower(repository) = ? ORDER BY run_id DESC"
    rows = records.query(PUBLICATIONS.select_sql(rest), (number, repository.lower()))
    for one in map(PUBLICATIONS.from_row, rows):
        if one.kind in _SUBJECTS:
            is_pull = one.kind is PublicationKind.PULL_REQUEST
            return Subject(one.run_id, one.ws_id, one.commit if is_pull else "")
    return Subject()
