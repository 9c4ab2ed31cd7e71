"""Which tool is asked next, given how those that were asked for the same task have failed."""

from collections.abc import Sequence

from pipeline.flow.backoff import faults_in_a_row, is_passing
from pipeline.flow.choosing import AUTO, choose
from pipeline.flow.context import RunContext
from pipeline.model.agent import TRANSIENT, UNFIT, AgentFailure
from pipeline.model.check import ToolProfile, ToolType
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.patch import Reason
from pipeline.model.record import AttemptState, Step, StepAttempt, WorkstreamRecord
from pipeline.repair.breakers import AGENT, MECHANICAL, TOOL
from pipeline.work.editors import find_editor

_UNFIT = frozenset({"infrastructure", *(failure.value for failure in UNFIT)})
_UNABLE = frozenset(
    {failure.value for failure in frozenset(AgentFailure) - TRANSIENT - UNFIT}
    | {Reason.EMPTY.value, "idle", "flooded", "signalled", "exit"}
)
_AGAIN = _UNABLE - {AgentFailure.CONTEXT_TOO_LONG.value}
"""What the same tool may get right when it is told; a prompt that is too long only grows."""
_SURROUNDINGS = _UNFIT | {failure.value for failure in TRANSIENT}


def is_agent_failure(context: RunContext, attempt: StepAttempt) -> bool:
    """Whether an attempt's agent, and not its change, was what failed."""
    return _code(context, attempt) in _UNABLE | _SURROUNDINGS


def is_of_surroundings(context: RunContext, attempt: StepAttempt) -> bool:
    """Whether it says nothing of the task: an agent failed at what is around it."""
    return _code(context, attempt) in _SURROUNDINGS


def failed_tools(context: RunContext, attempts: Sequence[StepAttempt]) -> tuple[str, ...]:
    """The tools among ``attempts`` (oldest first) that could not do it, the last one at the end.

    A tool is judged by its newest attempt: one that its agent failed at, or the last of as many
    passing faults in a row as are tried again.
    """
    retries = context.config.repair.retries
    newest = {attempt.tool: attempt for attempt in attempts}
    failed = [
        attempt
        for attempt in newest.values()
        if is_agent_failure(context, attempt)
        and not (is_passing(attempt) and faults_in_a_row(attempts, attempt.tool) <= retries)
    ]
    return tuple(a.tool for a in sorted(failed, key=attempts.index))


def next_tool(
    context: RunContext,
    record: WorkstreamRecord,
    step: Step,
    attempts: Sequence[StepAttempt],
    rung: str = "",
) -> ToolProfile | None:
    """The tool for the next attempt, ``None`` where none is left.

    ``attempts`` are those made so far for the same step since landing last sent it back, or for
    the same rung. The tool of the last one is kept until it fails; then comes its fallback. One
    that could not do its work is asked again, told why, where there is no other.
    Raises ``InputError`` where the routing knows no tool for the task.
    """
    failed = failed_tools(context, attempts)
    if attempts and attempts[-1].tool not in failed:
        return _named(context, record, step, attempts[-1].tool)
    if not failed:
        own = own_tool(context, record) if rung == TOOL else None
        if own is not None:
            return _named(context, record, step, own.id)
        return choose(context, record, step, rung=rung)
    chosen = choose(context, record, step, rung=rung, failed=failed)
    if chosen.id not in failed:
        return chosen
    newest = {attempt.tool: attempt for attempt in attempts}
    for name in reversed(failed):
        profile = context.config.tools[name]
        may_learn = find_editor(profile.driver).takes_feedback(profile)
        if may_learn and _code(context, newest[name]) in _AGAIN:
            return profile
    return None


def own_tool(context: RunContext, record: WorkstreamRecord) -> ToolProfile | None:
    """The workstream's own tool; for one that is chosen, what made its last accepted edit."""
    name = context.workstream(record.ws_id).tool
    if name == AUTO:
        name = next(
            (
                attempt.tool
                for attempt in reversed(context.ledger.attempts(context.run_id, record.ws_id))
                if attempt.step is Step.EDIT and attempt.state is AttemptState.SUCCEEDED
            ),
            "",
        )
    return context.config.tools.get(name)


def tell_fallback(
    context: RunContext,
    record: WorkstreamRecord,
    step: Step,
    attempts: Sequence[StepAttempt],
    profile: ToolProfile,
) -> None:
    """Record that another tool is asked than the one that failed, and why."""
    last = attempts[-1] if attempts else None
    if last is None or last.tool not in failed_tools(context, attempts):
        return
    if last.tool == profile.id:
        return
    context.ledger.record_soon(
        EventDraft(
            EventType.TOOL_FALLBACK,
            f"{record.ws_id}: {profile.id} is asked instead of {last.tool}: {last.reason}",
            level=Level.WARNING,
            run_id=context.run_id,
            ws_id=record.ws_id,
            step=step,
            payload={
                "from": last.tool,
                "to": profile.id,
                "why": last.reason,
                "code": last.details.get("code", ""),
                "after": last.attempt_id,
            },
        )
    )


def _named(context: RunContext, record: WorkstreamRecord, step: Step, name: str) -> ToolProfile:
    """A certain tool, or what is asked in its place while its breaker is open."""
    if name == context.workstream(record.ws_id).tool:
        return choose(context, record, step, rung=TOOL)
    if name in (AGENT, MECHANICAL, TOOL):
        return context.config.tools[name]  # A profile that is called like a rung.
    return choose(context, record, step, rung=name)


def _code(context: RunContext, attempt: StepAttempt) -> str:
    """Why an attempt's agent failed; empty for other tools, whose endings are their own matter."""
    profile = context.config.tools.get(attempt.tool)
    said = attempt.details.get("agent") or {}
    if attempt.state is not AttemptState.FAILED:
        return ""
    if not said.get("failure") and (profile is None or profile.type is not ToolType.AI):
        return ""
    return str(attempt.details.get("code", ""))
