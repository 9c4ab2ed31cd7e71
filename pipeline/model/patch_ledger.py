"""A patch as the store knows it: the facts, and the life that is read from the events."""

from dataclasses import dataclass

from pipeline.model.patch import Patch
from pipeline.model.states import PatchState


@dataclass(frozen=True, slots=True)
class PatchRecord:
    """A patch that an attempt brought forth."""

    run_id: str
    ws_id: str
    attempt_id: str
    patch: Patch
    created_at: str


@dataclass(frozen=True, slots=True)
class PatchStep:
    """One station of a patch's life; ``seq`` is that of the event that tells of it.

    ``is_legal`` is false where the table of patch moves does not hold the step.
    """

    state: PatchState
    seq: int
    ts: str
    message: str
    is_legal: bool = True


@dataclass(frozen=True, slots=True)
class PatchLedgerEntry:
    """A patch with its whole life; ``state`` is the newest one."""

    run_id: str
    ws_id: str
    attempt_id: str
    patch: Patch
    created_at: str
    state: PatchState
    steps: tuple[PatchStep, ...]
