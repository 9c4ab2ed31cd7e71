"""A second opinion: an agent judges a change whose gates are green, before it counts as checked."""

import re
from dataclasses import dataclass, replace

from pipeline.base.errors import InputError, InterruptedRunError
from pipeline.base.process import Ending
from pipeline.flow.attempts import Attempt, finished, past
from pipeline.flow.choosing import observe
from pipeline.flow.context import RunContext
from pipeline.flow.driving import Driven, drive
from pipeline.flow.prompting import tell_judge
from pipeline.model.agent import Mode
from pipeline.model.check import ToolProfile
from pipeline.model.finding import Finding
from pipeline.model.record import AttemptState, Step, StepAttempt, WorkstreamRecord
from pipeline.model.verdict import CheckResult, Result
from pipeline.work.editors import find_editor

NAME = "judge"
_VERDICT = re.compile(r"[*_`]*VERDICT: *(ACCEPT|REJECT)\b[*_`]*:?[ \t]*(.*)")
_REASON = 500  # characters


@dataclass(frozen=True, slots=True)
class Opinion:
    """What an agent's answer says about a patch; ``UNKNOWN`` where it says nothing clear."""

    result: Result
    reason: str = ""


def read_opinion(answer: str) -> Opinion:
    """Read ``VERDICT: ACCEPT`` or ``VERDICT: REJECT: reason``, which has to be the last line.

    Anything else is none: an answer that only repeats what it was asked, or a patch that plays the
    judge, lets no change through.
    """
    lines = answer.rstrip().splitlines()
    found = _VERDICT.fullmatch(lines[-1]) if lines else None
    if found is None:
        return Opinion(Result.UNKNOWN, "The judge did not end with a verdict.")
    if found[1] == "ACCEPT":
        is_plain = not found[2].strip(" `*_.")
        return Opinion(Result.PASSED) if is_plain else Opinion(Result.UNKNOWN, lines[-1][:_REASON])
    return Opinion(Result.FAILED, found[2].strip(" `*_")[:_REASON] or "It gave no reason.")


def second_opinion(context: RunContext, record: WorkstreamRecord) -> CheckResult | None:
    """What the configured judge says of a workstream's change, ``None`` where nobody is asked.

    One that was given on this very tree holds. Raises ``InterruptedRunError`` when the run was
    told to stop meanwhile.
    """
    name = context.config.review.judge
    before = context.repo.commit_tree(record.start_commit)
    if not name or before == record.tree:
        return None
    given = [a for a in past(context, record, Step.REVIEW) if a.result_tree == record.tree]
    settled = next((a for a in reversed(given) if a.state is AttemptState.SUCCEEDED), None)
    if settled is not None:
        return _as_check(_stored(settled))
    profile = context.config.tools[name]
    profile = replace(profile, agent=replace(profile.agent, mode=Mode.PATCH_REVIEW.value))
    return _as_check(_ask(context, record, profile, before, number=len(given) + 1))


def _ask(
    context: RunContext, record: WorkstreamRecord, profile: ToolProfile, before: str, *, number: int
) -> Opinion:
    known = {"returns": record.returns, "task_kind": "review"}
    attempt = Attempt(context, record, Step.REVIEW, profile.id, number, known).start()
    with context.repo.scratch() as scratch, context.tool_turn(profile):
        told = tell_judge(context, record, profile, context.repo.diff_text(before, record.tree))
        try:
            done = drive(attempt, find_editor(profile.driver), profile, scratch, None, told=told)
        except InputError as error:
            return _settle(attempt, None, Opinion(Result.FAULT, str(error)))
    observe(context, profile.id, done.report)
    if done.report.ending == Ending.CANCELLED:
        attempt.interrupt(done.report)
        raise InterruptedRunError("The run was told to stop.", remedy="`pipeline run` carries on.")
    return _settle(attempt, done, _opinion(profile, done))


def _opinion(profile: ToolProfile, done: Driven) -> Opinion:
    report, outcome = done.report, done.report.agent
    if done.objections or done.captured.changes:
        what = done.objections[0].message if done.objections else "it changed files"
        return Opinion(Result.FAULT, f"The judge {profile.id} may change nothing: {what}.")
    if outcome is None or outcome.failure or report.ending != Ending.EXITED:
        said = (outcome.message if outcome else "") or report.summary or report.ending
        return Opinion(Result.FAULT, f"The judge {profile.id} could not tell: {said}")
    return read_opinion(outcome.answer)


def _settle(attempt: Attempt, done: Driven | None, opinion: Opinion) -> Opinion:
    """Store the attempt, which succeeded if there is a verdict, whichever it is."""
    is_told = opinion.result in (Result.PASSED, Result.FAILED)
    stored = attempt.finish(
        is_good=is_told,
        reason=opinion.reason,
        report=done.report if done else None,
        result_tree=attempt.record.tree,
        details={"result": opinion.result.value},
    )
    words = {Result.PASSED: "accepts the change.", Result.FAILED: f"rejects it: {opinion.reason}"}
    said = words.get(opinion.result, opinion.reason)
    message = f"{attempt.record.ws_id}: the judge {attempt.tool} {said}"
    attempt.context.ledger.finish_attempt(stored, events=(finished(stored, message),))
    return opinion


def _stored(attempt: StepAttempt) -> Opinion:
    return Opinion(Result(attempt.details["result"]), attempt.reason)


def _as_check(opinion: Opinion) -> CheckResult:
    if opinion.result is not Result.FAILED:
        return CheckResult(NAME, opinion.result, "", reason=opinion.reason)
    finding = Finding(
        NAME, "rejected", opinion.reason, signature=f"{NAME}::rejected::{opinion.reason}"
    )
    return CheckResult(NAME, opinion.result, "", findings=(finding,), reason=opinion.reason)
