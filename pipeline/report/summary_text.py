"""A run's summary on a terminal: how it ended, each workstream, what to do next."""

from collections.abc import Iterator, Sequence

from pipeline.base.clock import now, seconds_between
from pipeline.base.console import Paint, columns, count, duration, safe, shorten
from pipeline.model.states import FINAL, WorkstreamState
from pipeline.model.summary import RunSummary, WorkstreamSummary
from pipeline.report.advice import Advice, advise_run, advise_workstream, short_ref
from pipeline.report.appearance import colour, cost_in_words, headline, state_cell, words

_EXPLAINED = FINAL | {WorkstreamState.AWAITING_REVIEW}
_MANY = 40
"""From how many workstreams on a short form leaves out those that are done."""
_ADVISED = 5
"""For how many workstreams there is advice; it repeats itself."""
_SIGNATURES = 8


def render_text(
    summary: RunSummary, *, paint: Paint | None = None, width: int = 0, is_short: bool = False
) -> str:
    """The summary as lines of text, without a newline at the end.

    ``width`` is the terminal's, 0 for none: reasons are cut to it. ``is_short`` leaves out
    finished workstreams where there are many.
    """
    paint = paint or Paint()
    parts = [
        list(_head(summary, paint)),
        _workstreams(summary, paint, width, is_short=is_short),
        list(_errors(summary, paint, width)),
        list(_next(summary, paint)),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _head(summary: RunSummary, paint: Paint) -> Iterator[str]:
    status = paint(words(summary.status), colour(summary.status), "bold")
    counted = f": {headline(summary.totals)}" if summary.totals else ""
    yield f"Run {summary.run_id}  {status}{counted}"
    facts = [f"base {summary.base_commit[:12]}"]
    if summary.integration_commit:
        branch = short_ref(summary.integration_branch)
        facts.append(f"{safe(branch)} at {summary.integration_commit[:12]}")
    yield paint("  " + ", ".join(facts), "dim")
    yield paint("  " + ", ".join(_numbers(summary)), "dim")


def _numbers(summary: RunSummary) -> Iterator[str]:
    if summary.started_at and not summary.finished_at:
        yield f"started {duration(max(0.0, seconds_between(summary.started_at, now())))} ago"
    elif summary.duration_sec:
        yield duration(summary.duration_sec)
    yield count(summary.jobs, "job")
    yield f"{count(summary.gates_run, 'gate')} run"
    if summary.verdicts_reused:
        yield f"{count(summary.verdicts_reused, 'verdict')} reused"
    if summary.costs:
        yield f"agents cost {cost_in_words(summary.costs)}"


def _workstreams(summary: RunSummary, paint: Paint, width: int, *, is_short: bool) -> list[str]:
    shown: Sequence[WorkstreamSummary] = summary.workstreams
    if is_short and len(shown) > _MANY:
        shown = [ws for ws in shown if ws.status is not WorkstreamState.DONE]
    if not shown:
        return []
    lines = columns(
        ["workstream", "state", "attempts", "findings"],
        [[ws.id, state_cell(ws.status), ws.attempts, ws.findings] for ws in shown],
        paint,
    )
    return ["  " + lines[0], *_with_reasons(lines[1:], shown, width)]


def _with_reasons(
    lines: Sequence[str], shown: Sequence[WorkstreamSummary], width: int
) -> Iterator[str]:
    for line, ws in zip(lines, shown, strict=True):
        yield "  " + line
        if ws.reason and ws.status in _EXPLAINED:
            reason = safe(ws.reason)
            yield "      " + (shorten(reason, max(width - 6, 30)) if width else reason)


def _errors(summary: RunSummary, paint: Paint, width: int) -> Iterator[str]:
    found = list(summary.errors_by_signature.items())
    if not found:
        return
    yield paint("Errors by signature", "bold")
    room = max(width - 10, 30) if width else None
    for signature, number in found[:_SIGNATURES]:
        yield f"  {number:>5,} x {safe(signature, room)}"
    if len(found) > _SIGNATURES:
        yield f"  and {len(found) - _SIGNATURES} more: pipeline show-errors {summary.run_id}"


def _next(summary: RunSummary, paint: Paint) -> Iterator[str]:
    found = [(advice, "") for advice in advise_run(summary)]
    troubled = [
        (advice, ws.id) for ws in summary.workstreams if (advice := advise_workstream(summary, ws))
    ]
    with_command = [pair for pair in troubled if pair[0].command]
    steps = [*with_command[:_ADVISED], *found]
    if not steps:
        return
    yield paint("Next", "bold")
    room = max(len(advice.command) for advice, _ in steps)
    for advice, ws_id in steps:
        yield f"  {advice.command.ljust(room)}  {paint(_why(advice, ws_id), 'dim')}"


def _why(advice: Advice, ws_id: str) -> str:
    return f"{ws_id}: {advice.why}" if ws_id else advice.why
