"""The editor for coding agents that an adapter knows: looked at, called, read, and cut short."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.base.errors import BugError
from pipeline.base.process import Ending
from pipeline.model.agent import TRANSIENT, AgentFailure, AgentOutcome, Mode
from pipeline.model.check import ToolProfile
from pipeline.model.edit import Captured, ToolReport
from pipeline.model.patch import Objection, Reason
from pipeline.work.agents.preflight import Fault, look, program_of
from pipeline.work.agents.protocol import Adapter, AgentOutput, AgentTask, Invocation
from pipeline.work.editors.command import literal_files
from pipeline.work.editors.patch import apply_to
from pipeline.work.editors.protocol import EditRequest, EditResult
from pipeline.work.redaction import redact, secret_values
from pipeline.work.slots import Slot
from pipeline.work.tools import as_argument, run_tool, slot_values, tool_environment

_VARIABLE = "env:"
_STATE = "agent"  # below the slot's own temporary directory, which is emptied with it
_PROMPT = "prompt.md"
_LEAST_SECRET = 6  # a shorter value would be found in innocent text
_CUT_SHORT = {
    Ending.TIMEOUT.value: AgentFailure.TIMEOUT,
    Ending.IDLE.value: AgentFailure.TIMEOUT,
    Ending.SIGNALLED.value: AgentFailure.CRASHED,
    Ending.FLOODED.value: AgentFailure.CRASHED,
    Ending.MISSING.value: AgentFailure.MISSING,
}


class DrivenEditor:
    """Runs one kind of agent in a slot, in the mode that the profile's ``agent.mode`` says."""

    needs_directory = True

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter

    def takes_feedback(self, profile: ToolProfile) -> bool:
        """As the profile says: feedback is part of the prompt."""
        return profile.takes_feedback

    def edit(self, request: EditRequest) -> EditResult:
        """Look before the call, call, read what is left, and take the answer's diff if asked."""
        slot = request.slot
        if slot is None:
            raise BugError(f"The tool {request.profile.id} was given no directory.")
        profile, contract = request.profile, self._adapter.contract
        own = slot_values(slot)
        env = tool_environment(profile, environ=request.environ, own=own)
        found = look(contract, profile, env=env, environ=request.environ, cwd=slot.tmp)
        if found.fault:
            return EditResult(_not_called(profile, found.fault))
        task = _task(request, slot)
        invocation = self._adapter.invocation(task)
        _write(task.state, invocation.files)
        env = {**env, **invocation.env, **_given(profile, env)}
        secrets = _secrets(task, invocation, secret_values(profile, env))
        report = run_tool(
            profile,
            (*program_of(contract, profile), *invocation.argv[1:], *profile.args),
            cwd=slot.path,
            env=env,
            logs=request.logs,
            stdin=invocation.stdin,
            cancel=request.cancel,
            on_beat=request.on_beat,
            tag=request.tag,
            timeout_s=request.timeout_s,
            hidden=secrets,
        )
        outcome = self._outcome(task, report, secrets)
        details = {**outcome.details, "version": found.version, "mode": task.mode.value}
        report = replace(report, agent=replace(outcome, details=details))
        return _result(request, task, report)

    def _outcome(
        self, task: AgentTask, report: ToolReport, secrets: tuple[str, ...]
    ) -> AgentOutcome:
        """What the adapter reads, corrected by how the process ended, without any secret."""
        output = AgentOutput(
            report.ending,
            report.exit_code,
            Path(report.stdout_log).read_bytes(),
            Path(report.stderr_log).read_bytes(),
            task.state,
        )
        read = self._adapter.read(task, output)
        forced = _CUT_SHORT.get(report.ending)
        if forced and read.failure not in TRANSIENT:
            read = replace(read, failure=forced, message=report.summary)
        if read.failure:
            read = replace(read, has_nothing_to_do=False)
        return replace(
            read, message=_clean(read.message, secrets), answer=_clean(read.answer, secrets)
        )


def _task(request: EditRequest, slot: Slot) -> AgentTask:
    """The call's values, with every ``env:NAME`` resolved; the look before has found them set."""
    profile = request.profile
    prompt_file = slot.tmp / _PROMPT
    prompt_file.write_text(request.told.text, encoding="utf-8", errors="backslashreplace")
    state = slot.tmp / _STATE
    state.mkdir(mode=0o700, exist_ok=True)
    return AgentTask(
        profile=profile,
        mode=Mode(profile.agent.mode),
        prompt=request.told.text,
        prompt_file=prompt_file,
        directory=slot.path,
        state=state,
        files=tuple(as_argument(path) for path in literal_files(request, slot)),
        key=_resolved(profile.agent.api_key, request.environ),
        base_url=_resolved(profile.agent.base_url, request.environ),
        timeout_s=min(profile.timeout_s, request.timeout_s or profile.timeout_s),
        environ=request.environ,
    )


def _resolved(value: str, environ: Mapping[str, str]) -> str:
    if value.startswith(_VARIABLE):
        return environ.get(value.removeprefix(_VARIABLE), "")
    return value


def _given(profile: ToolProfile, env: Mapping[str, str]) -> dict[str, str]:
    """What the profile sets itself: it knows better than the adapter."""
    return {name: env[name] for name in profile.env if name in env}


def _write(state: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = state / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(content)
        path.chmod(0o600)


def _secrets(task: AgentTask, invocation: Invocation, known: tuple[str, ...]) -> tuple[str, ...]:
    """Every value that nobody may see: keys, and what an address holds beside the host."""
    values = {*known, *invocation.secrets, task.key, *_of_address(task.base_url)}
    return tuple(sorted(value for value in values if len(value) >= _LEAST_SECRET))


def _of_address(address: str) -> tuple[str, ...]:
    """The name, the password and the query of an address: some gateways want a key there."""
    try:
        parts = urlsplit(address)
        texts = (parts.password or "", parts.query)
    except ValueError:
        return (address,)
    values = [value for text in texts for value in (text, *re.split(r"[&;=]", text))]
    return tuple({*values, *(unquote(value) for value in values)})


def _clean(text: str, secrets: tuple[str, ...]) -> str:
    return redact(text.encode("utf-8", "backslashreplace"), secrets).decode("utf-8", "replace")


def _not_called(profile: ToolProfile, fault: Fault) -> ToolReport:
    """The report of an agent that was not started."""
    return ToolReport(
        profile.id,
        ending=Ending.MISSING.value,
        exit_code=None,
        summary=fault.message,
        is_fault=True,
        agent=AgentOutcome(failure=fault.failure, message=fault.message),
    )


def _result(request: EditRequest, task: AgentTask, report: ToolReport) -> EditResult:
    """What the mode makes of a call: the slot's change, none at all, or the answer's diff."""
    if task.mode is Mode.PROMPT:
        return EditResult(report)
    unchanged = Captured(request.start_tree, request.start_tree, ())
    outcome = report.agent
    if task.mode is Mode.PATCH_REVIEW or outcome is None or outcome.failure:
        return EditResult(report, captured=unchanged)
    if outcome.has_nothing_to_do:
        return EditResult(report, captured=unchanged)
    diff = outcome.answer.encode("utf-8", "backslashreplace")
    change = apply_to(request.scratch, request.start_tree, diff)
    if isinstance(change, Objection):
        return EditResult(report, refusal=change)
    if not change.changes:
        return EditResult(report, refusal=Objection(Reason.EMPTY, "The diff changes nothing."))
    return EditResult(report, captured=change, patch=diff)
