"""What agents may use in a run, asked before each of them starts."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.model.agent import Prompt
from pipeline.model.check import ToolProfile
from pipeline.model.record import Step, WorkstreamRecord


class Budget:
    """Counts what a run's agents used and set aside; safe between threads."""

    @contextmanager
    def admitted(
        self, record: WorkstreamRecord, profile: ToolProfile, step: Step, prompt: Prompt
    ) -> Iterator[None]:
        """Hold what an attempt is expected to use until it has ended.

        Waits while a limit per minute, or the configured action, asks for it.
        Raises ``BudgetReachedError`` when a limit would be passed and waiting does not help.
        """
        yield
