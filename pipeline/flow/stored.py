"""A run as the store tells it, for those who look at it while nobody runs it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from pipeline.base.git import Repository
from pipeline.flow.answered import Answered
from pipeline.flow.attempts import past
from pipeline.flow.feedback import after_edit, after_red
from pipeline.flow.prompting import tell
from pipeline.flow.schedule import Graph
from pipeline.model.agent import Prompt
from pipeline.model.check import ToolProfile
from pipeline.model.config import Config
from pipeline.model.edit import Feedback
from pipeline.model.plan import Plan
from pipeline.model.protected import DEFAULT_PROTECTED
from pipeline.model.record import Step, WorkstreamRecord
from pipeline.model.scope import Protected
from pipeline.model.workstream import Workstream
from pipeline.store.records import Records
from pipeline.store.reviews import reviews

if TYPE_CHECKING:
    from pipeline.flow.context import RunContext


@dataclass(frozen=True, slots=True)
class StoredRun:
    """As much of a run's context as can be known without running it; names are the same."""

    run_id: str
    plan: Plan
    graph: Graph
    repo: Repository
    ledger: Records
    protected: Protected
    answered: Answered

    @classmethod
    def of(cls, records: Records, repo: Repository, run_id: str) -> "StoredRun":
        """A run of this repository; raises InputError where it has no plan."""
        plan = records.plan(run_id)
        return cls(
            run_id,
            plan,
            Graph.of(plan),
            repo,
            records,
            Protected(plan.config.policy.protected or DEFAULT_PROTECTED),
            Answered(reviews(records, run_id)),
        )

    @property
    def config(self) -> Config:
        """The frozen configuration."""
        return self.plan.config

    def workstream(self, ws_id: str) -> Workstream:
        """The frozen bundle, with what people added."""
        return self.answered.over(self.graph.bundles[ws_id])


def tell_next(
    run: StoredRun, record: WorkstreamRecord, profile: ToolProfile, step: Step, *, part: int = 1
) -> Prompt:
    """What a run would tell a tool in the next attempt of this step."""
    # The run's own functions say so, which read of a context what a stored run has as well.
    context = cast("RunContext", run)
    return tell(context, record, profile, step, _feedback(context, record, step), part=part)


def _feedback(context: "RunContext", record: WorkstreamRecord, step: Step) -> Feedback | None:
    if step is Step.FIX:
        return after_red(context, record)
    rounds = [
        one
        for one in past(context, record, Step.EDIT)
        if one.details.get("returns", 0) == record.returns
    ]
    return after_edit(context, record, rounds)
