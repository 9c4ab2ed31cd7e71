"""What an attempt of an agent is billed: priced, counted in the run's budget, written down."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from pipeline.base.process import CancelToken
from pipeline.flow.attempts import Attempt
from pipeline.flow.budget import Bill, Budget, NotAdmittedError
from pipeline.model.agent import AgentFailure, AgentOutcome, Prompt, Usage
from pipeline.model.check import ToolProfile, ToolType
from pipeline.model.edit import ToolReport
from pipeline.model.plan import Plan
from pipeline.store.ledger import Ledger
from pipeline.store.spending import NOT_SENT, spending
from pipeline.work.pricing import priced

_NEVER_ASKED = frozenset({AgentFailure.MISSING, AgentFailure.VERSION, AgentFailure.NO_CREDENTIALS})
"""Failures that come before the model is asked, or for which its provider bills nothing."""


def run_budget(
    ledger: Ledger, run_id: str, plan: Plan, *, cancel: CancelToken, deadline: float | None
) -> Budget:
    """The budget of a run as it is configured now, less what the run has spent before.

    Where nobody is to be asked about budgets, ``ask`` is the same as ``suspend``.
    """
    config = plan.config.budget
    if config.action == "ask" and "budget" not in plan.config.review.on:
        config = replace(config, action="suspend")
    return Budget(
        config,
        workstreams=plan.workstreams,
        spent=spending(ledger, run_id),
        tell=lambda event: ledger.record(replace(event, run_id=run_id)),
        cancel=cancel,
        deadline=deadline,
    )


@contextmanager
def admitted(attempt: Attempt, profile: ToolProfile, told: Prompt) -> Iterator[Bill]:
    """As ``Budget.admitted``; an attempt that is not let in is stored as one that used nothing."""
    budget = attempt.context.budget
    try:
        with budget.admitted(attempt.record, profile, attempt.step, told) as bill:
            yield bill
    except NotAdmittedError:
        attempt.details = {**attempt.details, "code": NOT_SENT}
        attempt.interrupt()
        raise


def billed(report: ToolReport, profile: ToolProfile, bill: Bill) -> ToolReport:
    """The report with what the attempt cost, which settles its bill; other tools cost nothing.

    Where nobody knows the cost, the report says what the budget assumes; an agent that could not
    begin has cost nothing.
    """
    if profile.type is not ToolType.AI:
        return report
    outcome = report.agent or AgentOutcome()
    usage = priced(_sent(outcome), profile)
    bill.settle(usage)
    details = outcome.details
    if usage.cost_nusd is None:
        details = {**details, "assumed_nusd": bill.assumed}
    return replace(report, agent=replace(outcome, usage=usage, details=details))


def _sent(outcome: AgentOutcome) -> Usage:
    """What an agent used; nothing at all where it did not come to ask its model."""
    usage = outcome.usage
    was_asked = usage.requests or usage.input_tokens or usage.output_tokens
    if outcome.failure in _NEVER_ASKED and not was_asked and usage.cost_nusd is None:
        return replace(usage, cost_nusd=0)
    return usage
