"""One way to run a tool: its command from templates, its environment, its report."""

import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.process import (
    DEFAULT_ALLOW,
    Beat,
    CancelToken,
    Command,
    Ending,
    Outcome,
    build_environment,
    run,
    shell_argv,
)
from pipeline.model.check import ToolProfile
from pipeline.model.edit import ToolReport
from pipeline.work.redaction import redact, redact_file, secret_values
from pipeline.work.slots import Slot

Value = str | Sequence[str]
Commandline = tuple[str, ...] | str

_PLACEHOLDER = re.compile(r"\{\{([a-z_]\w*)\}\}|(?<!\$)\{([a-z_]\w*)\}")
_VARIABLE = "env:"
_NOT_FOUND = 127
_SUMMARY = 300


def render(
    profile: ToolProfile, values: Mapping[str, Value], command: Commandline = ()
) -> Commandline:
    """The command of a profile (or the one given in its place) with its arguments filled in.

    ``{name}`` stands for a value, ``{{name}}`` for itself; other braces and ``${name}`` are left
    alone. An argument that is exactly ``{files}`` becomes as many arguments as there are values;
    in a shell string every value is quoted. Raises InputError for a name that is not offered.
    """
    chosen = command or profile.command
    if not chosen:
        raise InputError(
            f"The tool {profile.id} has no command.",
            remedy=f"Give `tools.{profile.id}.command` in pipeline.yaml, or `tool_args.command`.",
        )
    if isinstance(chosen, str):
        return " ".join(_in_shell(profile, text, values) for text in (chosen, *profile.args))
    return tuple(
        argument
        for template in (*chosen, *profile.args)
        for argument in _arguments(profile, template, values)
    )


def _arguments(profile: ToolProfile, template: str, values: Mapping[str, Value]) -> Iterable[str]:
    whole = _PLACEHOLDER.fullmatch(template)
    if whole and whole[2]:
        value = _value(profile, whole[2], values)
        return (value,) if isinstance(value, str) else tuple(value)

    def fill(match: re.Match[str]) -> str:
        if match[1]:
            return "{" + match[1] + "}"
        value = _value(profile, match[2], values)
        if not isinstance(value, str):
            raise InputError(
                f"The tool {profile.id} has {{{match[2]}}}, several values, inside {template!r}.",
                remedy="Make it an argument of its own.",
            )
        return value

    return (_PLACEHOLDER.sub(fill, template),)


def _in_shell(profile: ToolProfile, template: str, values: Mapping[str, Value]) -> str:
    def fill(match: re.Match[str]) -> str:
        if match[1]:
            return "{" + match[1] + "}"
        value = _value(profile, match[2], values)
        return shlex.quote(value) if isinstance(value, str) else shlex.join(value)

    return _PLACEHOLDER.sub(fill, template)


def _value(profile: ToolProfile, name: str, values: Mapping[str, Value]) -> Value:
    if name not in values:
        raise InputError(
            f"The tool {profile.id} asks for {{{name}}}, which this step does not offer.",
            remedy=f"Offered are: {', '.join(sorted(values))}. Write {{{{{name}}}}} for itself.",
        )
    return values[name]


def as_argument(path: bytes) -> str:
    """A path as a command's argument: one that begins with a dash is not taken for an option."""
    text = os.fsdecode(path)
    return f"./{text}" if text.startswith("-") else text


def slot_values(slot: Slot) -> dict[str, str]:
    """Variables that belong to a slot: a home and a temporary directory of its own.

    The last one keeps a git that finds no repository there from looking for one further up.
    """
    return {
        "HOME": str(slot.home),
        "USERPROFILE": str(slot.home),
        "TMPDIR": str(slot.tmp),
        "TMP": str(slot.tmp),
        "TEMP": str(slot.tmp),
        "GIT_CEILING_DIRECTORIES": str(slot.directory),
    }


