"""What reports read: the store's readers and its ledger both offer it."""

from collections.abc import Collection, Sequence
from typing import Protocol

from pipeline.model.event import Event, EventType
from pipeline.model.record import ErrorRecord, RunRecord, StepAttempt, WorkstreamRecord


class RunSource(Protocol):
    """Reads what is stored of runs; the methods are those of ``pipeline.store``."""

    def run(self, run_id: str) -> RunRecord:
        """The run with this id."""
        ...

    def workstreams(self, run_id: str) -> Sequence[WorkstreamRecord]:
        """Its workstreams in plan order."""
        ...

    def attempts(self, run_id: str, ws_id: str | None = None) -> Sequence[StepAttempt]:
        """Its attempts, the oldest first."""
        ...

    def events(
        self, run_id: str, after_seq: int = 0, types: Collection[EventType] | None = None
    ) -> Sequence[Event]:
        """Its events by ``seq``."""
        ...

    def errors(self, run_id: str | None = None) -> Sequence[ErrorRecord]:
        """Errors with their counts, of one run or of all."""
        ...
