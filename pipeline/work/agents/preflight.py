"""Whether an agent can be called at all: its program, its version, its credentials, its mode."""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from pipeline.base.errors import UnfitError
from pipeline.base.process import CancelToken, Command, Ending, run, which
from pipeline.model.agent import AgentFailure
from pipeline.model.check import ToolProfile
from pipeline.work.agents.protocol import Contract

_VARIABLE = "env:"
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_VERSION_LIMIT_S = 60.0
_CONNECT_S = 5.0

_Asked = tuple[tuple[str, ...], int, int]


@dataclass(slots=True)
class _Answer:
    """What a file answered, or why it gave no answer; who holds ``asking`` may ask."""

    asking: Lock = field(default_factory=Lock)
    version: str | None = None
    problem: str = ""


# A file is asked for its version once for a process, also where that hangs.
_answers: dict[_Asked, _Answer] = {}
_looking = Lock()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an agent is not called, and a sentence that says what to do about it."""

    failure: AgentFailure
    message: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found before a call; ``fault`` is ``None`` where it can be made.

    ``is_cancelled`` where the run was told to stop before that was known.
    """

    program: tuple[str, ...] = ()
    version: str = ""
    fault: Fault | None = None
    is_cancelled: bool = False


def look(
    contract: Contract,
    profile: ToolProfile,
    *,
    env: Mapping[str, str],
    environ: Mapping[str, str],
    cwd: Path,
    cancel: CancelToken | None = None,
) -> Preflight:
    """Look whether a profile's agent can be called; starts nothing but its version command.

    ``env`` is the tool's environment, whose PATH counts, ``environ`` where variables come from,
    ``cwd`` a directory to start the version command in. Never raises for an unfit agent.
    """
    program = program_of(contract, profile)
    fault = why_no_key(contract, profile, environ) or _why_no_mode(contract, profile)
    if fault:
        return Preflight(program, fault=fault)
    found = which(program[0], path=env.get("PATH", os.defpath), cwd=cwd)
    if found is None:
        message = (
            f"The program {program[0]} of the tool {profile.id} is not on PATH: install "
            f"{contract.program} {_range(contract)} (see {contract.page})."
        )
        return Preflight(program, fault=Fault(AgentFailure.MISSING, message))
    command = profile.version_command or (*program, *contract.version_command[1:])
    try:
        version = _version(command, found, env, cwd, cancel)
    except UnfitError as error:
        fault = Fault(AgentFailure.MISSING, f"The tool {profile.id} does not start: {error}")
        return Preflight(program, fault=fault)
    if version is None:
        return Preflight(program, is_cancelled=True)
    return Preflight(program, version, _why_no_version(contract, profile, version))


def program_of(contract: Contract, profile: ToolProfile) -> tuple[str, ...]:
    """The words that start the agent: the profile's ``command``, else what it is called."""
    command = profile.command
    given = (command,) if isinstance(command, str) and command else tuple(command)
    return given or (contract.program,)


def why_no_key(
    contract: Contract, profile: ToolProfile, environ: Mapping[str, str]
) -> Fault | None:
    """Why the agent has no credentials; values are never part of the message."""
    wanted = [
        value.removeprefix(_VARIABLE)
        for value in (profile.agent.api_key, profile.agent.base_url)
        if value.startswith(_VARIABLE)
    ]
    for name in wanted:
        if not environ.get(name):
            message = f"The tool {profile.id} needs the variable {name}: set it, or put it in .env."
            return Fault(AgentFailure.NO_CREDENTIALS, message)
    if profile.agent.api_key or not contract.credentials:
        return None
    if any(environ.get(name) or name in profile.env for name in contract.credentials):
        return None
    message = (
        f"The tool {profile.id} has no credentials: set one of "
        f"{', '.join(contract.credentials)}, or name another variable in "
        f"`tools.{profile.id}.agent.api_key` (`env:NAME`)."
    )
    return Fault(AgentFailure.NO_CREDENTIALS, message)


def why_unreachable(profile: ToolProfile, address: str, env: Mapping[str, str]) -> Fault | None:
    """Why nobody listens at the address that a profile names; some agents would wait for ever.

    What is behind a proxy cannot be told from here, and what is slow may still answer.
    """
    if not address or any(name.upper().endswith("_PROXY") for name in env):
        return None
    try:
        parts = urlsplit(address)
        port = parts.port or (80 if parts.scheme == "http" else 443)
        with socket.create_connection((parts.hostname or "", port), timeout=_CONNECT_S):
            return None
    except TimeoutError:
        return None
    except (OSError, ValueError) as problem:
        message = (
            f"Nobody answers at the address of the tool {profile.id} ({_reason(problem)}): start "
            f"the server, or correct `tools.{profile.id}.agent.base_url`."
        )
        return Fault(AgentFailure.UNREACHABLE, message)


def _reason(problem: Exception) -> str:
    """A reason without the address, which may hold a password."""
    if isinstance(problem, OSError):
        return problem.strerror or type(problem).__name__
    return "it is no address"


def _why_no_mode(contract: Contract, profile: ToolProfile) -> Fault | None:
    if profile.agent.mode in {mode.value for mode in contract.modes}:
        return None
    modes = ", ".join(sorted(mode.value for mode in contract.modes))
    return Fault(
        AgentFailure.MISSING,
        f"{contract.program} cannot be used in the mode {profile.agent.mode!r}: set "
        f"`tools.{profile.id}.agent.mode` to one of {modes}.",
    )


def _why_no_version(contract: Contract, profile: ToolProfile, version: str) -> Fault | None:
    low, high = contract.versions
    if version and _numbers(low) <= _numbers(version) < _numbers(high):
        return None
    return Fault(
        AgentFailure.VERSION,
        f"The tool {profile.id} is {contract.program} {version or 'of an unknown version'}, which "
        f"its adapter was not written for: install {_range(contract)} (see {contract.page}).",
    )


def _version(
    command: tuple[str, ...],
    found: Path,
    env: Mapping[str, str],
    cwd: Path,
    cancel: CancelToken | None,
) -> str | None:
    """The version that a command prints, asked for once as long as its file is the same.

    ``None`` where the run was told to stop meanwhile. Who waits for one program holds up none
    that asks another. Raises UnfitError where it does not answer.
    """
    status = found.resolve().stat()
    with _looking:
        answer = _answers.setdefault((command, status.st_ino, status.st_mtime_ns), _Answer())
    argv = (str(found), *command[1:]) if command[0] == found.name else command
    with answer.asking:
        if answer.version is None and not answer.problem:
            asked = Command(argv, cwd=cwd, env=env, timeout_s=_VERSION_LIMIT_S)
            done = run(asked, cancel=cancel)
            if done.ending is Ending.CANCELLED:
                return None
            if done.ending is Ending.EXITED:
                printed = (done.stdout_tail + done.stderr_tail).decode("utf-8", "replace")
                match = _VERSION.search(printed)
                answer.version = match[0] if match and done.exit_code == 0 else ""
            else:
                words = done.detail or f"it ended with {done.ending.value}"
                answer.problem = f"{' '.join(argv)}: {words}"
        if answer.problem:
            raise UnfitError(answer.problem)
        return answer.version


def _range(contract: Contract) -> str:
    low, high = contract.versions
    return f"from {low} to before {high}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
