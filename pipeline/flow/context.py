"""What every step of a run has at hand."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Semaphore

from pipeline.base.errors import InputError, InterruptedRunError
from pipeline.base.git import Identity, Repository
from pipeline.base.process import CancelToken
from pipeline.check.executables import Executables
from pipeline.flow.answered import Answered
from pipeline.flow.branches import Branches
from pipeline.flow.budget import Budget
from pipeline.flow.routing import Routing
from pipeline.flow.schedule import Graph
from pipeline.model.check import ToolProfile
from pipeline.model.config import Config
from pipeline.model.plan import Plan
from pipeline.model.record import Step, WorkstreamRecord
from pipeline.model.scope import Protected
from pipeline.model.states import WorkstreamState
from pipeline.model.verdict import Verdict
from pipeline.model.workstream import Workstream
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.verdicts import VerdictCache
from pipeline.work.guard import ControlPlane
from pipeline.work.setup import SetupDirs, SetupFailedError, prepare_setup
from pipeline.work.slots import SlotPool

NO_SETUP = SetupDirs()


@dataclass(slots=True)
class Counters:
    """What is counted while a run goes on; safe between threads."""

    gates_run: int = 0
    verdicts_reused: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def count(self, verdict: Verdict) -> None:
        """Count a gate that ran, or the answers that were known already."""
        reused = sum(check.is_reused for check in verdict.checks)
        with self._lock:
            self.gates_run += reused < len(verdict.checks)
            self.verdicts_reused += reused


@dataclass(frozen=True, slots=True)
class RunContext:
    """The services and frozen inputs of one run; shared by all its threads.

    ``clock_s`` fixes the dates of commits (seconds since the epoch) where a run is to be
    reproducible; ``deadline`` is a monotonic time, ``None`` for none.
    """

    run_id: str
    plan: Plan
    graph: Graph
    repo: Repository
    layout: Layout
    ledger: Ledger
    branches: Branches
    slots: SlotPool
    verdicts: VerdictCache
    control_plane: ControlPlane
    protected: Protected
    cancel: CancelToken
    environment: Mapping[str, str]
    executables: Executables
    counters: Counters
    clock_s: int | None = None
    deadline: float | None = None
    keeps_worktrees: bool = False
    budget: Budget = field(default_factory=Budget)
    answered: Answered = field(default_factory=Answered)
    routing: Routing = field(default_factory=Routing)
    turns: Mapping[str, tuple[Semaphore, ...]] = field(default_factory=dict)
    setup_lock: Lock = field(default_factory=Lock)

    @property
    def config(self) -> Config:
        """The frozen configuration."""
        return self.plan.config

    def workstream(self, ws_id: str) -> Workstream:
        """The frozen bundle, with what people added when they answered reviews of it."""
        return self.answered.over(self.graph.bundles[ws_id])

    def set_up(self, tree: str) -> SetupDirs:
        """The set-up directories for a tree, made on first use and lent to slots.

        Raises ``SetupFailedError`` when a step fails.
        """
        steps = self.config.setup
        if not steps:
            return NO_SETUP
        try:
            with self.setup_lock:
                return prepare_setup(
                    steps,
                    tree,
                    repo=self.repo,
                    pool=self.slots,
                    cache_root=self.layout.slots / "setup",
                    logs=self.layout.tool_outputs(self.run_id) / "setup",
                    environ=self.environment,
                    cancel=self.cancel,
                    tag=self.process_tag("setup"),
                )
        except SetupFailedError:
            self.stop_if_cancelled()
            raise

    def why_no_set_up(self, tree: str) -> str:
        """Why a tree's set-up cannot be made although the base's can; empty where it can be.

        Raises as `set_up` where the base's cannot be made either: that is not the tree's fault.
        """
        try:
            self.set_up(tree)
        except (SetupFailedError, InputError) as error:
            self.set_up(self.repo.commit_tree(self.plan.base_commit))
            return str(error)
        return ""

    def stop_if_cancelled(self) -> None:
        """Raise ``InterruptedRunError`` when the run was told to stop."""
        if self.cancel.is_cancelled:
            raise InterruptedRunError(
                "The run was told to stop.", remedy="`pipeline run` carries on."
            )

    def log_prefix(self, ws_id: str, attempt_id: str) -> Path:
        """Where an attempt's output goes, without the ending of the file name."""
        return self.layout.tool_outputs(self.run_id) / f"{ws_id}-{attempt_id}"

    def process_tag(self, ws_id: str) -> str:
        """What marks the processes of a workstream's tools for a later sweep."""
        return f"{self.layout.process_tag(self.run_id)}:{ws_id}"

    def time_limit(self, ws: Workstream, step: Step, default_s: float) -> float:
        """How long one tool of a step may take: the least of its limits, in seconds.

        The run's own limit is none of them: it stops the run, which can be carried on, where a
        tool that ran out of its time has failed.
        """
        limits = [default_s, ws.limits(step).timeout_s]
        phase = self.config.phases.get(ws.phase or "")
        limits.append(phase.timeout_s if phase else None)
        return min(limit for limit in limits if limit)

    @contextmanager
    def tool_turn(self, profile: ToolProfile) -> Iterator[None]:
        """Wait until the limits of the tool and of its provider allow one more run of it."""
        with ExitStack() as held:
            for turn in self.turns.get(profile.id, ()):
                held.enter_context(turn)
            yield

    def author(self) -> Identity:
        """Who commits: the engine, now, or at the base commit's date where runs repeat."""
        run = self.config.run
        seconds = int(time.time()) if self.clock_s is None else self.clock_s
        return Identity(run.author_name, run.author_email, seconds)

    def anchor(self, ws_id: str, commit: str) -> None:
        """Hold a workstream's commit by its refs; the base needs no holding."""
        if commit == self.plan.base_commit:
            return
        self.branches.move(
            self.layout.state_ref(self.run_id, ws_id), self.branch(ws_id), commit, ws_id=ws_id
        )

    def hold_all(self) -> None:
        """Anchor what this run has taken over from another, whose refs may go away."""
        for record in self.ledger.workstreams(self.run_id):
            held = self.branches.value(self.layout.state_ref(self.run_id, record.ws_id))
            if record.state is WorkstreamState.CHECKED and held is None:
                self.anchor(record.ws_id, record.commit)

    def branch(self, ws_id: str) -> str:
        """A workstream's visible branch, as a full ref name."""
        return self.layout.ws_branch(self.workstream(ws_id).openspec_change, ws_id)

    def commit_work(self, record: WorkstreamRecord, tree: str, step: Step, tool: str) -> str:
        """Commit an accepted change on top of the workstream's last commit.

        After landing sent it back, the first commit also has the work done before as a parent,
        so that nothing is lost.
        """
        ws = self.workstream(record.ws_id)
        parents = [record.commit]
        if record.returns and record.commit == record.start_commit:
            parents.append(record.checked_commit)
        identity = self.author()
        return self.repo.commit(
            tree=tree,
            parents=parents,
            message=_message(ws, step, tool),
            author=identity,
            committer=identity,
        )


def _message(ws: Workstream, step: Step, tool: str) -> str:
    title = ws.title or (ws.tasks[0] if ws.tasks else ws.id)
    subject = " ".join(title.split())[:72]
    if step is Step.FIX:
        subject = f"Fix {ws.id}: {subject}"[:72]
    body = "".join(f"- {' '.join(task.split())}\n" for task in ws.tasks)
    trailers = f"Pipeline-Workstream: {ws.id}\nPipeline-Tool: {tool}\n"
    return f"{subject}\n\n{body}\n{trailers}" if body else f"{subject}\n\n{trailers}"
