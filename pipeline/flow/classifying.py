"""Writing down what kind of failure an attempt ended with: in its details and in its event."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.flow.backoff import next_pause_s
from pipeline.flow.change import Change
from pipeline.flow.context import RunContext
from pipeline.model.agent import AgentFailure
from pipeline.model.event import EventType
from pipeline.model.patch import Reason
from pipeline.model.record import Step, StepAttempt
from pipeline.model.verdict import Verdict
from pipeline.model.workstream import BreakerLimits
from pipeline.repair.breakers import AttemptFacts, facts, repeats
from pipeline.repair.classify import Classification, Failure, classify, is_flaky


def classified(context: RunContext, change: Change, before: Sequence[StepAttempt]) -> Change:
    """A refused change with its class; as it is where it was accepted or a fixer found nothing.

    ``before`` are the attempts of the same task so far, oldest first.
    """
    attempt = change.attempt
    is_idle_fixer = attempt.details.get("is_fixer") and change.reason_code == Reason.EMPTY
    if change.is_accepted or is_idle_fixer:
        return change
    said = (attempt.details.get("agent") or {}).get("failure")
    kind = classify(
        Failure(
            code=change.reason_code,
            agent=AgentFailure(said) if said else None,
            is_repeated=any(a.details.get("code") == change.reason_code for a in before),
        )
    )
    payload: dict[str, object] = {"classification": kind.value}
    pause = next_pause_s(context.config.repair, (*before, attempt), attempt.tool)
    if pause:
        payload["asked_again_in_s"] = round(pause, 3)
    attempt = replace(attempt, details={**attempt.details, **payload})
    events = tuple(
        replace(event, payload={**event.payload, **payload})
        if event.type is EventType.ATTEMPT_FINISHED
        else event
        for event in change.events
    )
    return replace(change, attempt=attempt, events=events)


def class_of_verdict(
    context: RunContext,
    verdict: Verdict,
    before: Sequence[StepAttempt],
    limits: BreakerLimits,
) -> Classification | None:
    """The class of what a gate said; ``None`` for a plain green.

    ``before`` are all finished attempts of the workstream's generation.
    """
    if verdict.is_green and not is_flaky(verdict.findings):
        return None
    signatures = frozenset(f.signature for f in verdict.findings if f.signature)
    this = AttemptFacts(Step.STATIC, 0, verdict.tree, signatures)
    return classify(
        Failure(
            result=verdict.result,
            findings=verdict.findings,
            is_repeated=repeats((*facts(before), this), limits) is not None,
        ),
        unfixable=context.config.repair.unfixable,
    )
