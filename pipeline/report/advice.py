"""What a person can do next about a run: commands with their reason, most useful first."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.model.states import RunState, WorkstreamState
from pipeline.model.summary import RunSummary, WorkstreamSummary


@dataclass(frozen=True, slots=True)
class Advice:
    """A command to type, and why; the command is empty where only the reason helps."""

    command: str
    why: str


def advise_run(summary: RunSummary) -> list[Advice]:
    """What to do about the run as a whole."""
    return list(_run_advice(summary))


def _run_advice(summary: RunSummary) -> Iterator[Advice]:
    done = summary.totals.get(WorkstreamState.DONE, 0)
    branch = short_ref(summary.integration_branch)
    if done and branch and summary.status is not RunState.RUNNING:
        yield Advice(f"git log --first-parent {branch}", "see what landed")
    match summary.status:
        case RunState.COMPLETED if done and branch:
            yield Advice(f"git merge {branch}", "take it into the branch you are on")
        case RunState.PARTIAL if summary.totals.get(WorkstreamState.AWAITING_REVIEW):
            yield Advice("pipeline run", "go on, once the reviews are answered")
        case RunState.PARTIAL | RunState.FAILED:
            yield Advice(
                "pipeline run",
                "try again; the same plan takes finished work over",
            )
        case RunState.INTERRUPTED | RunState.CANCELLED:
            yield Advice("pipeline run", "carry on where it stopped")
        case RunState.RUNNING:
            yield Advice(f"pipeline cancel {summary.run_id}", "stop it; it can be carried on")


def advise_workstream(summary: RunSummary, ws: WorkstreamSummary) -> Advice | None:
    """What to do about one workstream; ``None`` where it is fine, or waits for another."""
    match ws.status:
        case WorkstreamState.QUARANTINED if ws.patch_id:
            return Advice(
                f"pipeline quarantine show {ws.patch_id[:12]}", "its patch and the reason"
            )
        case WorkstreamState.QUARANTINED | WorkstreamState.FAILED:
            command = f"pipeline show-events {summary.run_id} --workstream {ws.id}"
            return Advice(command, "what happened, step by step")
        case WorkstreamState.AWAITING_REVIEW:
            return Advice(f"pipeline review show {ws.id}", "what a person has to decide")
        case WorkstreamState.ABANDONED:
            return Advice("pipeline run --fresh", "do it again in a new run")
        case WorkstreamState.BLOCKED:
            return Advice("", "it is tried again once what it depends on passes")
    return None


def short_ref(ref: str) -> str:
    """A branch as people type it, without ``refs/heads/``."""
    return ref.removeprefix("refs/heads/")
