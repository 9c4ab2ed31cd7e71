"""Publishing a run: branches, pull requests, checks, comments, issues, findings, the journal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.base.git import Repository
from pipeline.flow.publishing_branches import push_branches
from pipeline.flow.publishing_checks import publish_checks
from pipeline.flow.publishing_fallback import tell_otherwise
from pipeline.flow.publishing_findings import publish_sarif
from pipeline.flow.publishing_journal import push_journal
from pipeline.flow.publishing_pulls import publish_pulls
from pipeline.flow.publishing_told import Told
from pipeline.flow.publishing_view import server_of, view_of
from pipeline.flow.publishing_words import Author, publish_comments, publish_issues
from pipeline.land.github.access import require_target, token_of
from pipeline.land.github.client import GitHub, no_token, require_pygithub
from pipeline.land.github.patience import DEFAULT_WAIT_S, Patience
from pipeline.model.config import Config
from pipeline.model.publishing import PublishReport
from pipeline.report.github.view import RunView
from pipeline.store.ledger import Ledger
from pipeline.store.publications import publications
from pipeline.store.records import Records

__all__ = ["Publishing", "open_hub", "publish", "server_of"]

WAIT, PAUSE = "PIPELINE_GITHUB_WAIT_S", "PIPELINE_GITHUB_PAUSE_S"


@dataclass(frozen=True, slots=True)
class Publishing:
    """What is to be published, from where, with what rights.

    ``ledger`` records what comes of it; without one (a dry run) ``hub`` tells its requests.
    ``watch`` is told each thing before it is tried.
    """

    repo: Repository
    records: Records
    config: Config
    environ: Mapping[str, str]
    hub: GitHub
    ledger: Ledger | None = None
    watch: Callable[[str], object] | None = None


def publish(job: Publishing, run_id: str) -> PublishReport:
    """Publish everything that a run has, or bring it up to date; what fails does not stop the rest.

    Looks at GitHub before each write, so it may be stopped anywhere and done again.
    """
    config = job.config.publish
    view = _view(job, run_id)
    stored = publications(job.records, view.run_id)
    told = Told(view.run_id, job.hub, stored, job.ledger, job.watch)
    author = Author(told, job.environ)
    # Only here: that this server is the repository's was agreed on before the hub was opened.
    job.repo.remotes.trust(server_of(job.hub.api_url, job.environ))
    pushed = push_branches(job.repo, job.records, job.config, view, told)
    view = publish_pulls(view, pushed, told)
    if config.checks:
        publish_checks(view, pushed, told)
    if config.comments:
        publish_comments(view, told, author)
    if config.issues:
        publish_issues(view, told, author)
    if config.sarif:
        publish_sarif(view, pushed, told)
    tell_otherwise(view, job.records.layout, told, job.environ)
    # Last: it tells what was published.
    push_journal(job.repo, job.records, job.config, told)
    return told.report()


def _view(job: Publishing, run_id: str) -> RunView:
    return view_of(
        job.repo,
        job.records,
        job.config,
        job.environ,
        run_id=run_id,
        api_url=job.hub.api_url,
        repository=job.hub.repository,
    )


def open_hub(
    config: Config,
    remote_url: str,
    environ: Mapping[str, str],
    *,
    asked: str = "",
    wait_s: float | None = None,
    dry_run: Callable[[str], object] | None = None,
    notice: Callable[[str], object] | None = None,
) -> GitHub:
    """The repository on GitHub that everything agrees on, with the token of the environment.

    Raises ``InputError`` where something does not agree or, but for a dry run, no token is there.
    """
    require_pygithub()
    target = require_target(config.publish, remote_url, environ, asked=asked)
    token = token_of(environ)
    if not token and dry_run is None:
        raise no_token()
    waits = wait_s if wait_s is not None else _seconds(environ, WAIT, DEFAULT_WAIT_S)
    return GitHub(
        target.api_url,
        target.repository,
        token,
        patience=Patience(waits),
        pause_s=_seconds(environ, PAUSE, 1.0),
        dry_run=dry_run,
        notice=notice,
    )


def _seconds(environ: Mapping[str, str], name: str, otherwise: float) -> float:
    text = environ.get(name, "").strip()
    is_number = text.replace(".", "", 1).isdigit() and text.isascii() and len(text) < 12
    return float(text) if is_number else otherwise
