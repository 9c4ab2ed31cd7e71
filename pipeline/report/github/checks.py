"""Check runs: one for each gate and workstream, with a conclusion that cannot be mistaken."""

from collections.abc import Iterator, Mapping, Sequence

from pipeline.base.console import count, duration
from pipeline.model.publication import CheckReport, Conclusion
from pipeline.model.states import RunState, WorkstreamState
from pipeline.report.appearance import headline
from pipeline.report.github import escape, words
from pipeline.report.github.annotations import annotate
from pipeline.report.github.gates import LANDING, GateAnswer, GateState
from pipeline.report.github.limits import CHECK_NAME, CHECK_TEXT
from pipeline.report.github.sections import Section, fit, section
from pipeline.report.github.view import RunView, WorkstreamView
from pipeline.report.markdown import table

CONCLUSIONS: Mapping[GateState, Conclusion] = {
    GateState.PASSED: Conclusion.SUCCESS,
    GateState.FAILED: Conclusion.FAILURE,
    GateState.TIMED_OUT: Conclusion.TIMED_OUT,
    GateState.UNKNOWN: Conclusion.FAILURE,
    GateState.FAULT: Conclusion.FAILURE,
    GateState.CANCELLED: Conclusion.CANCELLED,
    GateState.AWAITING: Conclusion.ACTION_REQUIRED,
}
"""Only a green gate is a success; a gate without an answer is not reported at all."""

_FINDINGS = 100
_CHECKS = 100


def checks(view: RunView) -> tuple[CheckReport, ...]:
    """The check runs of all workstreams that have a commit of their own, and that of the run."""
    return (*(one for ws in view.workstreams for one in workstream_checks(view, ws)), *_run(view))


def workstream_checks(view: RunView, ws: WorkstreamView) -> tuple[CheckReport, ...]:
    """The check runs of one workstream; none where it has no commit to speak of."""
    if not ws.has_commit:
        return ()
    return tuple(_report(view, ws, answer) for answer in ws.gates)


def check_name(gate: str, subject: str) -> str:
    """The name of a check run: ``pipeline / static / add-login``."""
    return escape.title(f"pipeline / {gate} / {subject}", CHECK_NAME)


def headline_of(answer: GateAnswer) -> str:
    """What a gate says, as a title."""
    if answer.state is GateState.FAULT:
        return f"Infrastructure: the {answer.gate} gate could not run, this is no pass"
    if answer.state is GateState.UNKNOWN:
        return f"The {answer.gate} gate cannot tell, this is no pass"
    if answer.gate == LANDING:
        return _LANDING.get(answer.state, "Landing was not decided")
    if answer.has_no_checks:
        return f"The {answer.gate} gate has no checks"
    counted = f", {count(len(answer.findings), 'finding')}" if answer.findings else ""
    return f"The {answer.gate} gate is {_IS[answer.state]}{counted}"


_IS = {
    GateState.PASSED: "green",
    GateState.FAILED: "red",
    GateState.TIMED_OUT: "red: a check ran out of time",
    GateState.CANCELLED: "not answered: it was cancelled",
    GateState.AWAITING: "waiting for a person",
}
_LANDING = {
    GateState.PASSED: "It landed on the run's branch",
    GateState.FAILED: "It did not land",
    GateState.CANCELLED: "It was cancelled before it landed",
    GateState.AWAITING: "It awaits a person's decision",
}


def _report(view: RunView, ws: WorkstreamView, answer: GateAnswer) -> CheckReport:
    noted = annotate(answer.findings, view.publish.max_annotations)
    title = headline_of(answer)
    return CheckReport(
        name=check_name(answer.gate, ws.id),
        head_sha=answer.commit,
        conclusion=CONCLUSIONS[answer.state],
        title=escape.title(title, 250),
        summary=fit(list(_summary(ws, answer, title, noted.left_out)), CHECK_TEXT),
        text=fit(_text(answer), CHECK_TEXT),
        annotations=noted.annotations,
        details_url=view.place.details_url,
        started_at=answer.started_at,
        completed_at=answer.finished_at,
        ws_id=ws.id,
    )


def _summary(
    ws: WorkstreamView, answer: GateAnswer, title: str, left_out: int
) -> Iterator[Section]:
    yield section([escape.text(answer.reason, 2000) or f"{title}."])
    facts = [f"- Workstream: {escape.code(ws.id)}, {words.state(ws.state)}"]
    if answer.duration_s:
        facts.append(f"- Took {duration(answer.duration_s)}")
    if left_out:
        facts.append(f"- {count(left_out, 'finding')} without an annotation: see below")
    yield section(facts, "facts")
    if answer.checks:
        rows = [
            [escape.code(name, 100), words.gate_state(words.check_state(said))]
            for name, said in answer.checks.items()
        ]
        more = ["", f"*… and {len(rows) - _CHECKS} more.*"] if len(rows) > _CHECKS else []
        yield section([*table(["check", "result"], rows[:_CHECKS]), *more], "checks")


def _text(answer: GateAnswer) -> Sequence[Section]:
    if not answer.findings:
        return ()
    return [
        section(["### Findings"]),
        section(
            words.findings_table(answer.findings, _FINDINGS), f"{len(answer.findings)} findings"
        ),
    ]


_RUNS: Mapping[RunState, GateState | None] = {
    RunState.PENDING: None,
    RunState.RUNNING: None,
    RunState.COMPLETED: GateState.PASSED,
    RunState.PARTIAL: GateState.FAILED,
    RunState.FAILED: GateState.FAILED,
    RunState.INTERRUPTED: GateState.CANCELLED,
    RunState.CANCELLED: GateState.CANCELLED,
    RunState.ABANDONED: GateState.CANCELLED,
}


def run_state(view: RunView) -> GateState | None:
    """What a run says as a whole; it passes only where every workstream landed."""
    state = _RUNS[view.run.state]
    if state is GateState.FAILED:
        states = {ws.state for ws in view.workstreams}
        if WorkstreamState.AWAITING_REVIEW in states:
            return GateState.AWAITING
    return state


def _run(view: RunView) -> Iterator[CheckReport]:
    state = run_state(view)
    commit = view.run.integration_commit
    if state is None or commit in ("", view.run.base_commit):
        return
    title = headline(view.summary.totals)
    rows = [
        [escape.code(ws.id, 100), words.state(ws.state), escape.text(ws.record.reason, 300)]
        for ws in view.workstreams
    ]
    yield CheckReport(
        name=check_name("run", view.run_id),
        head_sha=commit,
        conclusion=CONCLUSIONS[state],
        title=escape.title(title, 250),
        summary=fit(
            [
                section([f"**{title}.**"]),
                section(table(["workstream", "state", "why"], rows), "workstreams"),
            ],
            CHECK_TEXT,
        ),
        details_url=view.place.details_url,
        started_at=view.run.started_at,
        completed_at=view.run.finished_at,
    )
