"""A run as it is told on the server that it is published to."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from pipeline.base.git import Repository
from pipeline.base.git.ancestry import is_ancestor
from pipeline.flow.handover_base import Difference, changed_paths, differences
from pipeline.land.github.client import PUBLIC_API
from pipeline.model.config import Config
from pipeline.model.protected import DEFAULT_PROTECTED
from pipeline.model.scope import Protected
from pipeline.report.github.view import RunView, WorkstreamView
from pipeline.store.records import Records

ACTIONS = "GITHUB_ACTIONS"


def view_of(
    repo: Repository,
    records: Records,
    config: Config,
    environ: Mapping[str, str],
    *,
    run_id: str,
    api_url: str,
    repository: str,
) -> RunView:
    """Read a run; raises ``InputError`` where there is none such.

    What needs a person is looked up in git, whatever the stored record says.
    """
    server = server_of(api_url, environ)
    job_id = environ.get("GITHUB_RUN_ID", "")
    details = f"{server}/{repository}/actions/runs/{job_id}" if job_id.isdigit() else ""
    view = RunView.of(
        records,
        run_id,
        repository=repository,
        server_url=server,
        base=base_of(repo, records, config, run_id),
        details_url=details,
    )
    difference = differences(repo, view.plan)
    # The base commit may be a stranger's, who protects what suits them.
    here = config.policy.protected or DEFAULT_PROTECTED
    names = tuple(dict.fromkeys((*difference.protected, *here)))
    difference = replace(difference, protected=names)
    is_unseen = environ.get(ACTIONS) == "true"
    guarded = tuple(_guarded(repo, ws, difference, is_unseen=is_unseen) for ws in view.workstreams)
    # What is published how is no part of the frozen plan: it is what is configured now.
    plan = replace(view.plan, config=replace(view.plan.config, publish=config.publish))
    return replace(view, plan=plan, workstreams=guarded)


def server_of(api_url: str, environ: Mapping[str, str]) -> str:
    """The address of a server's pages, from that of its API.

    ``GITHUB_SERVER_URL`` is believed where it is on the very same host.
    """
    if api_url == PUBLIC_API:
        return "https://github.com"
    split = urlsplit(api_url)
    named = urlsplit(environ.get("GITHUB_SERVER_URL", ""))
    if named.scheme == split.scheme and named.netloc in (split.netloc, f"api.{split.netloc}"):
        return f"{named.scheme}://{named.netloc}"
    host = split.netloc.removeprefix("api.") if split.path in ("", "/") else split.netloc
    return f"{split.scheme}://{host}"


def base_of(repo: Repository, records: Records, config: Config, run_id: str) -> str:
    """The branch to merge into: as configured for publishing, else the run's, else the project's.

    A run's own is where it started from, if that is a branch here or on the remote that holds the
    base commit: what a record says of it is not enough.
    """
    if config.publish.base:
        return config.publish.base
    remote = config.publish.remote
    run = records.run(run_id)
    ref = run.base_ref.removeprefix("refs/heads/").removeprefix(f"{remote}/")
    places = (f"refs/heads/{ref}", f"refs/remotes/{remote}/{ref}")
    tips = [tip for place in places if ref and (tip := repo.refs.read(place))]
    if any(is_ancestor(repo, run.base_commit, tip) for tip in tips):
        return ref
    return config.project.base or repo.default_branch()


def _guarded(
    repo: Repository, ws: WorkstreamView, difference: Difference, *, is_unseen: bool
) -> WorkstreamView:
    """A workstream with the paths that only a person may let through.

    Where no person started the run, a bundle or a configuration that is not the one of the base
    commit is one of them, too: nobody has seen what was asked for. An issue that only such a
    bundle names is not written to.
    """
    found = set(ws.protected)
    if is_unseen and ws.id in difference.bundles:
        found.add((ws.bundle.source or ws.id).encode("utf-8", "surrogateescape"))
        ws = replace(ws, bundle=replace(ws.bundle, ccpm_issue=None))
    if not ws.has_commit:
        return ws
    if is_unseen and difference.is_config_other:
        found.add(b"pipeline.yaml")
    names = Protected(difference.protected)
    paths = changed_paths(repo, ws.record.start_commit, [ws.record.commit])
    found |= {path for path in paths if names.matches(path)}
    return replace(ws, protected=tuple(sorted(found)))
