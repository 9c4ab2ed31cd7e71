"""A run as it is told on GitHub: everything that is stored of it, read once, joined together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.model.config import Config, PublishConfig
from pipeline.model.event import EventType
from pipeline.model.finding import Finding
from pipeline.model.patch_ledger import PatchRecord
from pipeline.model.plan import Plan
from pipeline.model.protected import DEFAULT_PROTECTED
from pipeline.model.publication import Publication, PublicationKind
from pipeline.model.record import (
    AttemptState,
    ErrorRecord,
    RunRecord,
    StepAttempt,
    WorkstreamRecord,
)
from pipeline.model.review import Review
from pipeline.model.scope import Protected
from pipeline.model.states import FINAL, RunState, WorkstreamState
from pipeline.model.summary import RunSummary
from pipeline.model.workstream import Workstream
from pipeline.report.advice import short_ref
from pipeline.report.github.gates import GateAnswer, answers
from pipeline.report.summary import summarize
from pipeline.store.publications import PUBLICATIONS, publications
from pipeline.store.records import Records
from pipeline.store.reviews import reviews
from pipeline.store.spending import NOTHING_SPENT, By, Spent, Total, spending, total, totals

_SHOWN = FINAL | {
    WorkstreamState.CHECKED,
    WorkstreamState.MERGING,
    WorkstreamState.AWAITING_REVIEW,
}
"""States in which a workstream's commit is one to look at, not one that is about to change."""
_SETTLING = frozenset({EventType.PATCH_DROPPED})
_DEEPEST = 20
"""How many runs back work is followed that one run took over from another."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is told of; ``details_url`` is that of the workflow's run, empty for none."""

    repository: str = ""
    server_url: str = "https://github.com"
    base: str = ""
    details_url: str = ""

    @property
    def url(self) -> str:
        """The repository's page; empty where it is not known."""
        return f"{self.server_url.rstrip('/')}/{self.repository}" if self.repository else ""


