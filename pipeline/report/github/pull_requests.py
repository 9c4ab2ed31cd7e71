"""Pull requests: one for each workstream, stacked by dependencies, or one for the run."""

from collections.abc import Iterator

from pipeline.base.console import count, safe
from pipeline.model.publication import PullRequestText
from pipeline.model.states import RunState, WorkstreamState
from pipeline.report.advice import short_ref
from pipeline.report.appearance import headline
from pipeline.report.github import answering, escape, links, markers, parts, words
from pipeline.report.github.gates import LANDING, GateState
from pipeline.report.github.limits import BODY, LABEL, LABELS, TITLE
from pipeline.report.github.sections import Section, fit, section
from pipeline.report.github.view import RunView, WorkstreamView

_FINDINGS = 30


def pull_requests(view: RunView) -> tuple[PullRequestText, ...]:
    """The pull requests that a run is to have by its configuration, dependencies first."""
    match view.publish.pull_requests:
        case "workstream":
            return tuple(
                workstream_pull_request(view, ws) for ws in view.workstreams if ws.has_commit
            )
        case "run":
            run = view.run
            has_work = run.integration_branch and run.integration_commit not in (
                "",
                run.base_commit,
            )
            return (run_pull_request(view),) if has_work else ()
    return ()


def workstream_pull_request(view: RunView, ws: WorkstreamView) -> PullRequestText:
    """The pull request of one workstream; its base is the branch of what it depends on."""
    title = ws.bundle.title or ws.id
    named = title if title == ws.id else f"{title} ({ws.id})"
    return PullRequestText(
        head=ws.branch,
        base=base_of(view, ws),
        title=escape.title(named, TITLE),
        body=fit(list(_body(view, ws)), BODY),
        labels=labels(view, ws),
        is_draft=is_draft(view, ws),
        ws_id=ws.id,
    )


def base_of(view: RunView, ws: WorkstreamView) -> str:
    """The branch of the last dependency in plan order that has one, else the run's base."""
    needed = [one for one in view.workstreams if one.id in ws.bundle.depends_on and one.has_commit]
    return needed[-1].branch if needed else view.place.base


def labels(view: RunView, ws: WorkstreamView | None = None) -> tuple[str, ...]:
    """The configured labels, and that of the epic that the work belongs to."""
    changes = [one.bundle.openspec_change for one in ([ws] if ws else view.workstreams)]
    epics = [f"epic:{change}" for change in changes if change]
    named = [safe(name, LABEL) for name in (*view.publish.labels, *epics)]
    return tuple(dict.fromkeys(filter(None, named)))[:LABELS]


def is_draft(view: RunView, ws: WorkstreamView) -> bool:
    """Whether the pull request is not to be merged yet."""
    if view.publish.draft in ("always", "never"):
        return view.publish.draft == "always"
    return bool(open_points(ws))


def open_points(ws: WorkstreamView) -> list[str]:
    """Why a pull request is a draft, a clause each; none where nothing is open."""
    found = []
    if ws.open_review is not None or ws.state is WorkstreamState.AWAITING_REVIEW:
        found.append("a review is open")
    for one in ws.gates:
        if one.gate == LANDING and one.state in (GateState.FAILED, GateState.CANCELLED):
            found.append("it did not land")
        elif one.state not in (GateState.PASSED, GateState.AWAITING):
            found.append(f"the {one.gate} gate: {words.gate_words(one.state)}")
    if not ws.gates:
        found.append("no gate has judged it yet")
    if ws.protected:
        found.append(f"it changes {count(len(ws.protected), 'protected name')}: needs a human")
    return found


def _body(view: RunView, ws: WorkstreamView) -> Iterator[Section]:
    yield section([markers.marker(markers.PULL_REQUEST), *_headline(view, ws)])
    yield section(_open(ws), "what is open", 9)
    yield section(answering.how_to_answer(ws), "how to answer", 8)
    yield section(parts.headed("Why", _why(view, ws)), "what it is for", 7)
    yield section(parts.headed("Tasks", parts.task_list(ws)), "tasks", 6)
    tests = parts.acceptance_tests(ws)
    yield section(parts.headed("Acceptance tests", tests), "acceptance tests", 6)
    yield section(parts.headed("Gates", parts.gates_table(ws)), "gates", 8)
    found = words.findings_table(ws.findings, _FINDINGS)
    yield section(parts.headed("Findings", found), "findings", 3)
    yield section(parts.headed("Stack", _stack(view, ws)), "dependencies", 5)
    yield section(_change(ws), "what it changes", 4)
    yield section(parts.attempts_table(ws), "attempts", 2)
    yield section(_footer(view, ws), "where it comes from", 8)


