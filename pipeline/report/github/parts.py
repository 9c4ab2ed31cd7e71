"""Parts that several texts share: gates, tests, tasks, findings, attempts, the table, the graph."""

import shlex
from collections.abc import Mapping

from pipeline.base.console import count, duration
from pipeline.model.record import AttemptState, StepAttempt
from pipeline.model.states import WorkstreamState
from pipeline.report.diagrams import Node, mermaid_graph
from pipeline.report.github import escape, links, words
from pipeline.report.github.view import RunView, WorkstreamView
from pipeline.report.markdown import table

_ATTEMPTS = 30
_TASKS = 50
_CHECKS = 30
_ROWS = 200
_GRAPH = 60
"""The most workstreams whose graph can be read."""
_ARROWS = 400
"""Mermaid draws no more than 500 (its ``maxEdges``)."""
_FINISHED = frozenset({WorkstreamState.CHECKED, WorkstreamState.MERGING, WorkstreamState.DONE})
_ENDINGS: Mapping[AttemptState, str] = {
    AttemptState.SUCCEEDED: "✅",
    AttemptState.FAILED: "❌",
    AttemptState.CRASHED: "⏹️",
    AttemptState.STARTED: "🔄",
}


def headed(title: str, lines: list[str]) -> list[str]:
    """Lines under a heading; nothing where there are none."""
    return [f"### {title}", "", *lines] if lines else []


def why(ws: WorkstreamView) -> str:
    """What a person is asked, else why the work is not done; empty where that is all."""
    if ws.open_review is not None:
        return escape.text(ws.open_review.summary, 1000)
    return "" if ws.state is WorkstreamState.DONE else escape.text(ws.record.reason, 1000)


def task_list(ws: WorkstreamView) -> list[str]:
    """The tasks as a checklist: ticked once all gates are green."""
    tasks = ws.bundle.tasks
    mark = "x" if ws.state in _FINISHED else " "
    shown = [f"- [{mark}] {escape.text(task, 500)}" for task in tasks[:_TASKS]]
    if len(tasks) > _TASKS:
        shown += ["", f"*… and {count(len(tasks) - _TASKS, 'more task')}.*"]
    return shown


def acceptance_tests(ws: WorkstreamView) -> list[str]:
    """Each acceptance test with its command and what it said about the newest commit."""
    said = {name: result for one in ws.gates for name, result in one.checks.items()}
    lines = []
    for check in ws.bundle.acceptance_tests[:_CHECKS]:
        result = words.gate_state(words.check_state(said[check.name])) if check.name in said else ""
        command = check.command if isinstance(check.command, str) else shlex.join(check.command)
        shown = f": {escape.code(command, 200)}" if command else ""
        lines.append(f"- {result or '⏳ not run yet'} {escape.code(check.name, 100)}{shown}")
    return lines


def gates_table(ws: WorkstreamView) -> list[str]:
    """Each gate with its answer and that of its checks."""
    if not ws.gates:
        return []
    rows = [
        [
            f"**{escape.text(one.gate, 60)}**",
            words.gate_state(one.state),
            "none" if one.has_no_checks else _checks(one.checks),
            duration(one.duration_s) if one.duration_s else "",
        ]
        for one in ws.gates
    ]
    return table(["gate", "says", "checks", "took"], rows)


def _checks(results: Mapping[str, str]) -> str:
    shown = [
        f"{words.sign(words.check_state(said))} {escape.code(name, 100)}"
        for name, said in list(results.items())[:_CHECKS]
    ]
    more = f" and {len(results) - _CHECKS} more" if len(results) > _CHECKS else ""
    return " · ".join(shown) + more


def attempts_table(ws: WorkstreamView) -> list[str]:
    """The newest attempts, folded; the oldest of them first."""
    if not ws.attempts:
        return []
    shown = ws.attempts[-_ATTEMPTS:]
    rows = [
        [
            one.step,
            escape.code(one.tool, 60),
            _ending(one),
            duration(one.duration_s),
            escape.text(one.reason, 200),
        ]
        for one in shown
    ]
    head = f"What was done, {count(len(ws.attempts), 'step')}"
    if len(ws.attempts) > len(shown):
        head += f", the newest {len(shown)} of them"
    return [
        f"<details><summary>{head}</summary>",
        "",
        *table(["step", "by", "ended", "took", "why"], rows),
        "",
        "</details>",
    ]


def _ending(attempt: StepAttempt) -> str:
    return f"{_ENDINGS[attempt.state]} {attempt.state.value}"


def workstreams_table(view: RunView) -> list[str]:
    """Every workstream with its state, gates, costs and reason; as many as there is room for."""
    rows = [
        [
            links.to_workstream(view, ws.id),
            words.state(ws.state),
            words.gate_signs(ws.gates),
            str(ws.record.attempts),
            words.cost(ws.spent),
            "" if ws.state is WorkstreamState.DONE else escape.text(ws.record.reason, 200),
        ]
        for ws in view.workstreams[:_ROWS]
    ]
    lines = table(["workstream", "state", "gates", "attempts", "cost", "why"], rows)
    if len(view.workstreams) > len(rows):
        lines += ["", f"*… and {count(len(view.workstreams) - len(rows), 'more workstream')}.*"]
    return lines


def graph(view: RunView) -> list[str]:
    """The workstreams as a Mermaid graph, coloured by state; none where it could not be read."""
    arrows = sum(len(ws.bundle.depends_on) for ws in view.workstreams)
    if not 1 < len(view.workstreams) <= _GRAPH or arrows > _ARROWS:
        return []
    nodes = [Node(ws.id, ws.bundle.depends_on, (), ws.state) for ws in view.workstreams]
    return ["```mermaid", mermaid_graph(nodes).rstrip("\n"), "```"]
