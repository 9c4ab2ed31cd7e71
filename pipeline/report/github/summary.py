"""A run as a job's summary: what came of it at a glance, then each workstream with its findings."""

from collections.abc import Iterator

from pipeline.base.console import duration
from pipeline.model.states import WorkstreamState
from pipeline.report.advice import advise_run, advise_workstream, short_ref
from pipeline.report.appearance import headline
from pipeline.report.github import escape, parts, words
from pipeline.report.github.limits import SUMMARY
from pipeline.report.github.sections import Section, fit, section
from pipeline.report.github.view import RunView, WorkstreamView
from pipeline.report.markdown import table

_FINDINGS = 100
_LEAST = 4000


def job_summary(view: RunView, room: int = SUMMARY) -> str:
    """The summary in at most ``room`` bytes: what the step has written already takes some.

    Empty where there is no room worth writing into.
    """
    if room < _LEAST:
        return ""
    return fit(list(_sections(view)), min(room, SUMMARY) - 1) + "\n"


def _sections(view: RunView) -> Iterator[Section]:
    yield section([f"## {words.state(view.run.state)}: {headline(view.summary.totals)}"])
    yield section([_facts(view)], "facts", 9)
    yield section(_table(view), "workstreams", 8)
    yield section(parts.graph(view), "the graph", 5)
    yield section(_next(view), "what to do next", 7)
    for ws in view.workstreams:
        if ws.state is not WorkstreamState.DONE:
            yield section(_workstream(ws), escape.code(ws.id, 60), 3)
    for ws in view.workstreams:
        if ws.state is WorkstreamState.DONE:
            yield section(_workstream(ws), escape.code(ws.id, 60), 2)


def _facts(view: RunView) -> str:
    run = view.run
    facts = [f"run `{run.run_id}`", f"base `{run.base_commit[:12]}`"]
    if run.integration_commit:
        branch = escape.code(short_ref(run.integration_branch))
        facts.append(f"{branch} at `{run.integration_commit[:12]}`")
    if run.duration_s:
        facts.append(duration(run.duration_s))
    facts.append(f"{run.gates_run} gates run, {run.verdicts_reused} verdicts reused")
    if cost := words.cost(view.spent):
        facts.append(f"agents: {cost}")
    return " · ".join(facts)


def _table(view: RunView) -> list[str]:
    rows = [
        [
            escape.code(ws.id, 100),
            words.state(ws.state),
            words.gate_signs(ws.gates),
            str(ws.record.attempts),
            duration(sum(attempt.duration_s for attempt in ws.attempts)),
            words.cost(ws.spent),
            "" if ws.state is WorkstreamState.DONE else escape.text(ws.record.reason, 300),
        ]
        for ws in view.workstreams
    ]
    return table(["workstream", "state", "gates", "attempts", "worked", "cost", "why"], rows)


def _next(view: RunView) -> list[str]:
    lines = []
    for ws in view.summary.workstreams:
        advice = advise_workstream(view.summary, ws)
        if advice and advice.command:
            lines.append(
                f"- {escape.code(ws.id, 100)}: {escape.code(advice.command)}, {advice.why}"
            )
    lines = lines[:10]
    lines += [f"- {escape.code(one.command)}: {one.why}" for one in advise_run(view.summary)]
    return ["### Next", "", *lines] if lines else []


def _workstream(ws: WorkstreamView) -> list[str]:
    title = escape.text(ws.bundle.title, 200)
    lines = [f"### {words.state(ws.state)}: {escape.code(ws.id, 100)}"]
    if title:
        lines += ["", title]
    findings = words.findings_table(ws.findings, _FINDINGS)
    for part in (parts.gates_table(ws), findings, parts.attempts_table(ws)):
        if part:
            lines += ["", *part]
    return lines
