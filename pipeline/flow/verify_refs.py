"""Refs, held against the records; what others did to visible branches is only noted."""

from collections.abc import Mapping

from pipeline.flow.verify_case import Case, Tally, commit_of, short
from pipeline.model.record import WorkstreamRecord
from pipeline.model.states import WorkstreamState
from pipeline.store.journal import run_refs

_HEADS = "refs/heads/"


def check_refs(case: Case, tally: Tally) -> None:
    """The authority is where the records say; visible branches that are elsewhere are noted."""
    refs = {**case.repo.refs.list(), **run_refs(case.repo, case.layout, case.run.run_id)}
    _check_integration(case, tally, refs)
    for ws in case.workstreams:
        _check_workstream(case, tally, refs, ws)


def _check_integration(case: Case, tally: Tally, refs: Mapping[str, str]) -> None:
    run = case.run
    name = case.layout.run_ref(run.run_id)
    landings = {ws.landing_commit for ws in case.workstreams if ws.landing_commit}
    expected = run.integration_commit if run.integration_commit != run.base_commit else ""
    actual = refs.get(name, "")
    if case.has_ended:
        _expect(tally, name, actual, expected)
    elif actual != expected and actual not in landings:
        case.notes.append(f"{name} is at {short(actual)}; the run was cut off and may go on.")
    if actual:
        _note_branch(case, refs, run.integration_branch, actual)


def _check_workstream(
    case: Case, tally: Tally, refs: Mapping[str, str], ws: WorkstreamRecord
) -> None:
    name = case.layout.state_ref(case.run.run_id, ws.ws_id)
    actual = refs.get(name, "")
    commits = [commit for attempt in case.attempts_of(ws.ws_id) if (commit := commit_of(attempt))]
    start = "" if ws.start_commit == case.run.base_commit else ws.start_commit
    if commits:
        expected = commits[-1]
    elif case.run.taken_from and ws.checked_commit:
        expected = actual if actual in ("", ws.checked_commit) else ws.checked_commit
    else:
        expected = start
    if case.has_ended or ws.state is WorkstreamState.DONE:
        _expect(tally, name, actual, expected)
    elif actual != expected:
        case.notes.append(f"{name} is at {short(actual)}; the run was cut off and may go on.")
    if actual:
        _note_branch(case, refs, ws.branch, actual)


def _expect(tally: Tally, name: str, actual: str, expected: str) -> None:
    if not actual and expected:
        otherwise = f"{name} is gone; it was at {short(expected)}."
    else:
        otherwise = f"{name} is at {short(actual)}, not at the recorded {short(expected)}."
    tally.expect(actual == expected, otherwise)


def _note_branch(case: Case, refs: Mapping[str, str], branch: str, expected: str) -> None:
    actual = refs.get(branch, "")
    shown = branch.removeprefix(_HEADS)
    if not actual:
        case.notes.append(f"The branch {shown} is not here.")
    elif actual != expected and actual not in case.records.branch_values(branch):
        case.notes.append(
            f"The branch {shown} was moved by somebody, from {short(expected)} to {short(actual)}."
        )
