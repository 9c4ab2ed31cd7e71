"""Which tool an attempt is made with: the one that is named, or the one that routing chooses."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pipeline.base.errors import InputError
from pipeline.base.git import TreeEntry
from pipeline.flow.attempts import past
from pipeline.flow.context import RunContext
from pipeline.model.agent import TRANSIENT, UNFIT, AgentFailure
from pipeline.model.check import ToolProfile
from pipeline.model.codec import encode
from pipeline.model.edit import ToolReport
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.glob import plain_path
from pipeline.model.record import Step, WorkstreamRecord
from pipeline.model.routing import (
    AGENT_RUNG,
    AUTO,
    BreakerState,
    Decision,
    RoutingInputs,
    RoutingTask,
    TaskKind,
    routed_tools,
    with_fallbacks,
)
from pipeline.model.scope import Scope
from pipeline.model.workstream import Workstream
from pipeline.work.editors import find_editor
from pipeline.work.routing import decide, profile_task
from pipeline.work.routing.breaker import BreakerChange

__all__ = ["AUTO", "NoToolError", "choose", "observe", "takes_feedback"]

_OWN_RUNGS = ("", "tool")
_SAYS_NOTHING = frozenset({AgentFailure.TIMEOUT, AgentFailure.CRASHED})
_SIZED_FILES = 500
"""More files than this are not asked for their sizes; the mean of the others stands for them."""


class NoToolError(InputError):
    """The routing knows no tool for a task."""


def choose(
    context: RunContext,
    record: WorkstreamRecord,
    step: Step,
    *,
    rung: str = "",
    failed: tuple[str, ...] = (),
    kind: TaskKind | None = None,
) -> ToolProfile:
    """The profile for the next attempt of a step.

    ``rung`` is the rung of repair that asks; ``failed`` are the tools that were asked for this
    task already and could not do it, the last one at the end. Where none is left the last of
    ``failed`` is returned again. ``kind`` is told by the step where it is not given.

    Waits where all that is left rests after failures that may pass, once and no longer than a
    breaker rests. Raises ``NoToolError`` where the routing knows no tool at all.
    """
    wanted = _wanted(context, record, rung)
    if wanted and not failed and context.routing.breakers.claim(wanted):
        return context.config.tools[wanted]
    inputs = _inputs(context, record, kind or _kind(step, record), wanted, failed)
    if wanted and len(inputs.tools) == 1 and failed:
        return context.config.tools[wanted]
    inputs, decision = _decided(context, inputs)
    _record(context, record, step, inputs, decision)
    if decision.selected:
        return context.config.tools[decision.selected]
    if failed:
        return context.config.tools[failed[-1]]
    raise NoToolError(
        f"{record.ws_id}: {decision.reason}",
        remedy="Name more candidates under `routing` in pipeline.yaml, or lower `min_tier`.",
    )


def observe(context: RunContext, tool: str, report: ToolReport) -> None:
    """Tell the tool's breaker how an attempt ended; what changes by it is recorded."""
    if report.agent is None:
        return
    failure, breakers = report.agent.failure, context.routing.breakers
    if failure in _SAYS_NOTHING:
        return
    if failure is not None and failure in TRANSIENT | UNFIT:
        change = breakers.failed(tool, is_passing=failure in TRANSIENT)
    else:
        change = breakers.answered(tool)
    if change is not None:
        context.ledger.record_soon(replace(_tripped(change), run_id=context.run_id))


def takes_feedback(context: RunContext, ws: Workstream) -> bool:
    """Whether a workstream can be sent back with what was wrong, to its tool or a chosen one."""
    if ws.tool != AUTO:
        profile = context.config.tools[ws.tool]
        return find_editor(profile.driver).takes_feedback(profile)
    record = context.ledger.workstream(context.run_id, ws.id)
    inputs = _inputs(context, record, TaskKind.CONFLICT, "", ())
    return bool(decide(replace(inputs, breakers={})).selected)


def _wanted(context: RunContext, record: WorkstreamRecord, rung: str) -> str:
    """The tool that is named, empty where the routing chooses."""
    if rung == AGENT_RUNG and rung not in context.config.tools:
        return ""
    name = context.workstream(record.ws_id).tool if rung in _OWN_RUNGS else rung
    return "" if name == AUTO else name


def _kind(step: Step, record: WorkstreamRecord) -> TaskKind:
    if step is Step.FIX:
        return TaskKind.FIX
    return TaskKind.CONFLICT if record.returns or step is Step.MERGE else TaskKind.EDIT


