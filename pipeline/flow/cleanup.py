"""Removing what is left of runs that ended long ago, here and on a remote: only what is ours."""

import shutil
from collections.abc import Iterator

from pipeline.base.git import RefUpdate, RefUpdateError, Repository
from pipeline.flow.cleanup_old import DAY, SPARED, CleanupRequest, OldRuns, Removal, days
from pipeline.flow.cleanup_remote import clean_remote
from pipeline.flow.sync import require_expected, run_lock
from pipeline.flow.sync_refs import look_here
from pipeline.flow.worktrees import clean_up
from pipeline.model.config import Config
from pipeline.store.layout import Layout
from pipeline.store.records import Records
from pipeline.store.retention import old_outputs

_HOUR = 3600.0
_MESSAGE = "git-pipeline: cleanup"


def clean(
    repo: Repository, layout: Layout, config: Config, request: CleanupRequest
) -> tuple[Removal, ...]:
    """Remove what is old; every thing that was looked at, with its reason.

    Raises UnfitError where an engine works here, RemoteError where the remote cannot be talked
    to, InputError where it is not the expected one.
    """
    found: list[Removal] = []
    if request.remote:
        require_expected(repo, config, request.remote)
        found += clean_remote(repo, layout, config, request)
    with run_lock(repo, layout, "pipeline cleanup"), Records(layout) as records:
        old = OldRuns.of(records, request, config)
        found += _outputs(records, layout, old, request)
        found += _archives(repo, old, request)
    limit = request.older_than
    if limit is None:
        limit = config.retention.worktrees_days * DAY
    for one in clean_up(repo, layout, older_than=limit, now=request.now, is_dry=request.is_dry):
        reason = f"not used for {days(limit)}" if limit >= _HOUR else "not in use"
        found.append(Removal(one.kind, str(one.path), reason, one.why_kept))
    return tuple(found)


def _outputs(
    records: Records, layout: Layout, old: OldRuns, request: CleanupRequest
) -> Iterator[Removal]:
    for run_id, folder in old_outputs(records, layout, old.limit):
        if run_id not in old.runs:
            continue
        if not request.is_dry:
            shutil.rmtree(folder, ignore_errors=True)
        is_left = not request.is_dry and folder.exists()
        why = "it cannot be removed" if is_left else ""
        yield Removal("output", str(folder), old.reason(run_id), why)


def _archives(repo: Repository, old: OldRuns, request: CleanupRequest) -> Iterator[Removal]:
    for run_id, run in look_here(repo).runs.items():
        if run_id not in old.runs or not run.archive or run.live:
            continue
        name = run.name(f"archive/{run_id}")
        if run_id in old.spared:
            why = f"the newest {SPARED} archives stay here"
            yield Removal("archive", name, old.reason(run_id), why)
            continue
        why = ""
        if not request.is_dry:
            try:
                repo.refs.update([RefUpdate(name, None, run.archive)], message=_MESSAGE)
            except RefUpdateError as error:
                why = error.what
        yield Removal("archive", name, old.reason(run_id), why)
