"""What a run's events alone tell of it: folded move by move, with every oddity on the way."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.model.event import Event, EventType
from pipeline.model.record import AttemptState
from pipeline.model.states import RUN_MOVES, WORKSTREAM_MOVES, RunState, WorkstreamState
from pipeline.store.patches import STATE_OF


@dataclass(slots=True)
class ToldAttempt:
    """An attempt by its events."""

    ws_id: str
    step: str
    number: int
    tool: str
    state: str = AttemptState.STARTED


@dataclass(slots=True)
class ToldWorkstream:
    """A workstream by its events; ids are empty where none tells of them."""

    state: WorkstreamState
    generation: int = 1
    start_commit: str = ""
    commit: str = ""
    tree: str = ""
    landing_commit: str = ""


@dataclass(slots=True)
class Told:
    """A run by its events; ``merged`` are landings in their order: workstream and commit.

    ``patches`` names each patch by its workstream and id, ``oddities`` are sentences.
    """

    state: RunState = RunState.PENDING
    moves: int = 0
    workstreams: dict[str, ToldWorkstream] = field(default_factory=dict)
    attempts: dict[str, ToldAttempt] = field(default_factory=dict)
    patches: dict[tuple[str, str], str] = field(default_factory=dict)
    merged: list[tuple[str, str]] = field(default_factory=list)
    oddities: list[str] = field(default_factory=list)


def fold(events: Iterable[Event]) -> Told:
    """Replay events in their order; nothing but them is looked at."""
    told = Told()
    for event in events:
        _take(told, event)
    return told


def _take(told: Told, event: Event) -> None:
    kind = event.type
    if kind is EventType.WORKSTREAM_CREATED:
        state = WorkstreamState(str(event.payload.get("state", "pending")))
        if event.ws_id in told.workstreams:
            told.oddities.append(f"Event {event.seq} creates {event.ws_id} again.")
        told.workstreams[event.ws_id or ""] = ToldWorkstream(state)
    elif kind is EventType.STATE_TRANSITION and event.ws_id is None:
        told.state = _move_run(told, event)
    elif event.ws_id is not None and event.ws_id not in told.workstreams:
        told.oddities.append(f"Event {event.seq} is of {event.ws_id}, which was never created.")
    elif kind is EventType.STATE_TRANSITION:
        _move(told, event)
    elif kind is EventType.REVIEW_ANSWERED:
        _answer(told, event)
    elif kind is EventType.MERGED:
        commit = str(event.payload.get("commit", ""))
        told.merged.append((event.ws_id or "", commit))
        told.workstreams[event.ws_id or ""].landing_commit = commit
    elif kind in _OF_ATTEMPTS:
        _attempt(told, event)
    elif kind in STATE_OF:
        _patch(told, event)


def _move_run(told: Told, event: Event) -> RunState:
    source, target = _ends(event)
    told.moves += 1
    if source != told.state:
        told.oddities.append(_from_elsewhere("The run", event, source, told.state))
    try:
        wanted = RunState(target)
    except ValueError:
        told.oddities.append(f"Event {event.seq} names the state {target[:40]!r}.")
        return told.state
    if wanted not in RUN_MOVES[told.state]:
        told.oddities.append(_illegal("The run", event, told.state, target))
    return wanted


def _move(told: Told, event: Event) -> None:
    ws = told.workstreams[event.ws_id or ""]
    source, target = _ends(event)
    told.moves += 1
    if source != ws.state:
        told.oddities.append(_from_elsewhere(str(event.ws_id), event, source, ws.state))
    try:
        wanted = WorkstreamState(target)
    except ValueError:
        told.oddities.append(f"Event {event.seq} names the state {target[:40]!r}.")
        return
    if wanted not in WORKSTREAM_MOVES[ws.state]:
        told.oddities.append(_illegal(str(event.ws_id), event, ws.state, target))
    ws.state = wanted
    if start := event.payload.get("start_commit"):
        ws.start_commit, ws.commit, ws.tree = str(start), "", ""
    if commit := event.payload.get("commit"):
        ws.commit, ws.tree = str(commit), str(event.payload.get("tree", ""))


def _answer(told: Told, event: Event) -> None:
    answer = event.payload.get("answer")
    if isinstance(answer, dict) and answer.get("option") == "adjust":
        told.workstreams[event.ws_id or ""].generation += 1


def _attempt(told: Told, event: Event) -> None:
    attempt_id = event.attempt_id or ""
    if event.type is EventType.ATTEMPT_STARTED:
        if attempt_id in told.attempts:
            told.oddities.append(f"Event {event.seq} starts the attempt {attempt_id} again.")
        told.attempts[attempt_id] = ToldAttempt(
            event.ws_id or "",
            event.step or "",
            int(event.payload.get("number", 0)),
            str(event.payload.get("tool", "")),
        )
        return
    attempt = told.attempts.get(attempt_id)
    if attempt is None:
        if attempt_id:  # the engine's own death is an event without an attempt
            told.oddities.append(f"Event {event.seq} ends the attempt {attempt_id}, not started.")
        return
    if attempt.state != AttemptState.STARTED:
        told.oddities.append(f"Event {event.seq} ends the attempt {attempt_id} again.")
    is_crash = event.type is EventType.CRASH_DETECTED
    attempt.state = AttemptState.CRASHED if is_crash else str(event.payload.get("state"))


def _patch(told: Told, event: Event) -> None:
    key = event.ws_id or "", str(event.payload.get("patch_id"))
    told.patches[key] = STATE_OF[event.type]


_OF_ATTEMPTS = frozenset(
    {EventType.ATTEMPT_STARTED, EventType.ATTEMPT_FINISHED, EventType.CRASH_DETECTED}
)


def _ends(event: Event) -> tuple[str, str]:
    return str(event.payload.get("from")), str(event.payload.get("to"))


def _from_elsewhere(what: str, event: Event, source: str, state: str) -> str:
    return f"{what} moves from {source} in event {event.seq}, but was {state}."


def _illegal(what: str, event: Event, state: str, target: str) -> str:
    return f"{what} moves from {state} to {target} in event {event.seq}, which is no legal move."
