"""What the tool of an attempt is told."""

from pipeline.flow.context import RunContext
from pipeline.model.agent import Prompt
from pipeline.model.check import ToolProfile
from pipeline.model.edit import Feedback
from pipeline.model.record import Step, WorkstreamRecord
from pipeline.work.prompts import prompt


def tell(
    context: RunContext,
    record: WorkstreamRecord,
    profile: ToolProfile,
    step: Step,
    feedback: Feedback | None,
) -> Prompt:
    """The prompt for an attempt of a step; only a profile that takes feedback is given it."""
    given = feedback if profile.takes_feedback else None
    return Prompt(prompt(context.workstream(record.ws_id), given), kind=step.value)
