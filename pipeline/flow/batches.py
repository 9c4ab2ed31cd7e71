"""Batches of a run: what was decided about each is stored before it is done.

What is put together next depends on how the batches before it ended. An engine that carries on
reads their decisions again, so that it puts together what an undisturbed one would have.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.flow.checking import reason_of
from pipeline.flow.context import RunContext
from pipeline.land.batch import BatchSize
from pipeline.model.codec import decode, encode
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.finding import Finding
from pipeline.model.record import Step, WorkstreamRecord
from pipeline.model.states import WorkstreamState
from pipeline.model.verdict import Result, Verdict

_UNDECIDED = frozenset({WorkstreamState.CHECKED, WorkstreamState.MERGING})


@dataclass(frozen=True, slots=True)
class RedTree:
    """Why a merged tree keeps a workstream out; ``payload`` tells its gate, tree and result."""

    reason: str
    code: str
    findings: tuple[Finding, ...]
    payload: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, verdict: Verdict) -> "RedTree":
        """What a verdict that is not green says about who was merged last."""
        is_red = verdict.result is Result.FAILED
        why = (
            "merged with what landed before it,"
            if is_red
            else "the merged tree could not be judged:"
        )
        return cls(
            f"{why} {reason_of(verdict)}",
            "merged_red" if is_red else "infrastructure",
            verdict.findings,
            {"gate": verdict.gate, "tree": verdict.tree, "result": verdict.result.value},
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one batch: ``landed`` in their order, then who turned it red, and why.

    ``returns`` is how often that one had been sent back before.
    """

    landed: tuple[str, ...]
    culprit: str = ""
    returns: int = 0
    red: RedTree | None = None

    def open_ids(self, records: Mapping[str, WorkstreamRecord]) -> tuple[str, ...]:
        """Those of whom it is not done yet, in plan order."""
        found = [i for i in self.landed if records[i].state in _UNDECIDED]
        culprit = records.get(self.culprit)
        if culprit and culprit.state in _UNDECIDED and culprit.returns == self.returns:
            found.append(culprit.ws_id)
        return tuple(found)


class Batches:
    """How many are put together next, and what is left to do of the last decision."""

    def __init__(self, context: RunContext) -> None:
        landing = context.config.landing
        self.is_on = landing.mode == "batch"
        self._context = context
        self._size = BatchSize(landing.batch_start if self.is_on else 1, landing.batch_max)
        self._open: Decision | None = None
        self._left = 0
        for event in context.ledger.events(context.run_id, types={EventType.BATCH_DECIDED}):
            self._open = decode(Decision, event.payload)
            self._size.saw(is_green=not self._open.culprit)
        if self._open is not None:
            records = {r.ws_id: r for r in context.ledger.workstreams(context.run_id)}
            self._left = len(self._open.open_ids(records))

    @property
    def size(self) -> int:
        """How many workstreams are wanted next."""
        return self._left or self._size.size

    def take_open(self) -> Decision | None:
        """The decision that an engine which died had not carried out; it is given once."""
        found, self._open = (self._open if self._left else None), None
        self._left = 0
        return found

    def decide(
        self, landed: Iterable[str], culprit: WorkstreamRecord | None, red: RedTree | None
    ) -> None:
        """Store what becomes of a batch; nothing where every workstream is one by itself."""
        if not self.is_on:
            return
        decision = Decision(tuple(landed))
        if culprit is not None:
            decision = Decision(tuple(landed), culprit.ws_id, culprit.returns, red)
        self._context.ledger.record(
            EventDraft(
                EventType.BATCH_DECIDED,
                _sentence(decision),
                Level.DEBUG,
                run_id=self._context.run_id,
                step=Step.MERGE,
                payload=encode(decision),
            )
        )
        self._size.saw(is_green=culprit is None)


def _sentence(decision: Decision) -> str:
    count = len(decision.landed)
    said = f"{count} workstream{'s' * (count != 1)} of a batch land"
    return f"{said}, {decision.culprit} turns it red." if decision.culprit else f"{said}."
