"""Sticky comments: one for each pull request and issue, found by its marker, kept up to date."""

from collections.abc import Iterator, Mapping, Sequence

from pipeline.base.console import count, duration
from pipeline.model.publication import CommentText
from pipeline.model.states import WorkstreamState
from pipeline.report.advice import advise_run, advise_workstream
from pipeline.report.appearance import headline
from pipeline.report.github import answering, escape, links, markers, parts, words
from pipeline.report.github.limits import BODY
from pipeline.report.github.sections import Section, fit, section
from pipeline.report.github.view import RunView, WorkstreamView

_FINDINGS = 20


def sticky_comment(view: RunView, ws_id: str = "") -> CommentText:
    """The comment on a workstream's pull request, or on the run's; ``KeyError`` for an unknown id.

    It says nothing that changes by itself, so that it is the same while nothing has happened.
    """
    sections = _of_workstream(view, view.workstream(ws_id)) if ws_id else _of_run(view)
    return _comment(markers.STATUS, list(sections))


def progress_comments(view: RunView) -> Mapping[int, CommentText]:
    """The comment for each issue of this repository that bundles name, by its number."""
    found: dict[int, list[WorkstreamView]] = {}
    for ws in view.workstreams:
        number = links.issue_number(ws.bundle.ccpm_issue)
        if number:
            found.setdefault(number, []).append(ws)
    return {
        number: _comment(markers.PROGRESS, list(_progress(view, own)))
        for number, own in found.items()
    }


def _comment(purpose: str, sections: Sequence[Section]) -> CommentText:
    marker = markers.marker(purpose)
    return CommentText(marker, fit([section([marker, *sections[0].lines]), *sections[1:]], BODY))


def _of_workstream(view: RunView, ws: WorkstreamView) -> Iterator[Section]:
    yield section([f"### {words.state(ws.state)}: {escape.code(ws.id, 100)}"])
    if why := parts.why(ws):
        yield section([f"> {why}"], "the reason", 9)
    yield section(parts.gates_table(ws), "gates", 8)
    yield section(words.findings_table(ws.findings, _FINDINGS), "findings", 4)
    yield section(_next(view, ws), "what to do next", 9)
    yield section(answering.how_to_answer(ws), "how to answer", 8)
    yield section(parts.attempts_table(ws), "attempts", 2)
    yield section(_facts(view, ws), weight=7)


def _next(view: RunView, ws: WorkstreamView) -> list[str]:
    summary = next((one for one in view.summary.workstreams if one.id == ws.id), None)
    advice = advise_workstream(view.summary, summary) if summary else None
    if advice is None:
        return []
    command = f"{escape.code(advice.command)}: " if advice.command else ""
    return [f"**Next**: {command}{advice.why}."]


def _facts(view: RunView, ws: WorkstreamView) -> list[str]:
    facts = [f"run `{view.run_id}`", f"commit {links.to_commit(view, ws.record.commit)}"]
    facts.append(count(ws.record.attempts, "attempt"))
    if cost := words.cost(ws.spent):
        facts.append(cost)
    return [f"<sub>{' · '.join(facts)}</sub>"]


def _of_run(view: RunView) -> Iterator[Section]:
    yield section([f"### {words.state(view.run.state)}: {headline(view.summary.totals)}"])
    yield section(parts.workstreams_table(view), "workstreams", 9)
    yield section(_run_next(view), "what to do next", 8)
    yield section(parts.graph(view), "the graph", 3)
    facts = [f"run `{view.run_id}`"]
    if view.run.duration_s:
        facts.append(duration(view.run.duration_s))
    if cost := words.cost(view.spent):
        facts.append(cost)
    yield section([f"<sub>{' · '.join(facts)}</sub>"], weight=7)


def _run_next(view: RunView) -> list[str]:
    lines = [f"- {escape.code(one.command)}: {one.why}" for one in advise_run(view.summary)]
    return ["**Next**", "", *lines] if lines else []


def _progress(view: RunView, own: Sequence[WorkstreamView]) -> Iterator[Section]:
    done = sum(ws.state is WorkstreamState.DONE for ws in own)
    yield section([f"### {done} of {count(len(own), 'workstream')} done"])
    for ws in own:
        yield section(_progress_of(view, ws), escape.code(ws.id, 60), 3)
    yield section([f"<sub>run `{view.run_id}`</sub>"], weight=7)


def _progress_of(view: RunView, ws: WorkstreamView) -> list[str]:
    reason = "" if ws.state is WorkstreamState.DONE else escape.text(ws.record.reason, 300)
    mark = "x" if ws.state is WorkstreamState.DONE else " "
    tasks = [f"  - [{mark}] {escape.text(task, 300)}" for task in ws.bundle.tasks[:50]]
    line = f"- {words.state(ws.state)}: {links.to_workstream(view, ws.id)}"
    return [f"{line}: {reason}" if reason else line, *tasks]
