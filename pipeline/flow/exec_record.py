"""What is kept of a program that ``pipeline exec`` ran: one value, stored as a run of its own."""

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.base.errors import InputError
from pipeline.base.ids import is_id
from pipeline.base.locks import Owner
from pipeline.base.process import Ending
from pipeline.model.codec import DecodeError, decode, digest, encode
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.record import RunRecord
from pipeline.model.states import RunState
from pipeline.store.inbox import Request
from pipeline.store.ledger import Ledger
from pipeline.store.records import Records

KIND = "exec"
REQUEST = "record_exec"

_EVENTS = {
    Ending.TIMEOUT: EventType.TOOL_TIMEOUT,
    Ending.IDLE: EventType.TOOL_STALLED,
    Ending.MISSING: EventType.TOOL_FAILED,
}
_ENDED_FIELDS = (
    "ending", "exit_code", "signal", "duration_s", "cpu_s", "max_rss_kib", "output_bytes",
    "stdout_log", "stderr_log", "left_behind", "detail",
)  # fmt: skip  # a list of words reads better in rows
_OPEN = (RunState.PENDING, RunState.RUNNING, RunState.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class ExecRecord:
    """A program and, once ``finished_at`` is set, how it ended.

    ``argv`` is fit to be kept: secrets are taken out, long ones are cut. ``owner`` is the
    process that runs it. Logs are paths relative to the main checkout.
    """

    run_id: str
    argv: tuple[str, ...]
    directory: str
    owner: Owner
    base_commit: str = ""
    phase: str = ""
    timeout_s: float = 0.0
    started_at: str = ""
    finished_at: str = ""
    ending: str = ""
    exit_code: int | None = None
    signal: int | None = None
    duration_s: float = 0.0
    cpu_s: float = 0.0
    max_rss_kib: int = 0
    output_bytes: int = 0
    stdout_log: str = ""
    stderr_log: str = ""
    left_behind: tuple[str, ...] = ()
    detail: str = ""

    @property
    def name(self) -> str:
        """What people know the program by."""
        return self.argv[0] if self.argv else "?"

    @property
    def state(self) -> RunState:
        """The state of the run that tells of it."""
        if not self.finished_at:
            return RunState.RUNNING
        if self.ending == Ending.CANCELLED:
            return RunState.CANCELLED
        is_good = self.ending == Ending.EXITED and self.exit_code == 0
        return RunState.COMPLETED if is_good else RunState.FAILED

    @property
    def outcome(self) -> str:
        """How it ended, as a sentence."""
        ends = {
            Ending.EXITED: f"exited with {self.exit_code}",
            Ending.SIGNALLED: f"was ended by signal {self.signal}",
            Ending.TIMEOUT: f"was ended after {self.timeout_s:g} s, its time limit",
            Ending.IDLE: "was ended because it was silent for too long",
            Ending.CANCELLED: "was interrupted",
            Ending.MISSING: "could not be started",
        }
        text = f"{self.name} {ends.get(Ending(self.ending), self.ending)}."
        return f"{text} {self.detail}".rstrip()


def store(ledger: Ledger, record: ExecRecord) -> None:
    """Bring the store up to this record; to store one again, or an older one late, is safe."""
    run = _stored(ledger, record.run_id)
    if run is None:
        run = _create(ledger, record)
    if run.kind != KIND or run.state not in _OPEN:
        return
    if run.state is RunState.PENDING:
        run = _start(ledger, record)
    if record.finished_at:
        if run.state is RunState.INTERRUPTED:
            # Somebody took it for dead; it was not.
            ledger.move_run(run.run_id, run.state, RunState.RUNNING, "It was alive after all.")
        _finish(ledger, record)


def store_request(ledger: Ledger, request: Request) -> bool:
    """Store what an ``exec`` left in the inbox; returns whether it was a sound record.

    For the holder of the lock, for requests of the kind ``record_exec``.
    """
    try:
        record = decode(ExecRecord, request.arguments)
    except DecodeError:
        return False
    if not is_id(record.run_id) or record.run_id != request.run_id:
        return False
    if record.finished_at and record.ending not in set(Ending):
        return False
    store(ledger, record)
    return True


def interrupt_dead(ledger: Ledger) -> tuple[str, ...]:
    """Say of recorded programs whose engine has died that they were interrupted.

    Returns their runs. One on another machine is left alone: it cannot be seen from here.
    """
    ended = []
    for run in ledger.runs(states={RunState.RUNNING}, kind=KIND):
        owner = _owner(ledger, run.run_id)
        if owner is None or (owner.is_here and not owner.is_alive):
            crash = EventDraft(
                EventType.CRASH_DETECTED,
                "The engine died while the program ran.",
                level=Level.WARNING,
            )
            ledger.move_run(
                run.run_id,
                RunState.RUNNING,
                RunState.INTERRUPTED,
                "Its engine died.",
                changes={"reason": "its engine died."},
                events=(crash,),
            )
            ended.append(run.run_id)
    return tuple(ended)


def _stored(records: Records, run_id: str) -> RunRecord | None:
    try:
        return records.run(run_id)
    except InputError:
        return None


def _create(ledger: Ledger, record: ExecRecord) -> RunRecord:
    run = RunRecord(
        run_id=record.run_id,
        key=digest({"exec": record.argv, "directory": record.directory}),
        state=RunState.PENDING,
        base_commit=record.base_commit,
        kind=KIND,
        created_at=record.started_at,
    )
    ledger.create_run(run, None)
    return run


def _start(ledger: Ledger, record: ExecRecord) -> RunRecord:
    started = EventDraft(
        EventType.TOOL_STARTED,
        f"{record.name} starts.",
        payload={
            "argv": list(record.argv),
            "directory": record.directory,
            "phase": record.phase,
            "timeout_s": record.timeout_s,
            "owner": asdict(record.owner),
        },
    )
    return ledger.move_run(
        record.run_id,
        RunState.PENDING,
        RunState.RUNNING,
        f"{record.name} starts.",
        changes={"started_at": record.started_at},
        events=(started,),
    )


def _finish(ledger: Ledger, record: ExecRecord) -> None:
    state, outcome = record.state, record.outcome
    values: dict[str, Any] = {name: encode(getattr(record, name)) for name in _ENDED_FIELDS}
    level = Level.INFO if state is RunState.COMPLETED else Level.WARNING
    ledger.move_run(
        record.run_id,
        RunState.RUNNING,
        state,
        outcome,
        changes={
            "finished_at": record.finished_at,
            "duration_s": record.duration_s,
            "reason": "" if state is RunState.COMPLETED else outcome,
        },
        events=(
            EventDraft(
                _EVENTS.get(Ending(record.ending), EventType.TOOL_FINISHED),
                outcome,
                level=level,
                payload=values,
            ),
            EventDraft(EventType.RUN_FINISHED, outcome, payload={"status": state.value}),
        ),
    )


def _owner(records: Records, run_id: str) -> Owner | None:
    for event in records.events(run_id, types={EventType.TOOL_STARTED}, limit=1):
        try:
            return decode(Owner, event.payload.get("owner"))
        except DecodeError:
            return None
    return None