def tool_environment(
    profile: ToolProfile, *, environ: Mapping[str, str], own: Mapping[str, str]
) -> dict[str, str]:
    """A tool's whole environment: what is allowed of ``environ``, its values, what is the slot's.

    ``HOME`` and the ``XDG_`` directories are the person's only where ``env_allow`` names them.
    Raises UnfitError when a value reads a variable that is not set.
    """
    values = {name: _resolved(profile, name, value, environ) for name, value in profile.env.items()}
    general = [name for name in DEFAULT_ALLOW if not name.startswith(("HOME", "XDG_"))]
    built = build_environment((*general, *profile.env_allow), {}, source=environ)
    kept = {
        name: built[name] for name in ("HOME",) if "HOME" in profile.env_allow and name in built
    }
    built |= {**own, **kept, **values}
    folders = built.get("PATH", os.defpath).split(os.pathsep)
    built["PATH"] = os.pathsep.join(folder for folder in folders if Path(folder).is_absolute())
    return built


def _resolved(profile: ToolProfile, name: str, value: str, environ: Mapping[str, str]) -> str:
    if not value.startswith(_VARIABLE):
        return value
    source = value.removeprefix(_VARIABLE)
    if source not in environ:
        raise UnfitError(
            f"The tool {profile.id} needs the variable {source} (for {name}), which is not set.",
            remedy=f"Set {source} in the environment or in .env.",
        )
    return environ[source]


def run_tool(
    profile: ToolProfile,
    command: Commandline,
    *,
    cwd: Path,
    env: Mapping[str, str],
    logs: Path,
    stdin: bytes = b"",
    cancel: CancelToken | None = None,
    on_beat: Callable[[Beat], None] | None = None,
    tag: str = "",
    timeout_s: float | None = None,
    hidden: Iterable[str] = (),
) -> ToolReport:
    """Run a tool to its end and say how it went; no process of it is alive afterwards.

    ``logs`` is the beginning of two file names (``.stdout``, ``.stderr``). Values of secret
    variables and those in ``hidden`` are taken out of the logs when it has ended. A tool that is
    not there is a fault.
    """
    logs.parent.mkdir(parents=True, exist_ok=True)
    stdout_log = logs.with_name(f"{logs.name}.stdout")
    stderr_log = logs.with_name(f"{logs.name}.stderr")
    outcome = run(
        Command(
            argv=shell_argv(command) if isinstance(command, str) else command,
            cwd=cwd,
            env=env,
            timeout_s=min(profile.timeout_s, timeout_s or profile.timeout_s),
            idle_timeout_s=profile.idle_timeout_s,
            stdin=stdin,
            stdout_log=stdout_log,
            stderr_log=stderr_log,
            tag=tag,
        ),
        cancel=cancel,
        on_beat=on_beat,
    )
    secrets = (*secret_values(profile, env), *hidden)
    for log in (stdout_log, stderr_log):
        redact_file(log, secrets)
    return _report(profile, command, outcome, secrets, (stdout_log, stderr_log))


def _report(
    profile: ToolProfile,
    command: Commandline,
    outcome: Outcome,
    secrets: Iterable[str],
    logs: tuple[Path, Path],
) -> ToolReport:
    is_shell_fault = isinstance(command, str) and outcome.exit_code == _NOT_FOUND
    return ToolReport(
        tool=profile.id,
        ending=outcome.ending.value,
        exit_code=outcome.exit_code,
        duration_s=outcome.duration_s,
        output_bytes=outcome.output_bytes,
        stdout_log=str(logs[0]),
        stderr_log=str(logs[1]),
        summary=redact(_summary(outcome).encode(), secrets).decode("utf-8", "replace"),
        is_fault=outcome.ending is Ending.MISSING or is_shell_fault,
        left_behind=tuple(f"{stray.name} ({stray.pid})" for stray in outcome.left_behind),
        details={
            "signal": outcome.signal,
            "cpu_s": outcome.cpu_s,
            "max_rss_kib": outcome.max_rss_kib,
        },
    )


def _summary(outcome: Outcome) -> str:
    """One line for people: why it ended, or the last thing that it said."""
    if outcome.ending is not Ending.EXITED:
        return outcome.detail or f"It ended with {outcome.ending.value}."
    for tail in (outcome.stderr_tail, outcome.stdout_tail):
        lines = tail.decode("utf-8", "replace").strip().splitlines()
        if lines:
            return lines[-1].strip()[:_SUMMARY]
    return ""


def has_succeeded(profile: ToolProfile, report: ToolReport) -> bool:
    """Whether the tool says that it did its work; what it changed is another matter."""
    return report.ending == Ending.EXITED.value and report.exit_code in profile.success_exit_codes
