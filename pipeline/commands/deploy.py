"""``pipeline deploy``: roll a version out, see it healthy, or go back to the last good one."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click

from pipeline.base import console
from pipeline.base.errors import ExitCode, InputError
from pipeline.base.git import Repository
from pipeline.base.process import CancelToken
from pipeline.commands import reading
from pipeline.commands.publish import configured
from pipeline.commands.signals import StopOnSignal
from pipeline.flow.deploying import DeployRequest, deploy
from pipeline.flow.deploying_commands import DeployCommands
from pipeline.flow.deploying_notices import Notices
from pipeline.flow.deploying_shared import SharedRecord
from pipeline.flow.publishing import open_hub, server_of
from pipeline.land.github.access import token_of
from pipeline.land.github.client import GitHub
from pipeline.model.config import Config
from pipeline.model.deployment import Deployment, DeploymentState

_LOOK_S = 0.1
_EXIT_CODES = {
    DeploymentState.DEPLOYED: ExitCode.OK,
    DeploymentState.INTERRUPTED: ExitCode.INTERRUPTED,
}
_SECONDS = click.FloatRange(min=0.01, max=86400)


@click.command(
    "deploy",
    epilog=reading.examples(
        "pipeline deploy --environment staging --version 1.4.2 \\",
        "    --deploy-command './deploy.sh \"$VERSION\"' \\",
        "    --health-command 'curl -fsS https://staging.example.com/health'",
    ),
)
@click.option("--environment", required=True, metavar="NAME", help="Where it is to run.")
@click.option("--version", "version", required=True, metavar="V", help="What is to run there.")
@click.option("--deploy-command", required=True, metavar="CMD", help="Rolls $VERSION out.")
@click.option("--health-command", required=True, metavar="CMD", help="Exits 0 when it is healthy.")
@click.option(
    "--rollback-command",
    default="",
    metavar="CMD",
    help="Goes back to $PREVIOUS_VERSION; by default the deploy command, with that version.",
)
@click.option(
    "--attempts",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    metavar="N",
    help="How often health is asked before it is given up.",
)
@click.option(
    "--interval", type=_SECONDS, default=5.0, show_default=True, metavar="S", help="Between two."
)
@click.option(
    "--timeout",
    type=_SECONDS,
    default=1800.0,
    show_default=True,
    metavar="S",
    help="How long the deploy or rollback command may take.",
)
@click.option(
    "--health-timeout",
    type=_SECONDS,
    default=30.0,
    show_default=True,
    metavar="S",
    help="How long one health check may take.",
)
@click.option(
    "--remote",
    default="",
    envvar="PIPELINE_DEPLOY_REMOTE",
    metavar="R",
    help="Where the record is kept for other machines; by default only here.",
)
@click.option(
    "--take-over", is_flag=True, help="Also where another deployment seems to be under way."
)
@reading.format_option
@reading.repo_option
def command(*, form: str, repo: Path, **options: Any) -> int:
    """Deploy a version to an environment, and go back to the last good one if it is not healthy.

    The commands are run by the shell with ENVIRONMENT, VERSION and PREVIOUS_VERSION. What is
    known to be healthy is recorded at refs/pipeline/deploy/<environment>. Exits 0 when it is
    deployed and healthy, 1 when it was rolled back or even that failed, 130 when interrupted.
    """
    commands = DeployCommands(
        deploy=options["deploy_command"],
        health=options["health_command"],
        rollback=options["rollback_command"].strip(),
        attempts=options["attempts"],
        interval_s=options["interval"],
        timeout_s=options["timeout"],
        health_timeout_s=options["health_timeout"],
    )
    request = DeployRequest(
        environment=options["environment"],
        version=options["version"],
        commands=commands,
        environ=dict(os.environ),
        takes_over=options["take_over"],
    )
    with Repository.discover(repo) as repository:
        done = _deploy(repository, request, options["remote"])
    if form == reading.JSON:
        reading.print_json(done)
    else:
        console.emit(sentence(done))
    return _EXIT_CODES.get(done.state, ExitCode.NOT_PASSED)


def _deploy(repository: Repository, request: DeployRequest, remote: str) -> Deployment:
    """Deploy in a thread of its own, so that a signal is seen at once."""
    layout = reading.find_layout(repository)
    config = configured(repository)
    cancel = CancelToken()
    hub = _hub(repository, config)
    if hub is not None:
        # That this server is the remote's was agreed on before the hub was opened.
        repository.remotes.trust(server_of(hub.api_url, os.environ))
    notices = Notices(request.environ, _note, hub)
    prefix = config.journal.refs_prefix
    shared = SharedRecord(repository, remote, prefix) if remote else None

    def go() -> Deployment:
        return deploy(
            repository,
            layout,
            request,
            cancel=cancel,
            tell=lambda line: console.tell(console.safe(line)),
            shared=shared,
            on_start=notices.started,
        )

    with StopOnSignal() as stop, ThreadPoolExecutor(1, "deploy") as worker:
        future = worker.submit(go)
        while True:
            try:
                done = future.result(timeout=_LOOK_S)
                break
            except TimeoutError:
                if stop.reason():
                    cancel.cancel()
    notices.ended(done, sentence(done))
    if hub is not None:
        hub.close()
    return done


def _hub(repository: Repository, config: Config) -> GitHub | None:
    """GitHub, to tell it of the deployment: where there is a token, and the remote is there."""
    if not token_of(os.environ) or config.publish.remote not in repository.remotes.names():
        return None
    try:
        return open_hub(
            config, repository.remotes.url(config.publish.remote), os.environ, wait_s=30
        )
    except InputError as error:
        _note(f"GitHub is not told of the deployment: {error.what}")
        return None


def _note(text: str) -> None:
    console.tell(f"warning: {console.safe(text)}")


def sentence(done: Deployment) -> str:
    """How a deployment ended, for people."""
    what, where = console.safe(done.version), done.environment
    old, why = console.safe(done.rollback_to), console.safe(done.reason)
    if done.state is DeploymentState.DEPLOYED:
        was = f"; before that it was {old}" if old else ""
        return f"{what} runs in {where} and is healthy{was}."
    if done.state is DeploymentState.ROLLED_BACK:
        return f"{what} was not kept in {where}: {old} runs there again and is healthy. {why}"
    if done.state is DeploymentState.INTERRUPTED:
        return f"The deployment of {what} to {where} was stopped: what runs there is not known."
    return f"ATTENTION: nobody knows what runs in {where}, or whether it works. {why}"
