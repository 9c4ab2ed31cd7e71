"""Quarantine: refused and failed patches, with the reason and the evidence."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.console import safe
from pipeline.base.errors import InputError
from pipeline.base.files import make_directory, write_atomic
from pipeline.model import codec
from pipeline.model.event import EventType
from pipeline.model.finding import Finding
from pipeline.model.patch import Patch
from pipeline.model.patch_ledger import PatchLedgerEntry, PatchStep
from pipeline.model.record import AttemptState, StepAttempt, WorkstreamRecord
from pipeline.model.states import PatchState, WorkstreamState
from pipeline.store.layout import Layout
from pipeline.store.patches import patch_ledger
from pipeline.store.records import Records

_SHORTEST_PREFIX = 4
_LEFT = frozenset({PatchState.VALIDATED, PatchState.DROPPED})


@dataclass(frozen=True, slots=True)
class Kept:
    """A patch that is or was in quarantine; ``state`` is ``quarantined`` as long as it is.

    ``kept_at`` is when it came there, ``reason`` why, as a sentence.
    """

    run_id: str
    ws_id: str
    ws_state: WorkstreamState
    attempt_id: str
    patch: Patch
    state: PatchState
    reason: str
    kept_at: str

    @property
    def is_kept(self) -> bool:
        """Whether it is in quarantine now."""
        return self.state is PatchState.QUARANTINED


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is known of a quarantined patch beside its text.

    ``attempts`` are those that made it or judged its tree, ``findings`` what they reported.
    """

    kept: Kept
    reason_code: str
    findings: tuple[Finding, ...]
    attempts: tuple[StepAttempt, ...]
    life: tuple[PatchStep, ...]


def quarantined(records: Records, run_id: str, *, with_left: bool = False) -> tuple[Kept, ...]:
    """The patches of a run that are in quarantine, the oldest first.

    ``with_left`` adds those that were released or dropped. A patch that several attempts of a
    workstream came to is one.
    """
    states = {ws.ws_id: ws.state for ws in records.workstreams(run_id)}
    reasons = {
        (event.ws_id, str(event.payload.get("patch_id"))): str(event.payload.get("reason", ""))
        for event in records.events(run_id, types={EventType.PATCH_QUARANTINED})
    }
    found: dict[tuple[str, str], Kept] = {}
    for entry in patch_ledger(records, run_id):
        came = [step for step in entry.steps if step.state is PatchState.QUARANTINED]
        if came and (entry.state is PatchState.QUARANTINED or entry.state in _LEFT):
            key = (entry.ws_id, entry.patch.id)
            found[key] = Kept(
                run_id=entry.run_id,
                ws_id=entry.ws_id,
                ws_state=states[entry.ws_id],
                attempt_id=entry.attempt_id,
                patch=entry.patch,
                state=entry.state,
                reason=reasons.get(key, ""),
                kept_at=came[-1].ts,
            )
    return tuple(kept for kept in found.values() if kept.is_kept or with_left)


def find_kept(records: Records, name: str, run_ids: Sequence[str]) -> Kept:
    """The patch that ``name`` stands for: the beginning of its id, or its workstream.

    ``run_ids`` are the runs to look in, the newest first; of a patch that several runs came to,
    the newest counts. Raises ``InputError`` for none and for more than one.
    """
    wanted = name.strip().lower()
    known: dict[str, Kept] = {}
    for run_id in run_ids:
        mine = quarantined(records, run_id, with_left=True)
        matching = [kept for kept in mine if _matches(kept, wanted)]
        if matching:
            return _only(matching, name)
        known |= {kept.patch.id[:12]: kept for kept in mine if kept.is_kept}
    near = difflib.get_close_matches(wanted, [*known, *(k.ws_id for k in known.values())], n=3)
    remedy = f"Did you mean {' or '.join(near)}?" if near else "See `pipeline quarantine list`."
    raise InputError(f"There is no patch {safe(name, 70)!r} in quarantine.", remedy=remedy)


