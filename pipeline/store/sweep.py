"""Cleaning up after a process that died: what it had begun is marked, what it left is removed."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.base.clock import now
from pipeline.base.files import TEMP_PREFIX
from pipeline.base.process import ProcessIdentity, end_process_tree, find_tagged
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.record import AttemptState, StepAttempt
from pipeline.store.errors import StaleStateError
from pipeline.store.inbox import discard_claimed
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger

_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep found.

    ``crashed`` are attempts that nobody works on any more; ``processes`` counts the processes of
    tools that had outlived their engine and were ended, ``has_survivors`` says that one could
    not be; ``files`` counts unfinished files that were removed.
    """

    crashed: tuple[StepAttempt, ...] = ()
    processes: int = 0
    has_survivors: bool = False
    files: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.crashed or self.processes or self.files or self.has_survivors)


def sweep(ledger: Ledger) -> SweepReport:
    """Clean up after dead owners of the run lock; only for its holder, and safe to run again.

    Tools are ended first, so that none still writes while its attempt is taken for crashed; they
    are looked for where the last owner did not let go or an attempt is open. Slots and the
    engine's private git directories are kept by locks of their own and cleaned up by their users.
    """
    ledger.flush()
    unfinished = ledger.open_attempts()
    ended, has_survivors = 0, False
    if unfinished or ledger.lock.taken_over is not None:
        ended, has_survivors = _end_tools(ledger.layout.process_tag())
    crashed = tuple(filter(None, [_give_up(ledger, attempt) for attempt in unfinished]))
    files = _remove_unfinished(ledger.layout) + discard_claimed(ledger.layout)
    return SweepReport(crashed, ended, has_survivors, files)


def _end_tools(tag: str) -> tuple[int, bool]:
    """End all processes of a tag; how many there were, and whether one could not be ended."""
    ended: set[ProcessIdentity] = set()
    for _ in range(_ROUNDS):  # one that is ended may just have started another
        found = [identity for identity in find_tagged(tag) if identity not in ended]
        if not found:
            return len(ended), False
        survived = [identity for identity in found if not end_process_tree(identity)]
        ended.update(found)
        if survived:
            return len(ended), True
    return len(ended), True


def _give_up(ledger: Ledger, attempt: StepAttempt) -> StepAttempt | None:
    reason = "the engine died while it ran"
    crashed = replace(
        attempt, state=AttemptState.CRASHED, ending="crashed", finished_at=now(), reason=reason
    )
    draft = EventDraft(
        EventType.CRASH_DETECTED,
        f"{attempt.ws_id}: {attempt.step} attempt {attempt.number} has crashed: {reason}.",
        level=Level.WARNING,
        step=attempt.step.value,
        attempt_id=attempt.attempt_id,
        payload={"number": attempt.number, "tool": attempt.tool},
    )
    try:
        ledger.finish_attempt(crashed, events=(draft,))
    except StaleStateError:  # it ended after all; its own end counts
        return None
    return crashed


def _remove_unfinished(layout: Layout) -> int:
    """Remove files that were being written when their writer died; never follows a link.

    Tools' logs are streamed and never unfinished in this sense; there may be very many of them.
    """
    removed = 0
    for folder, below, names in os.walk(layout.state_dir):
        below[:] = [name for name in below if name != layout.tool_outputs("").name]
        for name in names:
            if name.startswith(TEMP_PREFIX):
                (Path(folder) / name).unlink(missing_ok=True)
                removed += 1
    return removed
