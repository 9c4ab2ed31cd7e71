"""A run under verification: its records, its plan, and what was counted and found so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.base.errors import PipelineError
from pipeline.base.git import Repository
from pipeline.base.git.witness import CommitFacts, Witness
from pipeline.flow.answered import adjusted, approval
from pipeline.model.codec import DecodeError
from pipeline.model.event import Event
from pipeline.model.plan import Plan
from pipeline.model.record import RunRecord, StepAttempt, WorkstreamRecord
from pipeline.model.review import Answer, Review
from pipeline.model.states import RunState
from pipeline.model.workstream import Workstream
from pipeline.store.layout import Layout
from pipeline.store.records import Records
from pipeline.store.reviews import reviews

_ENDED = frozenset({RunState.COMPLETED, RunState.PARTIAL, RunState.FAILED, RunState.ABANDONED})


@dataclass(slots=True)
class Tally:
    """Comparisons of one kind: how many were made, and what did not agree."""

    count: int = 0
    disagreements: list[str] = field(default_factory=list)

    def expect(self, is_so: bool, otherwise: str) -> bool:
        """Count a comparison; ``otherwise`` is the sentence where it does not hold."""
        self.count += 1
        if not is_so:
            self.disagreements.append(otherwise)
        return is_so

    def disagree(self, what: str) -> None:
        """Note something that no comparison stands for."""
        self.disagreements.append(what)


@dataclass(frozen=True)
class Case:
    """One run with everything that is asked about it more than once.

    ``plan`` is ``None`` where what is stored of it cannot be read; ``plan_problem`` says why.
    """

    records: Records
    repo: Repository
    witness: Witness
    layout: Layout
    run: RunRecord
    plan: Plan | None
    plan_problem: str
    workstreams: Sequence[WorkstreamRecord]
    attempts: Sequence[StepAttempt]
    events: Sequence[Event]
    reviews: Sequence[Review] = ()
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        records: Records,
        repo: Repository,
        witness: Witness,
        layout: Layout,
        run: RunRecord,
    ) -> "Case":
        """Read what is stored of a run."""
        plan, problem = None, ""
        try:
            plan = records.plan(run.run_id)
        except PipelineError as error:
            problem = error.what
        except (DecodeError, ValueError) as error:
            problem = f"The plan of run {run.run_id} cannot be read: {error}."
        return cls(
            records,
            repo,
            witness,
            layout,
            run,
            plan,
            problem,
            records.workstreams(run.run_id),
            records.attempts(run.run_id),
            records.events(run.run_id),
            reviews(records, run.run_id),
        )

    @property
    def has_ended(self) -> bool:
        """Whether the run came to an end of its own; one that was cut off may go on."""
        return self.run.state in _ENDED

    @cached_property
    def commits(self) -> Mapping[str, CommitFacts]:
        """Every commit that the records name and that is there."""
        named = {self.run.base_commit, self.run.integration_commit}
        for ws in self.workstreams:
            named |= {ws.start_commit, ws.commit, ws.checked_start, ws.checked_commit}
            named.add(ws.landing_commit)
        named |= {commit_of(attempt) for attempt in self.attempts}
        named |= {str(attempt.details.get("origin", "")) for attempt in self.attempts}
        return self.witness.commits(sorted(named))

    def tree_of(self, commit: str) -> str:
        """The tree of a commit; empty where the commit is not there."""
        facts = self.commits.get(commit)
        return facts.tree if facts else ""

    def bundle(self, ws_id: str, generation: int) -> Workstream | None:
        """A frozen bundle with what answers before a generation added; ``None`` without one."""
        planned = [ws for ws in self.plan.workstreams if ws.id == ws_id] if self.plan else []
        own = [r for r in self.reviews if r.ws_id == ws_id and r.generation < generation]
        return adjusted(planned[0], own) if planned else None

    def approval(self, ws: WorkstreamRecord) -> Answer | None:
        """The approval by which a workstream landed; ``None`` where nobody was asked last."""
        own = [r for r in self.reviews if r.ws_id == ws.ws_id and not r.is_open]
        return approval(own, ws.generation)

    @cached_property
    def late(self) -> frozenset[str]:
        """The workstreams that people were asked about, and all that depend on them.

        These may land after what comes behind them in the plan.
        """
        asked = {review.ws_id for review in self.reviews}
        if self.plan is None:
            return frozenset(asked)
        return frozenset(asked.union(*(self.plan.dependents(ws_id) for ws_id in asked)))

    def attempts_of(self, ws_id: str) -> tuple[StepAttempt, ...]:
        """The attempts of one workstream, the oldest first."""
        return tuple(attempt for attempt in self.attempts if attempt.ws_id == ws_id)


def commit_of(attempt: StepAttempt) -> str:
    """The commit of an accepted change; empty for other attempts."""
    return str(attempt.details.get("commit", ""))


def short(oid: str) -> str:
    """An id as people read it."""
    return oid[:12] or "(none)"