def evidence(records: Records, kept: Kept) -> Evidence:
    """What is known of a patch: who made it, who judged it, what they found, what became of it."""
    attempts = [
        attempt
        for attempt in records.attempts(kept.run_id, kept.ws_id)
        if attempt.patch_id == kept.patch.id
        or (attempt.state is AttemptState.FAILED and _saw(attempt, kept.patch))
    ]
    entries = [
        entry
        for entry in patch_ledger(records, kept.run_id)
        if (entry.ws_id, entry.patch.id) == (kept.ws_id, kept.patch.id)
    ]
    return Evidence(
        kept,
        records.workstream(kept.run_id, kept.ws_id).reason_code,
        tuple(dict.fromkeys(finding for attempt in attempts for finding in attempt.findings)),
        tuple(attempts),
        _life(entries),
    )


def export_quarantine(records: Records, layout: Layout, run_id: str) -> tuple[Path, ...]:
    """Write each quarantined patch of a run and its evidence as files; returns all of them.

    The files are ``<workstream>-<12 digits of the patch>.patch`` and ``.json``, each whole or not
    at all, written anew only where they differ. The database holds the authority.
    """
    files: list[Path] = []
    for kept in quarantined(records, run_id):
        patch_file, json_file = files_of(layout, kept)
        make_directory(patch_file.parent)
        told = codec.dumps(evidence(records, kept), indent=2) + "\n"
        _write(patch_file, records.patch_text(run_id, kept.patch.id))
        _write(json_file, told.encode("utf-8", "backslashreplace"))
        files += [patch_file, json_file]
    return tuple(files)


def files_of(layout: Layout, kept: Kept) -> tuple[Path, Path]:
    """Where a patch and its evidence are kept as files."""
    stem = layout.quarantine(kept.run_id) / f"{kept.ws_id}-{kept.patch.id[:12]}"
    return stem.with_name(stem.name + ".patch"), stem.with_name(stem.name + ".json")


def commits_named(records: Records, ws: WorkstreamRecord) -> tuple[str, ...]:
    """Every commit that a workstream worked on or came to, by its record, moves and attempts."""
    moves = records.events(ws.run_id, types={EventType.STATE_TRANSITION}, ws_id=ws.ws_id)
    told = [str(e.payload[key]) for e in moves for key in ("start_commit", "commit", "onto")
            if key in e.payload]  # fmt: skip
    made = [str(a.details["commit"]) for a in records.attempts(ws.run_id, ws.ws_id)
            if "commit" in a.details]  # fmt: skip
    own = [ws.start_commit, ws.checked_start, ws.checked_commit, ws.commit]
    return tuple(dict.fromkeys(commit for commit in (*own, *told, *made) if commit))


def _matches(kept: Kept, wanted: str) -> bool:
    is_id = len(wanted) >= _SHORTEST_PREFIX and kept.patch.id.startswith(wanted)
    return is_id or kept.ws_id == wanted


def _only(matching: Sequence[Kept], name: str) -> Kept:
    """The one that is meant: what is in quarantine still comes before what has left it."""
    found = [kept for kept in matching if kept.is_kept] or list(matching)
    if len(found) == 1:
        return found[0]
    ids = " or ".join(kept.patch.id[:12] for kept in found)
    workstreams = {kept.ws_id for kept in found}
    if len({kept.patch.id for kept in found}) == 1:
        ids = " or ".join(sorted(workstreams))
    raise InputError(
        f"More than one quarantined patch goes by {safe(name, 70)!r}.", remedy=f"Say {ids}."
    )


def _saw(attempt: StepAttempt, patch: Patch) -> bool:
    return patch.result_tree in (attempt.result_tree, attempt.start_tree)


def _life(entries: Iterable[PatchLedgerEntry]) -> tuple[PatchStep, ...]:
    return tuple(step for entry in entries for step in entry.steps)


def _write(path: Path, data: bytes) -> None:
    try:
        if path.read_bytes() == data:
            return
    except OSError:
        pass  # not there, or not to be read: writing says what is wrong with it
    write_atomic(path, data)
