"""The plan, the events and their export, held against themselves and against the states."""

from collections.abc import Sequence

from pipeline.base.files import sha256
from pipeline.base.ids import is_id
from pipeline.flow.verify_case import Case, Tally
from pipeline.model.event import Event, EventType
from pipeline.model.states import RUN_MOVES, WORKSTREAM_MOVES, RunState, WorkstreamState
from pipeline.planning.freeze import plan_key
from pipeline.store.export import event_line


def check_plan(case: Case, tally: Tally) -> None:
    """The plan's key is its digest and the run's, its files are theirs, its order the records'."""
    plan, run = case.plan, case.run
    if not tally.expect(plan is not None, case.plan_problem) or plan is None:
        return
    tally.expect(
        plan.key == run.key, f"The run has the key {run.key[:12]}, its plan {plan.key[:12]}."
    )
    tally.expect(
        plan_key(plan) == plan.key, f"The plan's content does not give its key {plan.key[:12]}."
    )
    tally.expect(
        plan.base_commit == run.base_commit,
        f"The plan starts from {plan.base_commit[:12]}, the run from {run.base_commit[:12]}.",
    )
    for path, file in plan.files.items():
        tally.expect(
            sha256(file.content) == file.digest,
            f"The frozen file {path} does not have the digest that the plan names.",
        )
    planned = [ws.id for ws in plan.workstreams]
    stored = [ws.ws_id for ws in case.workstreams]
    tally.expect(
        planned == stored,
        f"The plan's workstreams are {', '.join(planned)}, the stored ones {', '.join(stored)}.",
    )


def check_events(case: Case, tally: Tally) -> None:
    """Numbers without a gap, ids of one kind, and moves that lead to the stored states."""
    for expected, event in enumerate(case.events, start=1):
        if not tally.expect(
            event.seq == expected, f"Event {expected} is missing; {event.seq} comes in its place."
        ):
            break
    ids = [event.id for event in case.events]
    tally.expect(len(set(ids)) == len(ids), "Two events have the same id.")
    tally.expect(all(map(is_id, ids)), "An event has an id that is not of our form.")
    moves = [e for e in case.events if e.type is EventType.STATE_TRANSITION]
    _check_moves(
        tally,
        f"Run {case.run.run_id}",
        RunState.PENDING,
        [event for event in moves if event.ws_id is None],
        case.run.state,
    )
    first = {e.ws_id: e for e in case.events if e.type is EventType.WORKSTREAM_CREATED}
    for ws in case.workstreams:
        created = first.get(ws.ws_id)
        if tally.expect(created is not None, f"No event tells that {ws.ws_id} was created."):
            state = created.payload.get("state", "pending") if created else ""
            own = [event for event in moves if event.ws_id == ws.ws_id]
            _check_moves(tally, ws.ws_id, WorkstreamState(state), own, ws.state)


def check_export(case: Case, tally: Tally) -> None:
    """The file holds the same lines as the database, in the same order."""
    path = case.layout.events_file(case.run.run_id)
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        tally.expect(False, f"{path} cannot be read: {error.strerror}.")
        return
    wanted = [event_line(event) for event in case.events]
    if not case.has_ended and b"".join(wanted).startswith(b"".join(lines)):
        tally.count += len(lines)
        if len(lines) < len(wanted):
            case.notes.append("events.jsonl is behind; the run was cut off, `run` completes it.")
        return
    for number, (event, line) in enumerate(zip(case.events, wanted, strict=True)):
        found = lines[number] if number < len(lines) else b""
        if not tally.expect(
            found == line, f"Line {number + 1} of {path} is not event {event.seq}."
        ):
            return
    tally.expect(
        len(lines) <= len(case.events),
        f"{path} has {len(lines)} lines for {len(case.events)} events.",
    )


def _check_moves(
    tally: Tally,
    what: str,
    state: RunState | WorkstreamState,
    moves: Sequence[Event],
    stored: RunState | WorkstreamState,
) -> None:
    for event in moves:
        source, target = str(event.payload.get("from")), str(event.payload.get("to"))
        tally.expect(
            source == state,
            f"{what} goes from {source} to {target} in event {event.seq}, but was {state}.",
        )
        tally.expect(
            _is_legal(state, target),
            f"{what} goes from {source} to {target} in event {event.seq}, which is no legal move.",
        )
        try:
            state = type(state)(target)
        except ValueError:
            tally.disagree(f"Event {event.seq} names the state {target!r}, which does not exist.")
            return
    tally.expect(state == stored, f"{what} is stored as {stored}, but its events lead to {state}.")


def _is_legal(state: RunState | WorkstreamState, target: str) -> bool:
    if isinstance(state, RunState):
        return target in RUN_MOVES[state]
    return target in WORKSTREAM_MOVES[state]
