"""The life of a deployment: roll a version out, see it healthy, or go back to the last good one.

The record is written before anything is run and after everything that changes what runs, so that
a deployment that dies in the middle is known to the next one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from pipeline.base import clock, ids
from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git import Repository
from pipeline.base.locks import this_process
from pipeline.base.process import CancelToken
from pipeline.flow.deploying_commands import DeployCommands, Runner, values_of
from pipeline.flow.deploying_record import (
    DeploymentHistory,
    require_environment,
    require_version,
)
from pipeline.model.deployment import Deployment, DeploymentState
from pipeline.store.layout import Layout, ensure_excluded

_S = DeploymentState


class Shared(Protocol):
    """Where the records of deployments are shared with other clones."""

    def fetch(self, history: DeploymentHistory) -> None:
        """Bring the ref up to date; raises ``UnfitError``."""

    def push(self, history: DeploymentHistory) -> None:
        """Give the newest record to the others; raises ``UnfitError`` where they have another."""


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """What is to run where; ``takes_over`` disregards that another deployment may be under way."""

    environment: str
    version: str
    commands: DeployCommands
    environ: Mapping[str, str]
    takes_over: bool = False


@dataclass(frozen=True, slots=True)
class Deploying:
    """One deployment and what it works with."""

    request: DeployRequest
    history: DeploymentHistory
    runner: Runner
    shared: Shared | None

    def write(self, deployment: Deployment) -> Deployment:
        """Put a record down, here and where it is shared."""
        self.history.write(deployment)
        if self.shared is not None:
            self.shared.push(self.history)
        return deployment


def deploy(
    repo: Repository,
    layout: Layout,
    request: DeployRequest,
    *,
    cancel: CancelToken,
    tell: Callable[[str], None],
    shared: Shared | None = None,
    on_start: Callable[[Deployment], None] = lambda _: None,
) -> Deployment:
    """Deploy a version; returns the record of how it ended.

    Raises ``InputError`` for names that are none and commands that are empty, ``UnfitError``
    where another deployment is under way, or was recorded meanwhile.
    """
    require_environment(request.environment)
    require_version(request.version)
    _require_commands(request.commands)
    history = DeploymentHistory(repo, layout, request.environment)
    if shared is not None:
        shared.fetch(history)
    before = history.newest()
    if before is not None and before.is_under_way and not request.takes_over:
        _refuse_if_it_may_live(before)
    logs = layout.deployment_logs(request.environment, ids.new_id())
    ensure_excluded(layout)
    runner = Runner.of(layout.top, logs, request.environ, cancel, tell)
    work = Deploying(request, history, runner, shared)
    record = _begin(request, before, repo.resolve_commit("HEAD"))
    if record.unfinished:
        tell(
            f"The deployment of {record.unfinished} to {record.environment} was cut off: what "
            f"runs there is not known. {record.version} is deployed over it."
        )
    work.write(record)
    on_start(record)
    return work.write(_ended(_carried_out(work, record)))


def _begin(request: DeployRequest, before: Deployment | None, commit: str) -> Deployment:
    good, good_before = (before.good, before.good_before) if before else ("", "")
    is_cut_off = before is not None and (before.is_under_way or before.state is _S.INTERRUPTED)
    now = clock.now()
    until = clock.parse_time(now) + timedelta(seconds=request.commands.longest_s)
    return Deployment(
        environment=request.environment,
        version=request.version,
        state=_S.DEPLOYING,
        good=good,
        good_before=good_before,
        # To go back to the very version that does not work would be no way back.
        rollback_to=good_before if good == request.version else good,
        unfinished=before.version if before is not None and is_cut_off else "",
        commit=commit,
        started_at=now,
        until=clock.format_time(until),
        owner=this_process("pipeline deploy"),
    )


def _carried_out(work: Deploying, record: Deployment) -> Deployment:
    request, commands, runner = work.request, work.request.commands, work.runner
    values = values_of(record.environment, record.version, record.rollback_to)
    step = runner.once("deploy", request.version, commands.deploy, values, commands.timeout_s)
    record = replace(record, steps=(*record.steps, step))
    if step.is_good and not runner.cancel.is_cancelled:
        step = runner.until_healthy("health", commands, values)
        record = replace(record, steps=(*record.steps, step))
    if runner.cancel.is_cancelled:
        return replace(record, state=_S.INTERRUPTED, reason="It was stopped.")
    if step.is_good:
        is_new = record.version != record.good
        return replace(
            record,
            state=_S.DEPLOYED,
            good=record.version,
            good_before=record.good if is_new else record.good_before,
        )
    record = replace(record, reason=f"{request.version}: {step.reason}.")
    if not record.rollback_to:
        reason = f"{record.reason} There is no earlier good version to go back to."
        return replace(record, state=_S.FAILED, reason=reason)
    return _rolled_back(work, record)


def _rolled_back(work: Deploying, record: Deployment) -> Deployment:
    commands, runner = work.request.commands, work.runner
    old, new, where = record.rollback_to, record.version, record.environment
    runner.tell(f"{record.reason} Going back to {old}.")
    record = work.write(replace(record, state=_S.ROLLING_BACK))
    # A command for rolling back is told what every command is told; the one that deploys, in its
    # place, is told to deploy the old version.
    now_old = values_of(where, old, new)
    command = commands.rollback or commands.deploy
    values = values_of(where, new, old) if commands.rollback else now_old
    step = runner.once("rollback", old, command, values, commands.timeout_s)
    record = replace(record, steps=(*record.steps, step))
    if step.is_good and not runner.cancel.is_cancelled:
        step = runner.until_healthy("health_after_rollback", commands, now_old)
        record = replace(record, steps=(*record.steps, step))
    if runner.cancel.is_cancelled:
        return replace(record, state=_S.INTERRUPTED, reason=f"{record.reason} It was stopped.")
    if not step.is_good:
        reason = f"{record.reason} The rollback to {old} failed too: {step.reason}."
        return replace(record, state=_S.FAILED, reason=reason)
    return replace(record, state=_S.ROLLED_BACK)


def _ended(record: Deployment) -> Deployment:
    return replace(record, finished_at=clock.now(), until="", owner=None)


def _refuse_if_it_may_live(before: Deployment) -> None:
    """A process of this machine is looked up, another's is waited for as long as it may take."""
    owner = before.owner
    is_here = owner is not None and owner.is_here
    is_alive = owner.is_alive if owner and is_here else _is_ahead(before.until)
    if is_alive:
        who = f" by {owner}" if owner else ""
        raise UnfitError(
            f"{before.version} is being deployed to {before.environment}{who}.",
            remedy="Wait until that has ended; if you know that it died, use --take-over.",
        )


def _is_ahead(time_text: str) -> bool:
    try:
        return clock.now() < clock.format_time(clock.parse_time(time_text))
    except ValueError:
        return False


def _require_commands(commands: DeployCommands) -> None:
    for name, text in (
        ("--deploy-command", commands.deploy),
        ("--health-command", commands.health),
    ):
        if not text.strip() or "\0" in text:
            raise InputError(
                f"{name} is empty.",
                remedy="Give a command; without a health check nobody knows whether it works.",
            )
