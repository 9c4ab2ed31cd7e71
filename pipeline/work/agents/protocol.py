"""What an agent's adapter is asked and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pipeline.model.agent import AgentOutcome, AgentSettings, Mode
from pipeline.model.check import ToolProfile


@dataclass(frozen=True, slots=True)
class AgentTask:
    """One call of an agent.

    ``directory`` is the checkout it works in, ``state`` an empty folder outside of it for its
    configuration, history and logs. ``files`` are the literal files in scope that exist, relative
    to the checkout. ``key`` and ``base_url`` are resolved values, empty where none is configured;
    ``timeout_s`` is what the engine allows.
    """

    profile: ToolProfile
    mode: Mode
    prompt: str
    prompt_file: Path
    directory: Path
    state: Path
    files: tuple[str, ...] = ()
    key: str = ""
    base_url: str = ""
    timeout_s: float = 600.0
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> AgentSettings:
        """The profile's settings of agent and model."""
        return self.profile.agent


@dataclass(frozen=True, slots=True)
class Invocation:
    """How an agent is started.

    ``argv`` begins with the program's name or path. ``env`` are values beside the tool's own
    environment; ``files`` are written below the task's ``state`` first, by relative path.
    ``secrets`` are values to be taken out of every log.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentOutput:
    """What is left of a call: ``ending`` and ``exit_code`` as the process's, both streams whole
    as far as the capped logs keep them, and the folder ``state``."""

    ending: str
    exit_code: int | None
    stdout: bytes
    stderr: bytes
    state: Path


@dataclass(frozen=True, slots=True)
class Contract:
    """What an adapter declares about its agent.

    ``versions`` is the half-open range that it was written for (``("0.80", "0.87")``), by the
    numbers that ``version_command`` prints; ``credentials`` are the variables of which one has to
    be set where the profile names no ``api_key``; ``page`` is its page under ``docs/``.
    """

    program: str
    version_command: tuple[str, ...]
    versions: tuple[str, str]
    credentials: tuple[str, ...]
    page: str
    modes: frozenset[Mode] = frozenset(Mode)


class Adapter(Protocol):
    """Knows one agent's command line and output; holds no state, starts nothing."""

    @property
    def contract(self) -> Contract:
        """What holds for every call."""

    def invocation(self, task: AgentTask) -> Invocation:
        """The call of the agent, everything pinned that it would do beside the task."""

    def read(self, task: AgentTask, output: AgentOutput) -> AgentOutcome:
        """What the agent says that it did, used and failed at; never raises for odd output."""
