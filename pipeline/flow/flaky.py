"""Telling a flaky check from a red one: run what was red again, on the same tree.

A check that is green then counts as green here, and is neither repaired nor held against a tool.
What the cache keeps is the red answer: red is never reused in another run, so the next one asks
the check anew, and no cache ever serves a flaky green as a plain one.
"""

from collections.abc import Callable
from dataclasses import replace

from pipeline.check.gates import overall
from pipeline.flow.context import RunContext
from pipeline.model.check import Gate
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.finding import Finding, Severity
from pipeline.model.record import WorkstreamRecord
from pipeline.model.verdict import CheckResult, Result, Verdict
from pipeline.repair.classify import FLAKY_CODE, Classification


def settle(
    context: RunContext,
    record: WorkstreamRecord,
    gate: Gate,
    verdict: Verdict,
    ask_again: Callable[[Gate], Verdict],
) -> Verdict:
    """The verdict after its red checks were run again, as often as configured.

    ``ask_again`` runs a gate on the same tree without the cache. A rerun that could not run, or
    could not tell, settles nothing: the check stays red. What was flaky is recorded.
    """
    answers: dict[int, list[CheckResult]] = {
        number: [check]
        for number, check in enumerate(verdict.checks)
        if check.result is Result.FAILED
    }
    for _ in range(context.config.repair.reruns):
        red = [number for number, said in answers.items() if not _is_green(said[-1])]
        if not red:
            break
        again = ask_again(Gate(gate.name, tuple(gate.checks[number] for number in red)))
        if len(again.checks) != len(red):
            break  # The surroundings were disturbed: there is one answer for the whole gate.
        for number, check in zip(red, again.checks, strict=True):
            answers[number].append(check)
    flaky = {number: said for number, said in answers.items() if _is_green(said[-1])}
    if not flaky:
        return verdict
    _tell(context, record, verdict, flaky)
    checks = tuple(
        _settled(flaky[number]) if number in flaky else check
        for number, check in enumerate(verdict.checks)
    )
    return replace(verdict, checks=checks, result=overall(checks))


def _is_green(check: CheckResult) -> bool:
    return check.result is Result.PASSED


def _settled(said: list[CheckResult]) -> CheckResult:
    """The green answer, with a finding that tells of the red ones before it."""
    first, last = said[0], said[-1]
    message = (
        f"{last.check} is flaky: red, then green on the same tree in run {len(said)}. "
        f"{first.reason}"
    ).rstrip()
    finding = Finding(
        tool=last.check,
        code=FLAKY_CODE,
        message=message,
        severity=Severity.INFO,
        signature=f"{last.check}::{FLAKY_CODE}::",
    )
    return replace(last, findings=(*last.findings, finding), reason=message)


def _tell(
    context: RunContext,
    record: WorkstreamRecord,
    verdict: Verdict,
    flaky: dict[int, list[CheckResult]],
) -> None:
    names = ", ".join(said[-1].check for said in flaky.values())
    context.ledger.record_soon(
        EventDraft(
            EventType.GATE_FLAKY,
            f"{record.ws_id}: flaky in the {verdict.gate} gate: {names} "
            "(red, then green when run again on the same tree).",
            level=Level.WARNING,
            run_id=context.run_id,
            ws_id=record.ws_id,
            payload={
                "gate": verdict.gate,
                "tree": verdict.tree,
                "classification": Classification.FLAKY.value,
                "checks": [
                    {
                        "check": said[-1].check,
                        "key": said[0].key,
                        "results": [one.result.value for one in said],
                        "exit_codes": [one.exit_code for one in said],
                        "findings": [finding.message for finding in said[0].findings[:10]],
                    }
                    for said in flaky.values()
                ],
            },
        )
    )
