"""A run's summary as Markdown, for pull requests, job summaries and reading later."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.console import duration
from pipeline.model.states import WorkstreamState
from pipeline.model.summary import RunSummary
from pipeline.report.advice import advise_run, advise_workstream, short_ref
from pipeline.report.appearance import cost_in_words, headline, words
from pipeline.report.diagrams import mermaid_gantt
from pipeline.report.markdown import code, escape, table

_CHART = 60
"""The most workstreams for which a chart can be read; Mermaid also refuses very long texts."""
_SIGNATURES = 50
_REASON = 1000


@dataclass(frozen=True, slots=True)
class Places:
    """Where a run's files lie."""

    logs: Path
    quarantine: Path


def markdown_summary(summary: RunSummary, places: Places) -> str:
    """The summary as a Markdown document."""
    counted = f", {headline(summary.totals)}" if summary.totals else ""
    blocks = [
        [f"# Run {summary.run_id}: {words(summary.status)}{counted}"],
        list(_facts(summary)),
        list(_workstreams(summary)),
        list(_next(summary)),
        list(_errors(summary)),
        list(_chart(summary)),
        list(_places(summary, places)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _facts(summary: RunSummary) -> Iterator[str]:
    yield f"- Base: {code(summary.base_commit)}"
    if summary.integration_commit:
        branch = short_ref(summary.integration_branch)
        yield f"- Integration: {code(branch)} at {code(summary.integration_commit)}"
    if summary.integration_tree:
        yield f"- Tree: {code(summary.integration_tree)}"
    yield f"- Started {summary.started_at or '(not yet)'}, " + (
        f"finished {summary.finished_at} after {duration(summary.duration_sec)}"
        if summary.finished_at
        else "not finished"
    )
    yield (
        f"- Jobs: {summary.jobs}, gates run: {summary.gates_run}, verdicts reused: "
        f"{summary.verdicts_reused}, the engine's own CPU: {duration(summary.engine_cpu_s)}"
    )
    if summary.costs:
        yield f"- Agents: {cost_in_words(summary.costs)}"


def _workstreams(summary: RunSummary) -> Iterator[str]:
    if not summary.workstreams:
        return
    yield "## Workstreams"
    yield ""
    yield from table(
        ["workstream", "state", "attempts", "findings", "reason"],
        [
            [
                code(ws.id),
                words(ws.status),
                ws.attempts,
                ws.findings,
                escape(ws.reason, _REASON),
            ]
            for ws in summary.workstreams
        ],
    )


def _next(summary: RunSummary) -> Iterator[str]:
    yield "## What to do next"
    yield ""
    lines = []
    for ws in summary.workstreams:
        if advice := advise_workstream(summary, ws):
            lines.append(f"- {code(ws.id)}: {_sentence(advice.command, advice.why)}")
    lines += [f"- {_sentence(advice.command, advice.why)}" for advice in advise_run(summary)]
    yield from lines or ["Nothing: the run goes on by itself."]


def _sentence(command: str, why: str) -> str:
    return f"{code(command)} — {why}" if command else why


def _errors(summary: RunSummary) -> Iterator[str]:
    found = list(summary.errors_by_signature.items())
    if not found:
        return
    yield "## Errors by signature"
    yield ""
    yield from table(
        ["count", "signature"], [[number, code(name, 300)] for name, number in found[:_SIGNATURES]]
    )
    if len(found) > _SIGNATURES:
        yield ""
        yield f"… and {len(found) - _SIGNATURES} more in `pipeline show-errors {summary.run_id}`."


def _chart(summary: RunSummary) -> Iterator[str]:
    if len(summary.workstreams) > _CHART:
        return
    chart = mermaid_gantt(summary.timeline, [ws.id for ws in summary.workstreams])
    if chart:
        yield from ("## When", "", "```mermaid", chart.rstrip("\n"), "```")


def _places(summary: RunSummary, places: Places) -> Iterator[str]:
    yield "## Where things are"
    yield ""
    yield f"- Logs of all tools and checks: {code(str(places.logs))}"
    if summary.totals.get(WorkstreamState.QUARANTINED):
        yield f"- Refused patches with their reasons: {code(str(places.quarantine))}"
    yield f"- Everything that happened: `pipeline show-events {summary.run_id}`"
