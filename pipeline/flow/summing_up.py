"""The files of a run that has ended: what was refused, what failed, and what it all came to."""

from pipeline.base.git import Repository
from pipeline.flow.analysing import export_run
from pipeline.flow.quarantine import export_quarantine
from pipeline.model.summary import RunSummary
from pipeline.report.routing import write_routing
from pipeline.report.summary import build_summary, write_summary
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger


def sum_up(ledger: Ledger, repo: Repository, layout: Layout, run_id: str) -> RunSummary:
    """Build a run's summary and write its files."""
    ledger.bus.drain()
    summary = build_summary(ledger, run_id, tree_of=repo.commit_tree)
    export_quarantine(ledger, layout, run_id)
    export_run(ledger, layout, run_id)
    write_routing(layout, ledger, run_id)
    write_summary(layout, summary)
    return summary