def _inputs(
    context: RunContext,
    record: WorkstreamRecord,
    kind: TaskKind,
    wanted: str,
    failed: tuple[str, ...],
) -> RoutingInputs:
    """Everything that the decision depends on, but for the breakers, which change meanwhile."""
    routing = context.config.routing
    first = (wanted,) if wanted else (*routed_tools(routing), *failed)
    names = with_fallbacks(tuple(dict.fromkeys(first)), routing)
    known = () if wanted else context.routing.experience_for(routing)
    done = past(context, record, Step.EDIT, Step.FIX)
    return RoutingInputs(
        task=replace(_task(context, record), kind=kind),
        config=routing,
        tools=context.routing.facts(names, context.config),
        experience=tuple(e for e in known if e.kind is kind),
        turn=record.seq - 1 + len(done),
        failed=failed,
        wanted=wanted,
    )


def _task(context: RunContext, record: WorkstreamRecord) -> RoutingTask:
    tree = context.repo.commit_tree(record.start_commit)
    ws = context.workstream(record.ws_id)

    def look() -> RoutingTask:
        files = _files_in_scope(context, ws, tree)
        return profile_task(ws, files, context.protected, TaskKind.EDIT)

    return context.routing.task(ws.id, tree, look)


def _files_in_scope(context: RunContext, ws: Workstream, tree: str) -> dict[bytes, int]:
    """The files of a tree that a workstream may change, with their sizes in bytes."""
    objects = context.repo.objects
    found = sorted(
        (path, entry.oid) for path, entry in _in_scope(context, ws, tree) if entry.is_regular
    )
    sizes = {path: objects.size(oid) for path, oid in found[:_SIZED_FILES]}
    mean = sum(sizes.values()) // len(sizes) if sizes else 0
    return {**sizes, **{path: mean for path, _ in found[_SIZED_FILES:]}}


def _in_scope(context: RunContext, ws: Workstream, tree: str) -> Iterator[tuple[bytes, TreeEntry]]:
    """The entries of a tree in scope; plain paths are looked up, patterns are held to all files."""
    trees = context.repo.trees
    plain = [plain_path(pattern) for pattern in (*ws.files_scope, *ws.files_create)]
    if None not in plain:
        paths = {path.encode("utf-8", "surrogateescape") for path in plain if path}
        yield from ((p, entry) for p in paths if (entry := trees.lookup(tree, p)) is not None)
        return
    scope = Scope(ws.files_scope, ws.files_create)
    for path, entry in trees.flatten(tree).items():
        if scope.may_modify(path) or scope.may_create(path):
            yield path, entry


def _decided(context: RunContext, inputs: RoutingInputs) -> tuple[RoutingInputs, Decision]:
    """Decide, and claim the tool's breaker; waits once where only rest keeps tools from it."""
    breakers = context.routing.breakers
    names = [tool.id for tool in inputs.tools]
    for has_waited in (False, True):
        with breakers.held():
            states = breakers.states(names)
            trouble = {n: s for n, s in states.items() if s is not BreakerState.CLOSED}
            inputs = replace(inputs, breakers=trouble, has_waited=has_waited)
            decision = decide(inputs)
            if decision.selected:
                breakers.claim(decision.selected)
            if not decision.is_resting:
                break
            pause_s = breakers.rest_left(n for n in names if n not in inputs.failed)
        if pause_s:
            context.cancel.wait(pause_s)
        context.stop_if_cancelled()
    return inputs, decision


def _record(
    context: RunContext,
    record: WorkstreamRecord,
    step: Step,
    inputs: RoutingInputs,
    decision: Decision,
) -> None:
    """Write the decision down with all that it depends on; durable with the move that follows."""
    payload = {"inputs": encode(inputs), "decision": encode(decision)}
    drafts = [_event(EventType.ROUTING_DECIDED, decision.reason, payload)]
    if decision.instead_of and not inputs.failed:
        words = f"{decision.selected} is asked in place of {decision.instead_of}, which rests."
        pair = {"from": decision.instead_of, "to": decision.selected, "code": "breaker"}
        drafts.append(_event(EventType.TOOL_FALLBACK, words, pair, Level.WARNING))
    context.ledger.record_soon(
        *(
            replace(
                draft,
                message=f"{record.ws_id}: {draft.message}",
                run_id=context.run_id,
                ws_id=record.ws_id,
                step=step,
            )
            for draft in drafts
        )
    )


def _event(
    kind: EventType, message: str, payload: Mapping[str, object], level: Level = Level.INFO
) -> EventDraft:
    return EventDraft(kind, message, level, payload=payload)


def _tripped(change: BreakerChange) -> EventDraft:
    payload: dict[str, object] = {
        "kind": "tool",
        "tool": change.tool,
        "from": change.before.value,
        "to": change.after.value,
        "failures": change.failures,
    }
    if change.after is BreakerState.OPEN:
        words = f"{change.tool} failed {change.failures} times in a row and is left alone."
        return _event(EventType.BREAKER_TRIPPED, words, payload, Level.WARNING)
    return _event(EventType.BREAKER_TRIPPED, f"{change.tool} answers again.", payload)
