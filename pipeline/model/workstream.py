"""A workstream bundle: one unit of change, as its author wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.model.check import Check


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When a loop ends.

    ``max_attempts`` counts finished attempts of one kind of step (crashes do not count);
    ``max_error_repeats`` how often one signature may come back after a fix;
    ``oscillation_threshold`` how often one tree may be seen again; ``timeout_s`` ends one run of
    the tool that edits or fixes, never a check.
    """

    max_attempts: int = 3
    max_error_repeats: int = 2
    oscillation_threshold: int = 2
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class PolicyOverride:
    """What a bundle asks of the policy; ``None`` keeps the configured value."""

    max_files_changed: int | None = None
    max_lines_changed: int | None = None
    allow_binary: bool | None = None
    allow_mode_change: bool | None = None


@dataclass(frozen=True, slots=True)
class Workstream:
    """One unit of change: a bundle that was validated.

    ``files_scope`` may be modified or deleted, ``files_create`` may come into being: literal
    paths or gitignore-style patterns. ``breakers`` maps a step (``edit``, ``static``, ``fix``,
    ``runtime``, ``merge``) or ``*`` to its limits. ``static`` and ``fix`` are ``None`` where the
    configuration decides. ``source`` is the bundle's path, relative to the repository's root.
    """

    id: str
    title: str = ""
    description: str = ""
    openspec_change: str | None = None
    ccpm_issue: str | None = None
    phase: str | None = None
    priority: int = 0
    files_scope: tuple[str, ...] = ()
    files_create: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    acceptance_tests: tuple[Check, ...] = ()
    gate: str | None = None
    depends_on: tuple[str, ...] = ()
    conflicts_with: tuple[str, ...] = ()
    tool: str = "command"
    tool_args: Mapping[str, Any] = field(default_factory=dict)
    static: tuple[Check, ...] | None = None
    fix: tuple[str, ...] | None = None
    breakers: Mapping[str, BreakerLimits] = field(default_factory=dict)
    policy: PolicyOverride = field(default_factory=PolicyOverride)
    allow_overlap: tuple[str, ...] = ()
    source: str = ""

    def limits(self, step: str) -> BreakerLimits:
        """The breaker limits that hold for one kind of step."""
        return self.breakers.get(step) or self.breakers.get("*") or BreakerLimits()
