"""The editor for coding agents that an adapter knows: looked at, called, read, and cut short."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from pipeline.base.errors import BugError
from pipeline.base.process import Ending
from pipeline.model.agent import TRANSIENT, AgentFailure, AgentOutcome, Mode, Usage
from pipeline.model.check import ToolProfile
from pipeline.model.edit import Captured, ToolReport
from pipeline.work.agents.preflight import Fault, look, program_of, why_unreachable
from pipeline.work.agents.protocol import Adapter, AgentOutput, AgentTask, Invocation
from pipeline.work.agents.reading import cut
from pipeline.work.editors.answered import apply_answer
from pipeline.work.editors.command import literal_files
from pipeline.work.editors.leaks import leak_in, leaked
from pipeline.work.editors.protocol import EditRequest, EditResult
from pipeline.work.redaction import is_secret_name, redact, secret_values
from pipeline.work.slots import Slot
from pipeline.work.tools import as_argument, run_tool, slot_values, tool_environment

_VARIABLE = "env:"
_STATE = "agent"  # below the slot's own temporary directory, which is emptied with it
_PROMPT = "prompt.md"
_ANSWER = 4000  # characters of an answer that are stored
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
        profile, own = request.profile, slot_values(slot)
        env = tool_environment(profile, environ=request.environ, own=own)
        found = look(
            self._adapter.contract,
            profile,
            env=env,
            environ=request.environ,
            cwd=slot.tmp,
            cancel=request.cancel,
        )
        if found.is_cancelled:
            return EditResult(_not_reached(profile))
        if found.fault:
            return EditResult(_not_called(profile, found.fault))
        task = _task(request, slot)
        away = why_unreachable(profile, task.base_url, env)
        if away:
            return EditResult(_not_called(profile, away))
        report, secrets = self._call(request, task, env)
        outcome = self._outcome(task, report, secrets)
        kept = replace(
            outcome,
            answer=cut(outcome.answer, _ANSWER),
            details={**outcome.details, "version": found.version, "mode": task.mode.value},
        )
        report = replace(report, agent=kept)
        if task.mode is Mode.PROMPT:
            leak = leak_in(slot, request.scratch, secrets)
            return EditResult(report, refusal=leaked(leak, secrets) if leak is not None else None)
        if task.mode is Mode.PATCH_REVIEW or kept.failure or kept.has_nothing_to_do:
            unchanged = Captured(request.start_tree, request.start_tree, ())
            return EditResult(report, captured=unchanged)
        return apply_answer(request, report, outcome.answer)

    def _call(
        self, request: EditRequest, task: AgentTask, env: Mapping[str, str]
    ) -> tuple[ToolReport, tuple[str, ...]]:
        """Run the agent to its end; how that went, and the values that nobody may see."""
        profile, invocation = request.profile, self._adapter.invocation(task)
        _write(task.state, invocation.files)
        env = {**env, **invocation.env, **_given(profile, env)}
        secrets = _secrets(task, invocation, secret_values(profile, env))
        program = program_of(self._adapter.contract, profile)
        report = run_tool(
            profile,
            (*program, *invocation.argv[1:], *profile.args),
            cwd=task.directory,
            env=env,
            logs=request.logs,
            stdin=invocation.stdin,
            cancel=request.cancel,
            on_beat=request.on_beat,
            tag=request.tag,
            timeout_s=request.timeout_s,
            hidden=secrets,
        )
        return report, secrets

    def _outcome(
        self, task: AgentTask, report: ToolReport, secrets: tuple[str, ...]
    ) -> AgentOutcome:
        """What the adapter reads, corrected by how the process ended, without any secret."""
        output = AgentOutput(
            report.ending,
            report.exit_code,
            _printed(report.stdout_log),
            _printed(report.stderr_log),
            task.state,
        )
        read = self._adapter.read(task, output)
        forced = _CUT_SHORT.get(report.ending)
        if forced and read.failure not in TRANSIENT:
            read = replace(read, failure=forced, message=report.summary)
        if read.failure:
            read = replace(read, has_nothing_to_do=False)
        if read.failure is AgentFailure.MODEL:
            look = f"Look at `tools.{task.profile.id}.agent.model`."
            read = replace(read, message=f"{read.message.rstrip()} {look}")
        usage = replace(
            read.usage,
            model=_clean(read.usage.model, secrets),
            session_id=_clean(read.usage.session_id, secrets),
        )
        return replace(
            read,
            usage=usage,
            message=_clean(read.message, secrets),
            answer=_clean(read.answer, secrets),
        )


def _printed(log: str) -> bytes:
    """A stream as its log keeps it; nothing where the program was not even started."""
    try:
        return Path(log).read_bytes()
    except OSError:
        return b""


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
    """What an address holds that is a secret: a password, and keys that gateways want there."""
    try:
        parts = urlsplit(address)
        keys = [value for name, value in parse_qsl(parts.query) if is_secret_name(name)]
    except ValueError:
        return (address,)
    values = {parts.password or "", *keys}
    return tuple({*values, *map(unquote, values), *map(quote, values)})


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


def _not_reached(profile: ToolProfile) -> ToolReport:
    """The report of an agent that a run which ends did not come to; it has cost nothing."""
    ending, summary = Ending.CANCELLED.value, "The run was told to stop."
    agent = AgentOutcome(Usage(cost_nusd=0), AgentFailure.CRASHED, summary)
    return ToolReport(profile.id, ending=ending, exit_code=None, summary=summary, agent=agent)
