"""The gates: what a tree must pass, run on a fresh checkout that no tool worked in."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pipeline.base import ids
from pipeline.base.errors import InterruptedRunError
from pipeline.check.gates import CheckContext, overall, run_gate
from pipeline.flow.attempts import Attempt, errors_of, finished, past
from pipeline.flow.classifying import class_of_verdict
from pipeline.flow.conflicts import held_to
from pipeline.flow.context import RunContext
from pipeline.flow.flaky import settle
from pipeline.flow.opinion import second_opinion
from pipeline.flow.watching import GateWatch
from pipeline.model.check import Check, Gate
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.record import Step, WorkstreamRecord
from pipeline.model.states import WorkstreamState
from pipeline.model.verdict import CheckResult, Result, Verdict
from pipeline.model.workstream import Workstream
from pipeline.work.borrowed_git import Head
from pipeline.work.setup import SetupDirs
from pipeline.work.slots import Slot
from pipeline.work.tools import slot_values

FAULT_RETRIES = 1
"""How often a gate that could not run is tried again before the workstream is put aside."""


def static_gate(context: RunContext, ws: Workstream) -> Gate:
    """The static checks of a workstream: its own where it names some, else the configured."""
    configured = context.config.gates.get("static", Gate("static"))
    return Gate("static", configured.checks if ws.static is None else ws.static)


def runtime_gate(context: RunContext, ws: Workstream) -> Gate:
    """What runs the code: the configured gate, its acceptance tests, its synchronisation gate."""
    gates = context.config.gates
    named = gates[ws.gate].checks if ws.gate and ws.gate in gates else ()
    checks = (*gates.get("runtime", Gate("runtime")).checks, *ws.acceptance_tests, *named)
    return Gate("runtime", _distinct(checks))


def merged_gate(context: RunContext, workstreams: Sequence[Workstream]) -> Gate:
    """Everything that the workstreams of a merged tree must pass, each check once."""
    checks = [
        check
        for ws in workstreams
        for check in (*static_gate(context, ws).checks, *runtime_gate(context, ws).checks)
    ]
    return Gate("merged", _distinct(checks))


def check_static(context: RunContext, record: WorkstreamRecord) -> WorkstreamRecord:
    """Run the static gate; green goes on to the runtime gate, red to the repair."""
    gate = static_gate(context, context.workstream(record.ws_id))
    return _check(context, record, gate, Step.STATIC, WorkstreamState.RUNTIME_CHECK)


def check_runtime(context: RunContext, record: WorkstreamRecord) -> WorkstreamRecord:
    """Run the runtime gate; green means checked, red goes to the repair."""
    gate = runtime_gate(context, held_to(context, record))
    return _check(context, record, gate, Step.RUNTIME, WorkstreamState.CHECKED)


def run(
    context: RunContext, gate: Gate, record: WorkstreamRecord, tree: str, commit: str
) -> Verdict:
    """Run a gate on a tree, once more where it could not run, again where it is red.

    The latter as often as configured: a check that is green then is flaky and counts as green.
    A tree whose set-up cannot be made is one that no gate can judge, unless the base's cannot be
    made either: that stops the run with ``SetupFailedError``.
    Raises ``InterruptedRunError`` when the run was told to stop meanwhile.
    """
    for _ in range(FAULT_RETRIES + 1):
        verdict = _ask(context, gate, record, tree, commit)
        context.stop_if_cancelled()
        context.counters.count(verdict)
        if verdict.result in (Result.PASSED, Result.FAILED):
            break
    if verdict.result is not Result.FAILED or not context.config.repair.reruns:
        return verdict

    def ask_again(part: Gate) -> Verdict:
        answer = _ask(context, part, record, tree, commit, is_cached=False)
        context.stop_if_cancelled()
        context.counters.count(answer)
        return answer

    return settle(context, record, gate, verdict, ask_again)


def _ask(
    context: RunContext,
    gate: Gate,
    record: WorkstreamRecord,
    tree: str,
    commit: str,
    *,
    is_cached: bool = True,
) -> Verdict:
    problem = context.why_no_set_up(tree)
    if problem:
        failed = CheckResult("setup", Result.FAULT, "", reason=problem)
        return Verdict(gate.name, tree, Result.FAULT, (failed,))
    setup = context.set_up(tree)
    answers: dict[int, CheckResult] = {}
    with GateWatch(context, record.ws_id, setup) as watch:
        # Only a check whose key has the commit in it may see a git: it can read the history there.
        for with_git in (False, True):
            places = [n for n, check in enumerate(gate.checks) if check.history is with_git]
            if places:
                on = _on(context, record, tree, commit, setup=setup, watch=watch, with_git=with_git)
                part = Gate(gate.name, tuple(gate.checks[n] for n in places))
                verdict = run_gate(part, on, watch if is_cached else None)
                answers |= zip(places, verdict.checks, strict=True)
    if watch.objections:
        said = "; ".join(objection.message for objection in watch.objections[:3])
        reason = f"while its checks ran, what is not theirs was changed: {said}"
        refused = CheckResult("surroundings", Result.FAULT, "", reason=reason)
        return Verdict(gate.name, tree, Result.FAULT, (refused,))
    results = tuple(answers[n] for n in range(len(gate.checks)))
    return Verdict(gate.name, tree, overall(results), results)


def reason_of(verdict: Verdict) -> str:
    """Why a verdict is not green, as part of a sentence."""
    bad = [check for check in verdict.checks if check.result is verdict.result]
    # A judge cannot tell in words; a program does by its exit code.
    code = next((f" (exit code {check.exit_code})" for check in bad if check.exit_code), "")
    words = {
        Result.FAILED: "is red",
        Result.UNKNOWN: f"cannot tell{code}",
        Result.FAULT: "could not run",
    }.get(verdict.result, "is green")
    names = ", ".join(check.check for check in bad[:5])
    first = next((check.reason for check in bad if check.reason), "")
    return f"the {verdict.gate} gate {words}: {names}. {first}".strip()


def _check(
    context: RunContext,
    record: WorkstreamRecord,
    gate: Gate,
    step: Step,
    target: WorkstreamState,
) -> WorkstreamRecord:
    number = record.attempts + 1
    attempt = Attempt(context, record, step, gate.name, number, {"gate": gate.name}).start()
    try:
        verdict = run(context, gate, record, record.tree, record.commit)
        if verdict.is_green and target is WorkstreamState.CHECKED:
            verdict = _with_opinion(verdict, second_opinion(context, record))
    except InterruptedRunError:
        attempt.interrupt()
        raise
    reason = "" if verdict.is_green else reason_of(verdict)
    kind = class_of_verdict(
        context,
        verdict,
        () if verdict.is_green else past(context, record),
        context.workstream(record.ws_id).limits(Step.FIX),
    )
    told = {"classification": kind.value} if kind else {}
    stored = attempt.finish(
        is_good=verdict.is_green,
        reason=reason,
        result_tree=record.tree,
        findings=verdict.findings,
        details={
            "result": verdict.result.value,
            "checks": {check.check: check.result.value for check in verdict.checks},
            **told,
        },
    )
    message = f"{record.ws_id}: {reason or f'the {gate.name} gate is green.'}"
    events: tuple[EventDraft, ...] = (
        told_of(verdict, step, attempt.id, message),
        finished(stored, message, **told),
    )
    changes: dict[str, object] = {"findings": record.findings + len(verdict.findings)}
    if not verdict.is_green:
        target, why = _away(verdict, reason)
        changes |= why
    elif target is WorkstreamState.CHECKED:
        if not record.checked_commit:
            changes |= {"checked_commit": record.commit, "checked_start": record.start_commit}
        if record.patch_id:
            events = (_verified(record, attempt.id), *events)
    return context.ledger.move(
        context.run_id,
        record.ws_id,
        record.state,
        target,
        message,
        changes=changes,
        events=events,
        attempt=stored,
        errors=errors_of(record.ws_id, verdict.findings) if _is_red(verdict) else (),
    )


def _away(verdict: Verdict, reason: str) -> tuple[WorkstreamState, dict[str, object]]:
    """Where a workstream goes whose gate is not green, and what is written down of why."""
    if _is_red(verdict):
        return WorkstreamState.FIXING, {}
    return WorkstreamState.QUARANTINED, {"reason": reason, "reason_code": "infrastructure"}


def _is_red(verdict: Verdict) -> bool:
    return verdict.result is Result.FAILED


def _with_opinion(verdict: Verdict, opinion: CheckResult | None) -> Verdict:
    """A green verdict, and that of the agent who judges the change beside it."""
    if opinion is None:
        return verdict
    checks = (*verdict.checks, opinion)
    return replace(verdict, result=overall(checks), checks=checks)


def _verified(record: WorkstreamRecord, attempt_id: str) -> EventDraft:
    return EventDraft(
        EventType.PATCH_VERIFIED,
        f"Patch {record.patch_id[:12]} passed its gates.",
        Level.DEBUG,
        step=Step.RUNTIME,
        attempt_id=attempt_id,
        payload={"patch_id": record.patch_id},
    )


def told_of(verdict: Verdict, step: Step, attempt_id: str, message: str) -> EventDraft:
    """The event that tells what a gate said, with the key and result of each check."""
    is_reused = bool(verdict.checks) and all(check.is_reused for check in verdict.checks)
    kind = EventType.GATE_PASSED if verdict.is_green else EventType.GATE_FAILED
    return EventDraft(
        EventType.VERDICT_REUSED if is_reused and verdict.is_green else kind,
        message,
        level=Level.INFO if verdict.is_green else Level.WARNING,
        step=step,
        attempt_id=attempt_id or None,
        payload={
            "gate": verdict.gate,
            "tree": verdict.tree,
            "result": verdict.result.value,
            "checks": [
                {
                    "check": check.check,
                    "result": check.result.value,
                    "key": check.key,
                    "exit_code": check.exit_code,
                    "duration_s": round(check.duration_s, 6),
                    "is_reused": check.is_reused,
                    "findings": len(check.findings),
                }
                for check in verdict.checks
            ],
        },
    )


def _on(
    context: RunContext,
    record: WorkstreamRecord,
    tree: str,
    commit: str,
    *,
    setup: SetupDirs,
    watch: GateWatch,
    with_git: bool,
) -> CheckContext:
    taken: list[Slot] = []

    @contextmanager
    def checkout() -> Iterator[Path]:
        owner = f"{context.run_id}/{record.ws_id}/gate"
        head = Head(commit=commit) if with_git else None
        with context.slots.take(
            tree, owner=owner, links=setup.links, with_git=with_git, head=head
        ) as slot:
            taken.append(slot)
            watch.begin()
            yield slot.path

    return CheckContext(
        tree=tree,
        commit=commit,
        checkout=checkout,
        environ=context.environment,
        logs=context.log_prefix(record.ws_id, ids.new_id()),
        reset=lambda: taken.append(context.slots.reset(taken[-1])),
        own_values=lambda: slot_values(taken[-1]),
        cancel=context.cancel,
        setup_digest=setup.digest,
        tag=context.process_tag(record.ws_id),
        executables=context.executables,
    )


def _distinct(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Each check once, in order; two that differ in anything are two."""
    seen: list[Check] = []
    for check in checks:
        if check not in seen:
            seen.append(check)
    return tuple(seen)
