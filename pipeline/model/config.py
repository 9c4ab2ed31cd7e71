"""The effective configuration of a run; every field has a default."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.model.check import Gate, ToolProfile
from pipeline.model.patch import PatchPolicy
from pipeline.model.workstream import BreakerLimits


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """Which project this is; ``base`` is empty where it is found (``main``, ``master``, …)."""

    id: str = ""
    base: str = ""


@dataclass(frozen=True, slots=True)
class PathsConfig:
    """Where things are; ``worktrees`` is empty for the user's cache directory."""

    workstreams: str = "workstreams"
    worktrees: str = ""
    ws_prefix: str = "ws"
    run_prefix: str = "pipeline"


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How a run goes; ``jobs`` 0 means the number of cores, ``timeout_s`` 0 no limit."""

    jobs: int = 0
    timeout_s: float = 0.0
    reproducible: bool = False
    author_name: str = "git-pipeline"
    author_email: str = "git-pipeline@localhost"


@dataclass(frozen=True, slots=True)
class PhaseConfig:
    """A group of workstreams."""

    enabled: bool = True
    timeout_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SetupStep:
    """A command that prepares directories for slots, keyed by the files it declares."""

    name: str
    command: tuple[str, ...] | str
    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    timeout_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class LandingConfig:
    """``each`` gates every landed commit; ``batch`` gates many at once and bisects when red."""

    mode: str = "each"
    batch_start: int = 4
    batch_max: int = 64


@dataclass(frozen=True, slots=True)
class RepairConfig:
    """The default ladder: rungs in the order they are climbed."""

    fix: tuple[str, ...] = ("mechanical", "tool")
    unfixable: tuple[str, ...] = ("F401",)


@dataclass(frozen=True, slots=True)
class CaptureConfig:
    """How a tool's change is found; ``discard`` are patterns of untracked tool caches."""

    mode: str = "quick"
    discard: tuple[str, ...] = ()
    max_files: int = 200_000
    max_file_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RetentionConfig:
    """How long the files of finished runs are kept, in days."""

    runs_days: int = 30
    worktrees_days: int = 7


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a run depends on beside its bundles.

    ``tools`` maps ids to profiles, ``gates`` names to gates (``static``, ``runtime`` and the
    synchronisation gates).
    """

    project: ProjectConfig = field(default_factory=ProjectConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
    run: RunConfig = field(default_factory=RunConfig)
    phases: Mapping[str, PhaseConfig] = field(default_factory=dict)
    setup: tuple[SetupStep, ...] = ()
    tools: Mapping[str, ToolProfile] = field(default_factory=dict)
    gates: Mapping[str, Gate] = field(default_factory=dict)
    landing: LandingConfig = field(default_factory=LandingConfig)
    repair: RepairConfig = field(default_factory=RepairConfig)
    breakers: BreakerLimits = field(default_factory=BreakerLimits)
    policy: PatchPolicy = field(default_factory=PatchPolicy)
    capture: CaptureConfig = field(default_factory=CaptureConfig)
    retention: RetentionConfig = field(default_factory=RetentionConfig)
