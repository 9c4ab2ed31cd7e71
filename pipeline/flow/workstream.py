"""The life of a workstream up to ``checked``: its next step follows from its stored state."""

from collections.abc import Callable, Mapping

from pipeline.flow.analysing import export_workstream
from pipeline.flow.budget import BudgetReachedError
from pipeline.flow.checking import check_runtime, check_static
from pipeline.flow.context import RunContext
from pipeline.flow.editing import edit
from pipeline.flow.fixing import fix
from pipeline.flow.review import ask_review, is_wanted
from pipeline.flow.starting import start
from pipeline.model.record import WorkstreamRecord
from pipeline.model.review import ReviewKind
from pipeline.model.states import WORKSTREAM_MOVES, WorkstreamState

Handler = Callable[[RunContext, WorkstreamRecord], WorkstreamRecord]

STEPS: Mapping[WorkstreamState, Handler] = {
    WorkstreamState.EDITING: edit,
    WorkstreamState.STATIC_CHECK: check_static,
    WorkstreamState.FIXING: fix,
    WorkstreamState.RUNTIME_CHECK: check_runtime,
}
"""What is done in a state; each handler does one step and returns what is stored then."""


def carry_on(
    context: RunContext, record: WorkstreamRecord, dependencies: Mapping[str, WorkstreamRecord]
) -> WorkstreamRecord:
    """Take a workstream as far as a worker can: checked, ended, or waiting for a person.

    ``dependencies`` are the records of its whole dependency closure, all of them checked.
    Raises ``InterruptedRunError`` when the run is told to stop; what is stored stays good.
    """
    if record.state in (WorkstreamState.PENDING, WorkstreamState.READY):
        record = start(context, record, dependencies)
    while handler := STEPS.get(record.state):
        context.stop_if_cancelled()
        try:
            record = handler(context, record)
        except BudgetReachedError as error:
            can_wait = WorkstreamState.AWAITING_REVIEW in WORKSTREAM_MOVES[record.state]
            is_asked = error.action == "ask" and can_wait
            if not is_asked or not is_wanted(context, record, ReviewKind.BUDGET):
                raise
            record = ask_review(context, record, ReviewKind.BUDGET, str(error))
    export_workstream(context.ledger, context.layout, record)
    return record
