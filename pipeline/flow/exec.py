"""Running any program under care: its whole tree ended, its output kept, its end recorded."""

import os
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.base import clock
from pipeline.base.errors import InputError, PipelineError, UnfitError
from pipeline.base.files import make_directory
from pipeline.base.git import Repository
from pipeline.base.ids import new_id
from pipeline.base.locks import this_process
from pipeline.base.process import TAG_VARIABLE, CancelToken, Command, Ending, Outcome, run
from pipeline.check.secrets import find_secrets
from pipeline.flow.exec_record import (
    REQUEST,
    ExecRecord,
    interrupt_dead,
    store,
    store_request,
)
from pipeline.flow.holding import hold
from pipeline.model.check import ToolProfile
from pipeline.model.codec import encode
from pipeline.model.config import Config
from pipeline.store import inbox
from pipeline.store.inbox import Request
from pipeline.store.layout import Layout, ensure_excluded
from pipeline.store.ledger import Ledger
from pipeline.store.lock import live_owner
from pipeline.work.redaction import redact, redact_file, secret_values

__all__ = ["ExecRequest", "Executed", "execute", "interrupt_dead", "store_request", "time_limit"]

DEFAULT_TIMEOUT_S = 3600.0
_COMMAND = "pipeline exec"
_PATIENCE_S = 2.0
_MOST_ARGUMENTS = 100
_LONGEST_ARGUMENT = 400
_EXIT_CODES = {Ending.TIMEOUT: 124, Ending.IDLE: 124, Ending.MISSING: 127, Ending.CANCELLED: 130}
_FLAG = re.compile(r"(?i)^--?[a-z0-9-]*(?:token|secret|passw(?:or)?d|passphrase|api-?key|auth)$")


@dataclass(frozen=True, slots=True)
class ExecRequest:
    """A program to run in a directory, with exactly this environment; times in seconds.

    ``echo`` are the descriptors that get its output as it comes, ``None`` for none.
    """

    argv: tuple[str, ...]
    directory: Path
    environ: Mapping[str, str]
    timeout_s: float = DEFAULT_TIMEOUT_S
    idle_timeout_s: float | None = None
    phase: str = ""
    echo: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Executed:
    """How a program ended; ``problem`` says why that could not be recorded, if so."""

    record: ExecRecord
    outcome: Outcome
    problem: str = ""

    @property
    def exit_code(self) -> int:
        """As a shell would have it: 128 and the signal, 124 in time, 127 missing, 130 stopped."""
        if self.outcome.signal is not None and self.outcome.ending is Ending.SIGNALLED:
            return 128 + self.outcome.signal
        return _EXIT_CODES.get(self.outcome.ending, self.outcome.exit_code or 0)


def execute(
    repo: Repository, layout: Layout, request: ExecRequest, *, cancel: CancelToken
) -> Executed:
    """Run a program to its end and record it as a run; a live ``pipeline run`` goes on untouched.

    Raises ``UnfitError`` where nothing can be recorded before it starts.
    """
    secrets = secret_values(ToolProfile(_COMMAND), request.environ)
    record = ExecRecord(
        run_id=new_id(),
        argv=kept_argv(request.argv, secrets),
        directory=str(request.directory),
        owner=this_process(_COMMAND),
        base_commit=_head(repo),
        phase=request.phase,
        timeout_s=request.timeout_s,
        started_at=clock.now(),
    )
    ensure_excluded(layout)
    logs = make_directory(layout.tool_outputs(record.run_id))
    out, err = logs / "exec.out", logs / "exec.err"
    _record(layout, record)
    outcome = run(_command(layout, record, request, (out, err)), cancel=cancel)
    for log in (out, err):
        redact_file(log, secrets)
    record = _ended(record, outcome, [str(log.relative_to(layout.top)) for log in (out, err)])
    try:
        _record(layout, record)
    except PipelineError as problem:
        # The program has ended, and its exit code is what was asked for.
        return Executed(record, outcome, str(problem))
    return Executed(record, outcome)


