"""Checks and gates as values: what is run, where its findings are read from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.model.agent import AgentSettings


class OutputFormat(StrEnum):
    """How findings are read from a check's output."""

    NONE = "none"
    LINES = "lines"
    RUFF = "ruff"
    JUNIT = "junit"
    SARIF = "sarif"


class ToolType(StrEnum):
    """What a tool is for."""

    AI = "ai"
    STATIC_CHECK = "static_check"
    TEST = "test"
    FIXER = "fixer"
    UTILITY = "utility"


@dataclass(frozen=True, slots=True)
class ToolProfile:
    """An external program and how it is driven.

    ``command`` and ``args`` are templates: ``{name}`` is replaced by what the step offers
    (``{files}`` by several arguments). ``env_allow`` names variables that pass through
    (``*`` at the end is a wildcard); ``env`` are values, where ``env:NAME`` reads a variable.
    ``output_file`` is where a report lies, relative to the checkout, when it is not on standard
    output. ``driver`` is the editor that knows how to use it (``command``, ``patch``, an agent).
    ``cost`` is in dollars: ``input``, ``cached_input`` and ``output`` for a million tokens,
    ``per_attempt`` for each attempt.
    """

    id: str
    type: ToolType = ToolType.UTILITY
    driver: str = "command"
    command: tuple[str, ...] | str = ()
    args: tuple[str, ...] = ()
    version_command: tuple[str, ...] = ()
    env_allow: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 600.0
    idle_timeout_s: float | None = None
    success_exit_codes: tuple[int, ...] = (0,)
    output: str = OutputFormat.NONE
    output_file: str | None = None
    takes_feedback: bool = False
    concurrency: int | None = None
    cost: Mapping[str, float] = field(default_factory=dict)
    agent: AgentSettings = field(default_factory=AgentSettings)


@dataclass(frozen=True, slots=True)
class Check:
    """One command that judges a tree.

    A string ``command`` is run by the shell, a tuple without one. Exit code 125 means "cannot
    tell" (as in git-bisect) and is never a pass. ``output`` names a findings reader (see
    ``OutputFormat``; plug-ins add more). ``history`` makes the commit part of the verdict's key.
    """

    name: str
    command: tuple[str, ...] | str
    output: str = OutputFormat.LINES
    output_file: str | None = None
    timeout_s: float = 600.0
    idle_timeout_s: float | None = None
    success_exit_codes: tuple[int, ...] = (0,)
    env_allow: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    version_command: tuple[str, ...] = ()
    history: bool = False
    cache: bool = True


@dataclass(frozen=True, slots=True)
class Gate:
    """A named list of checks; all of them must pass."""

    name: str
    checks: tuple[Check, ...] = ()
