"""Recomputing a run with plain git, and saying what does not agree with what is recorded."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git import Repository
from pipeline.base.git.witness import Witness
from pipeline.flow.verify_case import Case, Tally
from pipeline.flow.verify_landing import check_commits, check_landing, check_objects
from pipeline.flow.verify_patches import check_patches, check_policy
from pipeline.flow.verify_records import check_events, check_export, check_plan
from pipeline.flow.verify_refs import check_refs
from pipeline.model.states import RunState
from pipeline.store.layout import Layout
from pipeline.store.lock import live_owner
from pipeline.store.records import Records

CHECKS: tuple[tuple[str, str, Callable[[Case, Tally], None]], ...] = (
    ("plan", "the frozen plan is what its digest and the run's key say", check_plan),
    ("events", "events have no gap and lead to the recorded states", check_events),
    ("export", "events.jsonl equals the database", check_export),
    ("commits", "commits have the recorded trees and ancestors", check_commits),
    ("objects", "everything new is what its id says", check_objects),
    ("patches", "patches lead from their base tree to their result tree", check_patches),
    ("policy", "accepted changes are within scope and policy", check_policy),
    ("landing", "the integration branch is git's own merge of the work, in order", check_landing),
    ("refs", "refs are where the records say", check_refs),
)
"""Every check: its name, what it holds, and how it is made."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One kind of check: how many comparisons, and a sentence for each that did not agree."""

    name: str
    title: str
    count: int
    disagreements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of verifying a run; ``notes`` are worth knowing and no disagreement."""

    run_id: str
    status: RunState
    is_sound: bool
    checks: tuple[Checked, ...]
    notes: tuple[str, ...] = field(default=())


def verify(records: Records, repo: Repository, layout: Layout, run_id: str) -> Verification:
    """Verify a stored run; nothing is changed.

    Raises ``UnfitError`` while a live engine works on the run, ``InputError`` for a run that has
    no plan (a program that ``pipeline exec`` ran).
    """
    run = records.run(run_id)
    owner = live_owner(layout)
    if run.state is RunState.RUNNING and owner is not None:
        raise UnfitError(
            f"Run {run.run_id} is still going on: {owner}.", remedy="Verify it when it has ended."
        )
    if run.kind != "run":
        raise InputError(
            f"{run.run_id} is not a run of a plan but of one program.",
            remedy="See `pipeline runs`.",
        )
    with Witness(repo) as witness:
        case = Case.of(records, repo, witness, layout, run)
        checked = tuple(_check(case, *check) for check in CHECKS)
    is_sound = not any(one.disagreements for one in checked)
    return Verification(run.run_id, run.state, is_sound, checked, tuple(case.notes))


def _check(case: Case, name: str, title: str, compare: Callable[[Case, Tally], None]) -> Checked:
    tally = Tally()
    try:
        compare(case, tally)
    except UnfitError as error:
        # What cannot be read cannot agree; the other checks still have their say.
        tally.disagree(f"The check was cut short: {error.what}")
    return Checked(name, title, tally.count, tuple(tally.disagreements))