def time_limit(config: Config, phase: str, asked_s: float | None) -> float:
    """How long a program of a phase may take; raises ``InputError`` for a phase that is not on."""
    known = config.phases.get(phase)
    if phase and known is None and config.phases:
        raise InputError(
            f"There is no phase {phase!r}.", remedy=f"There are: {', '.join(config.phases)}."
        )
    if known is not None and not known.enabled:
        raise InputError(f"The phase {phase!r} is off.", remedy="Set `enabled` in pipeline.yaml.")
    return asked_s or (known.timeout_s if known else 0.0) or DEFAULT_TIMEOUT_S


def kept_argv(argv: Sequence[str], secrets: Sequence[str]) -> tuple[str, ...]:
    """An argument list fit to be kept: without secrets, and cut where it is long.

    Secrets are known values, what looks like a credential, and what follows ``--token`` or alike.
    """
    kept: list[str] = []
    is_secret = False
    for word in argv[:_MOST_ARGUMENTS]:
        text = redact(os.fsencode(word), secrets).decode("utf-8", "backslashreplace")
        name, equals, _ = text.partition("=")
        if is_secret or (equals and _FLAG.match(name)) or find_secrets(b"", text.encode()):
            text = f"{name}=[redacted]" if equals and not is_secret else "[redacted]"
        is_secret = not equals and _FLAG.match(word) is not None
        if len(text) > _LONGEST_ARGUMENT:
            text = text[:_LONGEST_ARGUMENT] + f"… ({len(text)} characters)"
        kept.append(text)
    if len(argv) > _MOST_ARGUMENTS:
        kept.append(f"… ({len(argv) - _MOST_ARGUMENTS} more)")
    return tuple(kept)


def take_requests(ledger: Ledger) -> None:
    """Store what other ``exec`` commands left; other requests stay for the engine."""
    for request in inbox.take(ledger.layout):
        if request.kind == REQUEST:
            store_request(ledger, request)
        else:
            inbox.post(ledger.layout, request)


def _command(
    layout: Layout, record: ExecRecord, request: ExecRequest, logs: tuple[Path, Path]
) -> Command:
    # A tag that no engine's sweep looks for: this program belongs to no engine. One that was
    # started by a tool of a run stays marked as that tool's.
    is_nested = TAG_VARIABLE in request.environ
    return Command(
        argv=request.argv,
        cwd=request.directory,
        env=request.environ,
        timeout_s=request.timeout_s,
        idle_timeout_s=request.idle_timeout_s,
        stdout_log=logs[0],
        stderr_log=logs[1],
        output_limit=None,
        tag="" if is_nested else f"exec:{layout.digest}:{record.run_id}",
        echo_stdout=request.echo[0],
        echo_stderr=request.echo[1],
    )


def _ended(record: ExecRecord, outcome: Outcome, logs: Sequence[str]) -> ExecRecord:
    return replace(
        record,
        finished_at=clock.now(),
        ending=outcome.ending.value,
        exit_code=outcome.exit_code,
        signal=outcome.signal,
        duration_s=round(outcome.duration_s, 6),
        cpu_s=round(outcome.cpu_s, 6),
        max_rss_kib=outcome.max_rss_kib,
        output_bytes=outcome.output_bytes,
        stdout_log=logs[0],
        stderr_log=logs[1],
        left_behind=tuple(f"{stray.name} ({stray.pid})" for stray in outcome.left_behind[:50]),
        detail=outcome.detail,
    )


def _record(layout: Layout, record: ExecRecord) -> None:
    """Store a record, or leave it for the live engine that holds the repository."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with hold(layout, _COMMAND) as ledger:
                interrupt_dead(ledger)
                take_requests(ledger)
                store(ledger, record)
            return
        except UnfitError:
            owner = live_owner(layout)
            is_late = time.monotonic() > until
            if owner is None and is_late:
                raise
            if owner is not None and (is_late or owner.command != _COMMAND):
                break
        time.sleep(0.02)  # another exec records, which takes a moment only
    inbox.post(layout, Request(REQUEST, record.run_id, encode(record)))
    if live_owner(layout) is None:
        # The engine ended meanwhile; it may not have seen the request.
        with suppress(UnfitError), hold(layout, _COMMAND) as ledger:
            take_requests(ledger)


def _head(repo: Repository) -> str:
    try:
        return repo.resolve_commit("HEAD")
    except (InputError, UnfitError):  # an unborn branch: there is no commit to name
        return ""
