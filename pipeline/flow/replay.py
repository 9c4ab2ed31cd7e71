"""Replaying a run: its events, folded anew, have to lead to its record and to trees in git."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.base.errors import PipelineError, UnfitError
from pipeline.base.files import sha256
from pipeline.base.git import PatchRejectedError, Repository
from pipeline.flow.replay_fold import Told, fold
from pipeline.flow.verify import Checked, Verification
from pipeline.flow.verify_case import Tally, commit_of, short
from pipeline.model.event import Event
from pipeline.model.patch_ledger import PatchRecord
from pipeline.model.record import AttemptState, RunRecord, StepAttempt, WorkstreamRecord
from pipeline.model.states import RunState, WorkstreamState
from pipeline.store.journal import JournalError, Standing, head_of, read, standing
from pipeline.store.layout import Layout
from pipeline.store.lock import live_owner
from pipeline.store.patches import patch_ledger
from pipeline.store.records import Records


@dataclass(frozen=True)
class _Case:
    records: Records
    repo: Repository
    layout: Layout
    run: RunRecord
    events: Sequence[Event]
    workstreams: Mapping[str, WorkstreamRecord]
    attempts: Sequence[StepAttempt]
    patches: Sequence[PatchRecord]
    notes: list[str] = field(default_factory=list)

    @cached_property
    def told(self) -> Told:
        """The run as its events tell it."""
        return fold(self.events)

    def tree_of(self, commit: str) -> str:
        """The tree of a commit, empty where it is not here."""
        try:
            return self.repo.commit_tree(commit) if commit else ""
        except UnfitError:
            return ""


def replay(records: Records, repo: Repository, layout: Layout, run_id: str) -> Verification:
    """Replay a stored run, with its journal where there is one; nothing is changed.

    Raises ``UnfitError`` while a live engine works on it.
    """
    run = records.run(run_id)
    owner = live_owner(layout)
    if run.state is RunState.RUNNING and owner is not None:
        raise UnfitError(
            f"Run {run.run_id} is still going on: {owner}.", remedy="Replay it when it has ended."
        )
    case = _Case(
        records,
        repo,
        layout,
        run,
        records.events(run_id),
        {ws.ws_id: ws for ws in records.workstreams(run_id)},
        records.attempts(run_id),
        records.patches(run_id),
    )
    checked = tuple(_check(case, *check) for check in _CHECKS)
    is_sound = not any(one.disagreements for one in checked)
    return Verification(run.run_id, run.state, is_sound, checked, tuple(case.notes))


def _check(case: _Case, name: str, title: str, compare: Callable[[_Case, Tally], None]) -> Checked:
    tally = Tally()
    try:
        compare(case, tally)
    except UnfitError as error:
        tally.disagree(f"The replay was cut short: {error.what}")
    return Checked(name, title, tally.count, tuple(tally.disagreements))


def _journal(case: _Case, tally: Tally) -> None:
    _, head = head_of(case.repo, case.layout, case.run.run_id)
    if head is None:
        case.notes.append("There is no journal of this run in git.")
        return
    try:
        journal = read(case.repo, head)
    except JournalError as error:
        tally.expect(False, error.what)
        return
    stand = standing(case.records, journal)
    tally.count += journal.batches
    tally.expect(
        stand not in (Standing.DIFFERENT, Standing.BEHIND, Standing.NEW),
        f"The journal at {short(head)} tells other events than the database.",
    )
    if stand is Standing.AHEAD:
        case.notes.append(
            f"The journal goes up to event {journal.last_event} of {len(case.events)}; "
            "`pipeline sync` or the next run brings it up."
        )


def _moves(case: _Case, tally: Tally) -> None:
    told = case.told
    for number, event in enumerate(case.events, start=1):
        if not tally.expect(
            event.seq == number, f"Event {number} is missing; {event.seq} is there instead."
        ):
            break
    tally.count += told.moves
    for oddity in told.oddities:
        tally.disagree(oddity)


def _states(case: _Case, tally: Tally) -> None:
    told = case.told
    _same(tally, "The run", "state", told.state, case.run.state)
    for ws_id in sorted(told.workstreams.keys() ^ case.workstreams.keys()):
        where = "stored" if ws_id in case.workstreams else "in the events"
        tally.expect(False, f"{ws_id} is only {where}.")
    for ws_id, ws in case.workstreams.items():
        own = told.workstreams.get(ws_id)
        if own is None:
            continue
        _same(tally, ws_id, "state", own.state, ws.state)
        _same(tally, ws_id, "generation", own.generation, ws.generation)
        for word in ("start_commit", "commit", "tree", "landing_commit"):
            value = getattr(own, word)
            if value:
                _same(tally, ws_id, word, value, getattr(ws, word))


def _attempts(case: _Case, tally: Tally) -> None:
    told = dict(case.told.attempts)
    for attempt in case.attempts:
        what = f"{attempt.ws_id}: {attempt.step} attempt {attempt.number}"
        own = told.pop(attempt.attempt_id, None)
        if tally.expect(own is not None, f"{what} is stored, and no event tells of it.") and own:
            recorded = (attempt.ws_id, attempt.step, attempt.number, attempt.tool)
            _same(tally, what, "identity", (own.ws_id, own.step, own.number, own.tool), recorded)
            _same(tally, what, "state", own.state, attempt.state)
    for attempt_id, own in told.items():
        tally.expect(False, f"{own.ws_id}: the attempt {attempt_id} is told of and not stored.")


def _patches(case: _Case, tally: Tally) -> None:
    known = {(record.ws_id, record.patch.id) for record in case.patches}
    for entry in patch_ledger(case.records, case.run.run_id):
        what = f"Patch {short(entry.patch.id)} of {entry.ws_id}"
        tally.expect(bool(entry.steps), f"{what} is stored, and no event tells of it.")
        odd = [step for step in entry.steps if not step.is_legal]
        for step in odd:
            tally.disagree(f"{what} becomes {step.state} in event {step.seq}, no legal step.")
    for ws_id, patch_id in case.told.patches:
        is_taken = case.run.taken_from and (ws := case.workstreams.get(ws_id)) is not None
        if (ws_id, patch_id) not in known and not (is_taken and ws and ws.patch_id == patch_id):
            tally.expect(False, f"{ws_id}: the patch {short(patch_id)} is told of and not stored.")


def _trees(case: _Case, tally: Tally) -> None:
    for record in case.patches:
        _apply(case, tally, record)
    for attempt in case.attempts:
        if attempt.state is AttemptState.SUCCEEDED and (commit := commit_of(attempt)):
            what = f"{attempt.ws_id}: the commit {short(commit)} of attempt {attempt.number}"
            _same(tally, what, "tree", case.tree_of(commit), attempt.result_tree)
    for ws_id, own in case.told.workstreams.items():
        if own.commit and own.tree:
            _same(tally, f"{ws_id}: its commit", "tree", case.tree_of(own.commit), own.tree)


def _apply(case: _Case, tally: Tally, record: PatchRecord) -> None:
    """Apply a patch anew, as the engine does."""
    patch, what = record.patch, f"Patch {short(record.patch.id)} of {record.ws_id}"
    try:
        text = case.records.patch_text(record.run_id, patch.id)
        tally.expect(sha256(text) == patch.id, f"{what} has another text than its id says.")
        with case.repo.scratch() as scratch:
            tree = scratch.apply_patch(patch.base_tree, text).tree
    except PatchRejectedError as error:
        case.notes.append(f"{what} does not apply, and was not accepted: {error.what}")
        return
    except PipelineError as error:
        tally.expect(False, f"{what} cannot be applied: {error.what}")
        return
    _same(tally, what, "result tree", tree, patch.result_tree)


def _landings(case: _Case, tally: Tally) -> None:
    """Merge anew what landed, in the order in which the events tell it."""
    tip, tree = case.run.base_commit, case.tree_of(case.run.base_commit)
    for ws_id, commit in case.told.merged:
        ws = case.workstreams.get(ws_id)
        own = case.tree_of(commit)
        if ws is None or not tally.expect(
            bool(own), f"The landing {short(commit)} of {ws_id} is not in git."
        ):
            continue
        parents = case.repo.read_commit(commit).parents
        _same(tally, f"The landing of {ws_id}", "parents", parents, (tip, ws.commit))
        merged = case.repo.merge(case.tree_of(ws.start_commit), tree, case.tree_of(ws.commit))
        _same(tally, f"The landing of {ws_id}", "tree", merged.tree or "a conflict", own)
        tip, tree = commit, own
    if case.run.integration_commit:
        _same(tally, "The integration branch", "commit", tip, case.run.integration_commit)
    done = {ws_id for ws_id, ws in case.workstreams.items() if ws.state is WorkstreamState.DONE}
    _same(tally, "What landed", "set", {ws_id for ws_id, _ in case.told.merged}, done)


def _same(tally: Tally, what: str, word: str, told: object, recorded: object) -> None:
    shown = (_shown(told), _shown(recorded))
    tally.expect(
        told == recorded,
        f"{what}: replayed, its {word.replace('_', ' ')} is {shown[0]}; recorded is {shown[1]}.",
    )


def _shown(value: object) -> str:
    if isinstance(value, tuple | set | frozenset):
        parts = sorted(map(str, value)) if not isinstance(value, tuple) else map(str, value)
        return ", ".join(parts) or "(none)"
    return str(value) or "(none)"


_CHECKS: tuple[tuple[str, str, Callable[[_Case, Tally], None]], ...] = (
    ("journal", "the journal in git is whole and tells the same events", _journal),
    ("moves", "every move is legal and begins where the last one ended", _moves),
    ("states", "the events lead to the recorded states and commits", _states),
    ("attempts", "every attempt began and ended as recorded", _attempts),
    ("patches", "every patch has a life, in legal steps", _patches),
    ("trees", "patches and commits, made anew, give the recorded trees", _trees),
    ("landings", "merged anew in their order, landings give the integration branch", _landings),
)
