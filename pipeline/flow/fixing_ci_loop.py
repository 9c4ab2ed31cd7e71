"""Why a failed CI run is left alone: repairing our own repairs would never end."""

import re

from pipeline.base.git import Repository
from pipeline.flow.fixing_ci_logs import FailedRun
from pipeline.model.record import WorkstreamRecord
from pipeline.model.states import FINAL, WorkstreamState
from pipeline.store.layout import Layout
from pipeline.store.records import Records

_TRAILER = re.compile(r"^Pipeline-(?:Workstream|Tool|Patch): ", re.MULTILINE)
_NAME_LENGTH = 12


def workstream_id(commit: str) -> str:
    """The id of the workstream that repairs a commit."""
    return f"fix-ci-{commit[:_NAME_LENGTH]}"


def why_not(repo: Repository, layout: Layout, records: Records | None, failed: FailedRun) -> str:
    """Why nothing is to be done about a failed run; empty where nothing speaks against it."""
    commit = repo.read_commit(failed.commit)
    if _TRAILER.search(commit.message):
        return f"{failed.commit[:12]} was made by git-pipeline itself."
    prefixes = (f"{layout.ws_prefix}/", f"{layout.run_prefix}/")
    if failed.branch.startswith(prefixes):
        return f"The branch {failed.branch} is one of git-pipeline's own."
    if failed.is_by_bot:
        return f"It was started by {failed.actor or 'a program'}, not by a person."
    record = tried(records, failed.commit)
    if record is not None and record.state in FINAL:
        return f"{failed.commit[:12]} was tried already."
    if record is None and _was_published(repo, layout, failed.commit):
        return f"{failed.commit[:12]} was tried already: its branch is there."
    parent = tried(records, commit.parents[0]) if commit.parents else None
    if parent is not None and _is_useless(parent):
        return f"Nothing could be repaired in its parent {commit.parents[0][:12]}."
    return ""


def tried(records: Records | None, commit: str) -> WorkstreamRecord | None:
    """The newest try to repair a commit, of all runs that are known here."""
    if records is None:
        return None
    ws_id = workstream_id(commit)
    for run in records.runs(kind="run"):
        if run.base_commit == commit:
            for record in records.workstreams(run.run_id):
                if record.ws_id == ws_id:
                    return record
    return None


def _is_useless(record: WorkstreamRecord) -> bool:
    """Whether nothing at all could be repaired."""
    is_over = record.state in FINAL and record.state is not WorkstreamState.DONE
    return is_over and not record.patch_id


def _was_published(repo: Repository, layout: Layout, commit: str) -> bool:
    """Whether some remote, as it was last seen, or this repository has the branch of a try."""
    name = layout.ws_branch(None, workstream_id(commit)).removeprefix("refs/heads/")
    return any(ref.endswith(f"/{name}") for ref in repo.refs.list("refs/heads", "refs/remotes"))
