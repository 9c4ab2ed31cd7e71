"""Issues: one for each quarantined change and each open question, closed when it is over."""

from collections.abc import Iterator, Sequence

from pipeline.base.console import count
from pipeline.model.finding import Finding
from pipeline.model.publication import IssueText
from pipeline.model.review import Review
from pipeline.model.states import WorkstreamState
from pipeline.report.github import answering, escape, links, markers, parts, words
from pipeline.report.github.limits import BODY, TITLE
from pipeline.report.github.pull_requests import labels
from pipeline.report.github.sections import Section, fit, section
from pipeline.report.github.view import RunView, WorkstreamView

_OVER = frozenset({WorkstreamState.DONE, WorkstreamState.ABANDONED, WorkstreamState.QUARANTINED})
_FINDINGS = 50
_PATHS = 50


def issues(view: RunView) -> tuple[IssueText, ...]:
    """The issues that there are to be; those that are over only where one was ever published.

    An issue's publication is named by the purpose in its marker (``markers.purpose_of``), which
    names the workstream and not the run: the next run that fails the same way finds it.
    """
    return tuple(one for ws in view.workstreams for one in _issues(view, ws))


def _issues(view: RunView, ws: WorkstreamView) -> Iterator[IssueText]:
    known = {one.name for one in (*view.earlier, *view.publications)}
    purpose = markers.quarantine(ws.id)
    is_settled = bool(ws.record.patch_id) and ws.record.patch_id in view.settled
    if ws.state is WorkstreamState.QUARANTINED and not is_settled:
        yield _quarantine(view, ws)
    elif _name(purpose) in known and ws.state in _OVER:
        yield _over(view, ws, purpose)
    purpose = markers.review(ws.id)
    review = ws.open_review
    if review is not None:
        yield _review(view, ws, review)
    elif _name(purpose) in known:
        yield _over(view, ws, purpose)


def _name(purpose: str) -> str:
    return markers.purpose_of(markers.marker(purpose))


def _quarantine(view: RunView, ws: WorkstreamView) -> IssueText:
    title = f"Quarantined: {ws.bundle.title or ws.id} ({ws.id})"
    return _issue(view, ws, markers.quarantine(ws.id), title, list(_why_quarantined(view, ws)))


def _why_quarantined(view: RunView, ws: WorkstreamView) -> Iterator[Section]:
    yield section([f"> {escape.text(ws.record.reason or 'It is quarantined.', 2000)}"])
    yield section(_facts(view, ws), "facts", 9)
    yield section(answering.how_to_answer(ws), "how to answer", 9)
    yield from _evidence(ws, ws.findings)


def _review(view: RunView, ws: WorkstreamView, review: Review) -> IssueText:
    title = f"Review: {ws.bundle.title or ws.id} ({ws.id})"
    return _issue(view, ws, markers.review(ws.id), title, list(_asked(view, ws, review)))


def _asked(view: RunView, ws: WorkstreamView, review: Review) -> Iterator[Section]:
    yield section([f"> {escape.text(review.summary, 2000)}"])
    yield section(_facts(view, ws), "facts", 9)
    yield section(answering.how_to_answer(ws), "how to answer", 9)
    advice = [f"- {escape.text(one, 500)}" for one in review.advice[:20]]
    yield section(parts.headed("What to consider", advice), "advice", 6)
    yield from _evidence(ws, (*review.findings, *ws.findings))


def _facts(view: RunView, ws: WorkstreamView) -> list[str]:
    lines = [f"- Workstream {links.to_workstream(view, ws.id)}: {words.state(ws.state)}"]
    if ws.bundle.ccpm_issue:
        lines.append(f"- Issue: {links.to_issue(view, ws.bundle.ccpm_issue)}")
    if ws.record.reason_code:
        lines.append(f"- Kind: {escape.code(ws.record.reason_code, 60)}")
    lines.append(f"- Run: `{view.run_id}`")
    if ws.patch:
        patch = ws.patch.patch
        lines.append(f"- Patch: `{patch.id[:12]}`, {words.lines(patch)}")
    return lines


def _evidence(ws: WorkstreamView, found: Sequence[Finding]) -> Iterator[Section]:
    lines = words.findings_table(found, _FINDINGS)
    yield section(parts.headed("Findings", lines), "findings", 4)
    paths = ws.patch.patch.paths if ws.patch else ()
    listed = [f"- {escape.code(path, 300)}" for path in paths[:_PATHS]]
    if len(paths) > _PATHS:
        listed.append(f"- *… and {count(len(paths) - _PATHS, 'more file')}.*")
    yield section(parts.headed("Files", listed), "files", 3)
    yield section(parts.attempts_table(ws), "attempts", 2)


def _over(view: RunView, ws: WorkstreamView, purpose: str) -> IssueText:
    title = f"{ws.bundle.title or ws.id} ({ws.id})"
    lines = [f"Over: {links.to_workstream(view, ws.id)} is {words.state(ws.state)}."]
    lines += ["", f"<sub>run `{view.run_id}`</sub>"]
    return _issue(view, ws, purpose, title, [section(lines)], is_open=False)


def _issue(
    view: RunView,
    ws: WorkstreamView,
    purpose: str,
    title: str,
    sections: Sequence[Section],
    *,
    is_open: bool = True,
) -> IssueText:
    marker = markers.marker(purpose)
    return IssueText(
        marker=marker,
        title=escape.title(title, TITLE),
        body=fit([section([marker, *sections[0].lines]), *sections[1:]], BODY),
        labels=labels(view, ws),
        is_open=is_open,
        ws_id=ws.id,
    )