@dataclass(frozen=True, slots=True)
class WorkstreamView:
    """One workstream with everything about it; ``attempts`` and ``reviews`` the oldest first.

    ``attempts`` are those of all generations, of an older run where its work was taken over as it
    was; ``gates`` are the newest answers about ``record.commit``, in the order in which they are
    asked; ``protected`` the paths of its patch that only a person may let through.
    """

    record: WorkstreamRecord
    bundle: Workstream
    attempts: tuple[StepAttempt, ...] = ()
    patch: PatchRecord | None = None
    reviews: tuple[Review, ...] = ()
    spent: Total = NOTHING_SPENT
    gates: tuple[GateAnswer, ...] = ()
    protected: tuple[bytes, ...] = ()

    @classmethod
    def made(
        cls,
        record: WorkstreamRecord,
        bundle: Workstream,
        *,
        run: RunRecord,
        attempts: Sequence[StepAttempt],
        patch: PatchRecord | None,
        reviews: Sequence[Review],
        spent: Total,
        protected: Protected,
    ) -> "WorkstreamView":
        """The view with what follows from the rest of it."""
        # What a gate was asked before an adjustment is another question than the one after it.
        asked = [
            one
            for one in attempts
            if one.generation == record.generation or one.run_id != record.run_id
        ]
        is_live = run.state in (RunState.PENDING, RunState.RUNNING)
        paths = patch.patch.paths if patch else ()
        return cls(
            record=record,
            bundle=bundle,
            attempts=tuple(attempts),
            patch=patch,
            reviews=tuple(reviews),
            spent=spent,
            gates=answers(record, asked, is_live=is_live, run_state=run.state),
            protected=tuple(path for path in paths if protected.matches(path)),
        )

    @property
    def id(self) -> str:
        """The workstream's id."""
        return self.record.ws_id

    @property
    def state(self) -> WorkstreamState:
        """Where it is."""
        return self.record.state

    @property
    def branch(self) -> str:
        """Its branch, without ``refs/heads/``."""
        return short_ref(self.record.branch)

    @property
    def open_review(self) -> Review | None:
        """The question that awaits an answer, if any."""
        return next((one for one in reversed(self.reviews) if one.is_open), None)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with it: what its gates found, else what its newest failure reported."""
        found = tuple(finding for answer in self.gates for finding in answer.findings)
        if found or self.state is WorkstreamState.DONE:
            return found
        failed = (a for a in reversed(self.attempts) if a.state is AttemptState.FAILED)
        return next((attempt.findings for attempt in failed if attempt.findings), ())

    @property
    def has_commit(self) -> bool:
        """Whether there is a commit of its own on its branch that will not move by itself."""
        record = self.record
        is_own = record.commit not in ("", record.start_commit)
        return bool(is_own and record.branch and record.state in _SHOWN)


@dataclass(frozen=True, slots=True)
class RunView:
    """A run, its plan and its workstreams in plan order, and what of it has been published.

    ``earlier`` are the issues that any run has published, the newest last; ``settled`` the ids of
    patches that a person dropped from the quarantine.
    """

    run: RunRecord
    plan: Plan
    workstreams: tuple[WorkstreamView, ...]
    summary: RunSummary
    publications: tuple[Publication, ...] = ()
    earlier: tuple[Publication, ...] = ()
    errors: tuple[ErrorRecord, ...] = ()
    spent: Total = NOTHING_SPENT
    place: Place = field(default_factory=Place)
    settled: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        records: Records,
        run_id: str,
        *,
        repository: str = "",
        server_url: str = "https://github.com",
        base: str = "",
        details_url: str = "",
    ) -> "RunView":
        """Read a run of a plan; raises ``InputError`` where there is none such.

        ``repository`` is ``owner/name``; ``base`` is the branch that pull requests ask to be
        merged into, that of the configuration or the run where it is empty.
        """
        run = records.run(run_id)
        plan = records.plan(run.run_id)
        stored = records.workstreams(run.run_id)
        errors = records.errors(run.run_id)
        spent = spending(records, run.run_id)
        base = base or plan.config.publish.base or plan.config.project.base or run.base_ref
        return cls(
            run=run,
            plan=plan,
            workstreams=_workstreams(records, run, plan, stored, spent),
            summary=summarize(run, stored, errors, spent=total(spent)),
            publications=publications(records, run.run_id),
            earlier=_issues(records, repository),
            errors=errors,
            spent=total(spent),
            place=Place(repository, server_url, short_ref(base), details_url),
            settled=frozenset(
                str(event.payload.get("patch_id", ""))
                for event in records.events(run.run_id, types=_SETTLING)
            ),
        )

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.run.run_id

    @property
    def config(self) -> Config:
        """The configuration that was frozen with the plan."""
        return self.plan.config

    @property
    def publish(self) -> PublishConfig:
        """How the run is to be published."""
        return self.plan.config.publish

    def workstream(self, ws_id: str) -> WorkstreamView:
        """The workstream with this id; raises ``KeyError`` where the run has none such."""
        found = next((one for one in self.workstreams if one.id == ws_id), None)
        if found is None:
            raise KeyError(ws_id)
        return found

    def with_publications(self, published: Sequence[Publication]) -> "RunView":
        """The view once more has been published: texts then link to it."""
        return replace(self, publications=tuple(published))

    def published(self, kind: PublicationKind, ws_id: str) -> Publication | None:
        """What of a kind is out there for a workstream, or for the run (empty)."""
        here = self.place.repository
        return next(
            (
                one
                for one in self.publications
                if one.kind is kind and one.ws_id == ws_id and here in ("", one.repository)
            ),
            None,
        )


def _workstreams(
    records: Records,
    run: RunRecord,
    plan: Plan,
    stored: Sequence[WorkstreamRecord],
    used: Sequence[Spent],
) -> tuple[WorkstreamView, ...]:
    bundles = {ws.id: ws for ws in plan.workstreams}
    attempts = _by_workstream(records.attempts(run.run_id))
    patches = {one.patch.id: one for one in records.patches(run.run_id)}
    asked: dict[str, list[Review]] = {}
    for review in reviews(records, run.run_id):
        asked.setdefault(review.ws_id, []).append(review)
    spent = totals(used, By.WORKSTREAM)
    older = _older_attempts(records, run, stored, attempts)
    protected = Protected(plan.config.policy.protected or DEFAULT_PROTECTED)
    return tuple(
        WorkstreamView.made(
            record,
            _adjusted(bundles.get(record.ws_id, Workstream(record.ws_id)), asked, record),
            run=run,
            attempts=attempts.get(record.ws_id, older.get(record.ws_id, ())),
            patch=patches.get(record.patch_id),
            reviews=asked.get(record.ws_id, ()),
            spent=spent.get(record.ws_id, NOTHING_SPENT),
            protected=protected,
        )
        for record in stored
    )


def _adjusted(
    bundle: Workstream, asked: Mapping[str, Sequence[Review]], record: WorkstreamRecord
) -> Workstream:
    """The bundle with what people added to it."""
    for review in asked.get(record.ws_id, ()):
        if review.answer is not None:
            bundle = review.answer.overlay.over(bundle)
    return bundle


def _by_workstream(attempts: Sequence[StepAttempt]) -> dict[str, list[StepAttempt]]:
    found: dict[str, list[StepAttempt]] = {}
    for attempt in attempts:
        found.setdefault(attempt.ws_id, []).append(attempt)
    return found


def _older_attempts(
    records: Records,
    run: RunRecord,
    stored: Sequence[WorkstreamRecord],
    attempts: Mapping[str, Sequence[StepAttempt]],
) -> dict[str, list[StepAttempt]]:
    """The attempts behind work that was taken over as it was, from the run that did it."""
    wanted = {ws.ws_id for ws in stored if ws.commit and ws.ws_id not in attempts}
    found: dict[str, list[StepAttempt]] = {}
    source = run.taken_from
    for _ in range(_DEEPEST):
        if not source or not wanted:
            break
        for ws_id, own in _by_workstream(records.attempts(source)).items():
            if ws_id in wanted:
                found[ws_id] = own
                wanted.discard(ws_id)
        older = records.runs(prefix=source, limit=1)
        source = older[0].taken_from if older else ""
    return found


def _issues(records: Records, repository: str) -> tuple[Publication, ...]:
    if not records.query("SELECT 1 FROM sqlite_schema WHERE name = 'publications'"):
        return ()
    rest = "WHERE kind = ? AND (repository = ?2 OR ?2 = '') ORDER BY updated_at, run_id"
    found = records.query(PUBLICATIONS.select_sql(rest), (PublicationKind.ISSUE.value, repository))
    return tuple(map(PUBLICATIONS.from_row, found))
