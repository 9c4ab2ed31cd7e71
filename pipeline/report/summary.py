"""What a run came to: built from the store, kept as JSON and Markdown beside the run's files."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from pipeline.base.files import make_directory, write_atomic
from pipeline.model import codec
from pipeline.model.event import Event, EventType
from pipeline.model.record import ErrorRecord, RunRecord, WorkstreamRecord
from pipeline.model.states import WorkstreamState
from pipeline.model.summary import RunSummary, TimelineEntry, WorkstreamSummary
from pipeline.report import appearance
from pipeline.report.summary_markdown import Places, markdown_summary
from pipeline.store.layout import Layout
from pipeline.store.records import Records
from pipeline.store.spending import NOTHING_SPENT, Total, spending, total

_CHANGES = frozenset({EventType.STATE_TRANSITION, EventType.RESUMED})
"""The events that make a timeline."""


def build_summary(
    records: Records,
    run_id: str,
    *,
    tree_of: Callable[[str], str] | None = None,
    has_timeline: bool = True,
) -> RunSummary:
    """The summary of a run, finished or not.

    ``tree_of`` gives the tree of a commit (``Repository.commit_tree``); without it
    ``integration_tree`` is empty. A timeline of thousands of workstreams takes longer to read
    than all the rest; ``has_timeline=False`` leaves it out.
    """
    run = records.run(run_id)
    tree = tree_of(run.integration_commit) if tree_of and run.integration_commit else ""
    return summarize(
        run,
        records.workstreams(run_id),
        records.errors(run_id),
        records.events(run_id, types=_CHANGES) if has_timeline else (),
        integration_tree=tree,
        spent=total(spending(records, run_id)),
    )


def summarize(
    run: RunRecord,
    workstreams: Sequence[WorkstreamRecord],
    errors: Iterable[ErrorRecord] = (),
    changes: Iterable[Event] = (),
    *,
    integration_tree: str = "",
    spent: Total = NOTHING_SPENT,
) -> RunSummary:
    """A run's summary from what is stored of it; ``changes`` are its changes of state."""
    ordered = sorted(workstreams, key=lambda ws: ws.seq)
    return RunSummary(
        run_id=run.run_id,
        key=run.key,
        status=run.state,
        base_commit=run.base_commit,
        integration_branch=run.integration_branch,
        integration_commit=run.integration_commit,
        integration_tree=integration_tree,
        jobs=run.jobs,
        started_at=run.started_at,
        finished_at=run.finished_at,
        duration_sec=round(run.duration_s, 3),
        engine_cpu_s=round(run.engine_cpu_s, 3),
        gates_run=run.gates_run,
        verdicts_reused=run.verdicts_reused,
        totals=appearance.totals(ws.state for ws in ordered),
        errors_by_signature=_count(errors),
        costs=asdict(spent) if spent.attempts else {},
        timeline=tuple(_entry(event) for event in changes),
        workstreams=tuple(_workstream(ws) for ws in ordered),
    )


def write_summary(layout: Layout, summary: RunSummary) -> None:
    """Write ``summary.json`` and ``summary.md`` of a run, each whole or not at all."""
    text = codec.dumps(summary, indent=2) + "\n"
    run_id = summary.run_id
    places = Places(layout.tool_outputs(run_id), layout.quarantine(run_id))
    make_directory(layout.summary_json(run_id).parent)
    write_atomic(layout.summary_json(run_id), text.encode("utf-8", "backslashreplace"))
    document = markdown_summary(summary, places)
    write_atomic(layout.summary_md(run_id), document.encode("utf-8", "backslashreplace"))


def _workstream(ws: WorkstreamRecord) -> WorkstreamSummary:
    is_done = ws.state is WorkstreamState.DONE
    return WorkstreamSummary(
        id=ws.ws_id,
        status=ws.state,
        branch=ws.branch,
        commit=ws.commit,
        tree=ws.tree,
        attempts=ws.attempts,
        findings=ws.findings,
        patch_id=ws.patch_id,
        reason="" if is_done else ws.reason or f"It is {appearance.words(ws.state)}.",
    )


def _entry(event: Event) -> TimelineEntry:
    return TimelineEntry(event.ts, event.ws_id, str(event.payload.get("to", "")), event.message)


def _count(errors: Iterable[ErrorRecord]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for error in errors:
        counts[error.signature] += error.count
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
