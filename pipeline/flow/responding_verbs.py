"""What each comment command does."""

from collections.abc import Mapping
from typing import Any

from pipeline.base.errors import InputError
from pipeline.flow.answering import find_review
from pipeline.flow.publishing import server_of
from pipeline.flow.responding import Carried, Heard, Responding
from pipeline.flow.responding_github import Head, MovedError, moved, require_unmoved
from pipeline.flow.responding_record import Subject, bring_in, give_back, subject_of
from pipeline.flow.responding_texts import answered, cancelled, dispatched
from pipeline.flow.responding_words import ANSWERING, STARTING, Verb
from pipeline.flow.submitting import submit
from pipeline.land.github import sent
from pipeline.land.github.client import segment
from pipeline.model.review import Review
from pipeline.model.states import RunState
from pipeline.report.github.comments import sticky_comment
from pipeline.report.github.view import RunView
from pipeline.store.inbox import Request, post
from pipeline.store.lock import live_owner
from pipeline.store.records import Records

_LIVE = frozenset({RunState.PENDING, RunState.RUNNING})
_UNFINISHED = ("queued", "in_progress", "waiting", "pending", "requested")
_MOST_RUNS = 20


def carry_out(job: Responding, heard: Heard) -> Carried:
    """Do what a command asks for; raises ``InputError`` where that cannot be done."""
    # That this server is the repository's was agreed on before the hub was opened.
    job.repo.remotes.trust(server_of(job.hub.api_url, job.environ))
    bring_in(job.repo, job.layout, job.config)
    with Records(job.layout) as records:
        known = records if records.latest_run(kind="run") else None
        subject = subject_of(known, job.hub.repository, heard.event.number)
        verb = heard.asked.verb
        if verb in ANSWERING:
            return _answer(job, heard, _require(known), subject)
        if verb in STARTING:
            return _start(job, heard, known, subject)
        if verb is Verb.STATUS:
            return _status(job, _require(known), subject)
        return _cancel(job, heard, known, subject)


def _require(known: Records | None) -> Records:
    if known is None:
        raise InputError("No run is known here.", remedy="Begin with `/pipeline run`.")
    return known


def _answer(job: Responding, heard: Heard, records: Records, subject: Subject) -> Carried:
    """Approve, reject or adjust, as the command line does, at the head that was reviewed."""
    event = heard.event
    asked = find_review(records, heard.asked.workstream, subject.run_id or None)
    _require_about(asked, subject, heard)
    by = f"@{event.login} {_comment_url(job, heard)}"
    if not asked.is_open and asked.answered_by == by:
        # Stored by an earlier delivery of this very comment, which did not come to its reply.
        give_back(job.repo, job.layout, job.config, asked.run_id)
        return Carried(answered(asked, event.login), asked.run_id)
    found = submit(
        job.layout,
        records,
        asked,
        heard.asked.answer(by),
        job.layout.top,
        command="pipeline respond",
        last_look=lambda: require_unmoved(job.hub, event, heard.head),
    )
    give_back(job.repo, job.layout, job.config, asked.run_id)
    return Carried(answered(found, event.login), asked.run_id)


def _require_about(asked: Review, subject: Subject, heard: Heard) -> None:
    """Raise where the comment was not said about this question, or about other work than it is."""
    if subject.ws_id and asked.ws_id != subject.ws_id:
        raise InputError(
            f"This is about {subject.ws_id}, not about {asked.ws_id}.",
            remedy="Answer where the change can be seen: on its own pull request or issue.",
        )
    if asked.is_open and asked.asked_at[:19] > heard.event.created_at[:19]:
        raise MovedError(
            "The question was asked after the comment was written: nothing was done.",
            remedy="Look at what is new, then say it again.",
        )
    if subject.commit and heard.head is not None and heard.head.sha != subject.commit:
        raise moved(Head(subject.commit, heard.head.is_fork), heard.head)


def _start(job: Responding, heard: Heard, records: Records | None, subject: Subject) -> Carried:
    """Have the workflow run: nothing is run in this job, which may write."""
    asked, event = heard.asked, heard.event
    if asked.workstream and records is not None and subject.run_id:
        plan = records.plan(subject.run_id)
        if asked.workstream not in {ws.id for ws in plan.workstreams}:
            raise InputError(f"The run {subject.run_id} has no workstream {asked.workstream}.")
    branch = sent.text(_object(job.hub.request("GET", "")), "default_branch")
    # On a pull request of ours the bundles are those of its base; on another's, those that it has.
    sha = heard.head.sha if heard.head and not subject.run_id else ""
    inputs = {name: text for name, text in (("only", asked.workstream), ("sha", sha)) if text}
    require_unmoved(job.hub, event, heard.head)
    path = f"actions/workflows/{segment(job.workflow)}/dispatches"
    # To start it twice does no harm: a run that is completed is not run again.
    job.hub.request("POST", path, body={"ref": branch, "inputs": inputs}, is_repeatable=True)
    return Carried(dispatched(asked.verb, asked.workstream, job.workflow, sha), subject.run_id)


def _status(job: Responding, records: Records, subject: Subject) -> Carried:
    """The text that the sticky comment has, or would have."""
    run_id = subject.run_id or _newest(records)
    view = RunView.of(
        records,
        run_id,
        repository=job.hub.repository,
        server_url=server_of(job.hub.api_url, job.environ),
    )
    body = sticky_comment(view, subject.ws_id).body
    return Carried(body.partition("\n")[2], run_id)


def _cancel(job: Responding, heard: Heard, records: Records | None, subject: Subject) -> Carried:
    """Ask the engine that works here; where none does, cancel workflow runs of this subject."""
    run_id = subject.run_id or (_newest(records) if records else "")
    if live_owner(job.layout) is not None and records is not None:
        is_live = records.run(run_id).state in _LIVE
        if is_live:
            post(job.layout, Request("cancel", run_id))
        return Carried(cancelled(0, is_asked=is_live), run_id)
    count = 0
    for one in _workflow_runs(job):
        number = sent.number(one, "id")
        require_unmoved(job.hub, heard.event, heard.head)
        job.hub.request("POST", f"actions/runs/{number}/cancel", is_repeatable=True)
        count += 1
    return Carried(cancelled(count, is_asked=False), run_id)


def _workflow_runs(job: Responding) -> list[Mapping[str, Any]]:
    """The runs of the workflow that have not ended, the newest first."""
    path = f"actions/workflows/{segment(job.workflow)}/runs"
    found: list[Mapping[str, Any]] = []
    for status in _UNFINISHED:
        found += job.hub.pages(path, {"status": status}, key="workflow_runs")
    by_id = {sent.number(one, "id"): one for one in found}
    return [by_id[number] for number in sorted(by_id, reverse=True) if number][:_MOST_RUNS]


def _newest(records: Records) -> str:
    newest = records.latest_run(kind="run")
    return newest.run_id if newest else ""


def _comment_url(job: Responding, heard: Heard) -> str:
    """The page of the comment, made by us: what an event says of it goes into no record."""
    event = heard.event
    where = "pull" if event.is_pull_request else "issues"
    server = server_of(job.hub.api_url, job.environ)
    page = f"{server}/{job.hub.repository}/{where}/{event.number}"
    return f"{page}#issuecomment-{event.comment_id}"


def _object(answer: object) -> Mapping[str, Any]:
    return answer if isinstance(answer, dict) else {}
