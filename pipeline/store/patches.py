"""The ledger of patches: each patch's life, read from the events and not kept a second time."""

from collections.abc import Mapping
from dataclasses import replace

from pipeline.model.event import Event, EventType
from pipeline.model.patch_ledger import PatchLedgerEntry, PatchRecord, PatchStep
from pipeline.model.states import PATCH_MOVES, PatchState
from pipeline.store.records import Records

STATE_OF: Mapping[EventType, PatchState] = {
    EventType.PATCH_CREATED: PatchState.CREATED,
    EventType.PATCH_VALIDATED: PatchState.VALIDATED,
    EventType.PATCH_QUEUED: PatchState.QUEUED,
    EventType.PATCH_APPLIED: PatchState.APPLIED,
    EventType.PATCH_APPLY_FAILED: PatchState.APPLY_FAILED,
    EventType.PATCH_VERIFIED: PatchState.VERIFIED,
    EventType.PATCH_COMMITTED: PatchState.COMMITTED,
    EventType.PATCH_ROLLED_BACK: PatchState.ROLLED_BACK,
    EventType.PATCH_QUARANTINED: PatchState.QUARANTINED,
    EventType.PATCH_DROPPED: PatchState.DROPPED,
}
"""Which event brings a patch where; its payload names the patch as ``patch_id``."""


def patch_ledger(records: Records, run_id: str) -> tuple[PatchLedgerEntry, ...]:
    """Return the patches of a run with their lives, the oldest first.

    Where attempts brought forth the same patch again, each has a life of its own: one begins with
    every ``patch_created``, and what follows belongs to the newest. A step that the table of moves
    does not hold is kept and flagged. ``tests_passed`` is what the life says, where it says it.
    """
    lives: dict[tuple[str, str], list[list[PatchStep]]] = {}
    for event in records.events(run_id, types=STATE_OF.keys()):
        of_patch = lives.setdefault((event.ws_id or "", str(event.payload.get("patch_id"))), [])
        if event.type is EventType.PATCH_CREATED or not of_patch:
            of_patch.append([])
        of_patch[-1].append(_step(event, of_patch[-1]))
    entries = []
    for record in records.patches(run_id):
        waiting = lives.get((record.ws_id, record.patch.id), [])
        entries.append(_entry(record, waiting.pop(0) if waiting else []))
    return tuple(entries)


def _step(event: Event, before: list[PatchStep]) -> PatchStep:
    state = STATE_OF[event.type]
    is_legal = state in PATCH_MOVES[before[-1].state] if before else state is PatchState.CREATED
    return PatchStep(state, event.seq, event.ts, event.message, is_legal)


def _entry(record: PatchRecord, steps: list[PatchStep]) -> PatchLedgerEntry:
    patch = record.patch
    if patch.tests_passed is None and any(s.state is PatchState.VERIFIED for s in steps):
        patch = replace(patch, tests_passed=True)
    return PatchLedgerEntry(
        run_id=record.run_id,
        ws_id=record.ws_id,
        attempt_id=record.attempt_id,
        patch=patch,
        created_at=record.created_at,
        state=steps[-1].state if steps else PatchState.CREATED,
        steps=tuple(steps),
    )
