"""A failed workflow run on GitHub: what it was about, and the logs of the jobs that failed."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.base.errors import InputError
from pipeline.base.git import Repository, is_ref_name
from pipeline.base.git.address import is_same
from pipeline.flow.fixing_ci_logs import FailedRun, JobLog, keep_end
from pipeline.land.github import sent
from pipeline.land.github.client import GitHub
from pipeline.land.github.errors import DeniedError, UnavailableError

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_BAD = frozenset({"failure", "timed_out"})
_MOST_JOBS = 50
_PLACE = "refs/pipeline/incoming/fix-ci"


def failed_run(repo: Repository, remote: str, hub: GitHub, number: int) -> FailedRun:
    """A workflow run that failed, with the logs of its failed jobs; its commit is fetched.

    The remote is the hub's repository, as was agreed on before it was opened.
    Raises ``InputError`` for a run that has not failed, ``GitHubError`` and ``RemoteError``.
    """
    run = _object(hub.request("GET", f"actions/runs/{number}"), "workflow run")
    commit = sent.text(run, "head_sha")
    if not _SHA.fullmatch(commit):
        raise UnavailableError(f"GitHub names no commit of the workflow run {number}.")
    conclusion = sent.text(run, "conclusion")
    if conclusion not in _BAD:
        said = conclusion or sent.text(run, "status") or "unknown"
        raise InputError(
            f"The workflow run {number} has not failed: it is {said[:40]}.",
            remedy="Name one that has; `gh run list --status failure` lists them.",
        )
    is_fork = not is_same(sent.text(_part(run, "head_repository"), "full_name"), hub.repository)
    _fetch(repo, remote, hub, run, commit)
    actor = _part(run, "triggering_actor") or _part(run, "actor")
    return FailedRun(
        commit,
        tuple(_logs(hub, number)),
        workflow_run=number,
        branch=sent.text(run, "head_branch"),
        actor=sent.text(actor, "login"),
        is_by_bot=sent.text(actor, "type") != "User",
        is_fork=is_fork,
    )


def _logs(hub: GitHub, number: int) -> Iterator[JobLog]:
    """The ends of the logs of the jobs that failed; one that is gone is no reason to stop."""
    jobs = hub.pages(f"actions/runs/{number}/jobs", {"filter": "latest"}, key="jobs")
    failed = [job for job in jobs if sent.text(job, "conclusion") in _BAD]
    gone: DeniedError | None = None
    found = 0
    for job in failed[:_MOST_JOBS]:
        try:
            data, is_cut = keep_end(hub.download(f"actions/jobs/{sent.number(job, 'id')}/logs"))
        except DeniedError as error:
            gone = error
            continue
        found += 1
        yield JobLog(sent.text(job, "name")[:200], data, is_cut)
    if gone is not None and not found:
        raise gone


def _fetch(repo: Repository, remote: str, hub: GitHub, run: Mapping[str, Any], commit: str) -> None:
    """Bring the commit here, by the pull request that it belongs to where no branch has it."""
    if repo.objects.has(commit):
        return
    branch = f"refs/heads/{sent.text(run, 'head_branch')}"
    numbers = {sent.number(one) for one in hub.pages(f"commits/{commit}/pulls")}
    places = [f"refs/pull/{number}/head" for number in sorted(numbers) if number]
    places += [branch] if is_ref_name(branch) else []
    there = repo.remotes.refs(remote, *places) if places else {}
    for name, oid in there.items():
        if oid == commit:
            repo.remotes.fetch(remote, [f"+{name}:{_PLACE}"])
            return
    raise InputError(
        f"{commit[:12]}, which failed, is not here, and no branch of {remote} is at it any more.",
        remedy=f"Fetch it (`git fetch {remote} {commit}`), or let the newest commit fail first.",
    )


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _object(answer: object, what: str) -> Mapping[str, Any]:
    if not isinstance(answer, dict):
        raise UnavailableError(f"GitHub's answer is no {what}.")
    return answer