def _headline(view: RunView, ws: WorkstreamView) -> list[str]:
    facts = [f"**{words.state(ws.state)}**"]
    if ws.state is WorkstreamState.DONE:
        facts.append(f"landed on {escape.code(short_ref(view.run.integration_branch))}")
    facts.append(count(ws.record.attempts, "attempt"))
    if cost := words.cost(ws.spent):
        facts.append(f"agents: {cost}")
    return [f"> {' · '.join(facts)}"]


def _open(ws: WorkstreamView) -> list[str]:
    points = open_points(ws)
    if not points:
        return []
    lines = ["> [!IMPORTANT]", f"> **Not to be merged yet**: {'; '.join(points)}."]
    if why := parts.why(ws):
        lines += [">", f"> {why}"]
    if ws.protected:
        named = ", ".join(escape.code(path, 120) for path in ws.protected[:10])
        more = f" and {len(ws.protected) - 10} more" if len(ws.protected) > 10 else ""
        lines += [">", f"> Protected: {named}{more}."]
    return lines


def _why(view: RunView, ws: WorkstreamView) -> list[str]:
    said = escape.block(ws.bundle.description, 8000)
    facts = []
    if ws.bundle.ccpm_issue:
        facts.append(f"- Issue: {links.to_issue(view, ws.bundle.ccpm_issue)}")
    if ws.bundle.openspec_change:
        facts.append(f"- OpenSpec change: {links.to_change(view, ws)}")
    return [*said, *([""] if said and facts else []), *facts]


def _stack(view: RunView, ws: WorkstreamView) -> list[str]:
    needs = [links.to_workstream(view, one) for one in ws.bundle.depends_on]
    needed_by = [
        links.to_workstream(view, one.id)
        for one in view.workstreams
        if ws.id in one.bundle.depends_on
    ]
    lines = [f"- Builds on {', '.join(needs[:50])}; merge those first."] if needs else []
    if needed_by:
        lines.append(f"- Needed by {', '.join(needed_by[:50])}.")
    return lines


def _change(ws: WorkstreamView) -> list[str]:
    patch = ws.patch.patch if ws.patch else None
    if patch is None:
        return []
    files = count(len(patch.paths), "file")
    return [f"**Change**: {files}, {words.lines(patch)}, patch `{patch.id[:12]}`."]


def _footer(view: RunView, ws: WorkstreamView) -> list[str]:
    source = f" · bundle {escape.code(ws.bundle.source, 200)}" if ws.bundle.source else ""
    commit = links.to_commit(view, ws.record.commit)
    return [f"<sub>Run `{view.run_id}` · commit {commit}{source} · git-pipeline</sub>"]


def run_pull_request(view: RunView) -> PullRequestText:
    """The pull request of a run's integration branch."""
    counted = headline(view.summary.totals)
    return PullRequestText(
        head=short_ref(view.run.integration_branch),
        base=view.place.base,
        title=escape.title(f"Run {view.run_id}: {counted}", TITLE),
        body=fit(list(_run_body(view)), BODY),
        labels=labels(view),
        is_draft=_is_run_draft(view),
    )


def _is_run_draft(view: RunView) -> bool:
    if view.publish.draft in ("always", "never"):
        return view.publish.draft == "always"
    landed = [ws for ws in view.workstreams if ws.state is WorkstreamState.DONE]
    return view.run.state is not RunState.COMPLETED or any(ws.protected for ws in landed)


def _run_body(view: RunView) -> Iterator[Section]:
    facts = [f"**{words.state(view.run.state)}**", headline(view.summary.totals)]
    if cost := words.cost(view.spent):
        facts.append(f"agents: {cost}")
    yield section([markers.marker(markers.PULL_REQUEST), f"> {' · '.join(facts)}"])
    yield section(parts.workstreams_table(view), "workstreams", 9)
    yield section(parts.graph(view), "the graph", 2)
    for ws in view.workstreams:
        yield section(_part(view, ws), escape.code(ws.id, 60), 3)
    yield section(
        [f"<sub>Run `{view.run_id}` · base {links.to_commit(view, view.run.base_commit)}</sub>"],
        weight=8,
    )


def _part(view: RunView, ws: WorkstreamView) -> list[str]:
    if ws.state is not WorkstreamState.DONE:
        return []
    title = escape.text(ws.bundle.title or ws.id, 200)
    why, tasks = _why(view, ws), parts.task_list(ws)
    return [f"### {title}", *(["", *why] if why else []), *(["", *tasks] if tasks else [])]
