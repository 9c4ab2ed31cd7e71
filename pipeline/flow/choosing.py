"""Which tool an attempt is made with."""

from pipeline.flow.context import RunContext
from pipeline.model.check import ToolProfile
from pipeline.model.record import Step, WorkstreamRecord

AUTO = "auto"
"""The ``tool`` of a bundle whose tool the routing chooses."""


def choose(
    context: RunContext,
    record: WorkstreamRecord,
    step: Step,
    *,
    rung: str = "",
    failed: tuple[str, ...] = (),
) -> ToolProfile:
    """The profile for the next attempt of a step.

    ``rung`` is the rung of repair that asks; ``failed`` are the tools that were asked for this
    task already and could not do it, the last one at the end.
    """
    return context.config.tools[context.workstream(record.ws_id).tool]
