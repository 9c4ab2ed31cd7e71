"""Exports of what failed: for each workstream when its repair has ended, for a run at its end."""

from pipeline.model.record import AttemptState, WorkstreamRecord
from pipeline.model.states import FINAL, WorkstreamState
from pipeline.repair.breakers import facts
from pipeline.repair.ladder_states import position
from pipeline.report.analysis import failed_workstreams, write_analysis
from pipeline.store.layout import Layout
from pipeline.store.records import Records

_UNREPAIRED = (FINAL - {WorkstreamState.DONE}) | {WorkstreamState.AWAITING_REVIEW}


def export_workstream(records: Records, layout: Layout, record: WorkstreamRecord) -> None:
    """Write a workstream's exports; nothing for one of which nothing failed."""
    run_id = record.run_id
    attempts = records.attempts(run_id, record.ws_id, record.generation)
    if any(a.state is AttemptState.FAILED or "classification" in a.details for a in attempts):
        ladder = {record.ws_id: _ladder_state(records, record)}
        write_analysis(layout, records, run_id, ladder, ws_id=record.ws_id)


def export_run(records: Records, layout: Layout, run_id: str) -> None:
    """Write a run's exports; they list nothing where nothing failed."""
    ladder = {
        ws_id: _ladder_state(records, records.workstream(run_id, ws_id))
        for ws_id in failed_workstreams(records, run_id)
    }
    write_analysis(layout, records, run_id, ladder)


def _ladder_state(records: Records, record: WorkstreamRecord) -> str:
    history = facts(records.attempts(record.run_id, record.ws_id, record.generation))
    return position(history, is_over=record.state in _UNREPAIRED).name
