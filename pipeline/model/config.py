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
    """The default ladder: rungs in the order they are climbed.

    A rung is ``mechanical``, ``tool`` (the workstream's own), ``agent`` (the one that the routing
    chooses) or a profile's id. ``rung_attempts`` is the cap of each rung that is asked;
    ``reruns`` how often a red gate is run again on the same tree to tell a flaky one. Faults of
    the surroundings are tried again ``retries`` times, after 2, 4, 8 … seconds, at most
    ``backoff_max_s``.
    """

    fix: tuple[str, ...] = ("mechanical", "tool")
    unfixable: tuple[str, ...] = ("F401",)
    rung_attempts: int = 2
    reruns: int = 0
    retries: int = 3
    backoff_s: float = 2.0
    backoff_max_s: float = 60.0


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """Which tools are asked for tasks of a kind; an empty list of a condition means any.

    ``task_kind`` is ``edit``, ``fix``, ``review`` or ``conflict``; ``size`` ``small``, ``medium``
    or ``large``; ``risk`` ``low``, ``medium`` or ``high``; ``language`` as its name, in lower case.
    """

    use: tuple[str, ...]
    task_kind: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    size: tuple[str, ...] = ()
    risk: tuple[str, ...] = ()
    phase: tuple[str, ...] = ()
    strategy: str = ""
    min_tier: int = 0


@dataclass(frozen=True, slots=True)
class RoutingConfig:
    """How the tool of a task is chosen where its bundle says ``tool: auto`` or a rung ``agent``.

    The first rule that holds decides; without one all ``tools`` are candidates. ``strategy`` is
    ``fixed``, ``round_robin``, ``cheapest`` or ``metrics``. ``fallback`` names by tool those to
    ask when it fails; ``pools`` limits by provider how many of its agents run at once. A tool
    that failed ``breaker_failures`` times in a row is left alone for ``breaker_rest_s`` seconds.
    ``half_life_days`` is how fast old experience fades.
    """

    strategy: str = "fixed"
    tools: tuple[str, ...] = ()
    rules: tuple[RoutingRule, ...] = ()
    fallback: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pools: Mapping[str, int] = field(default_factory=dict)
    breaker_failures: int = 3
    breaker_rest_s: float = 60.0
    half_life_days: float = 14.0


@dataclass(frozen=True, slots=True)
class BudgetConfig:
    """What agents may use; 0 for no limit. Costs are in dollars, a task is a workstream.

    ``expected_cost`` is reserved for an attempt whose cost cannot be foreseen. ``action`` says
    what a reached limit leads to: ``reduce_parallelism``, ``priority``, ``suspend`` or ``ask``.
    """

    max_cost_total: float = 0.0
    max_cost_per_phase: float = 0.0
    max_cost_per_task: float = 0.0
    tokens_per_minute: int = 0
    requests_per_minute: int = 0
    expected_cost: float = 0.0
    action: str = "suspend"


@dataclass(frozen=True, slots=True)
class PromptsConfig:
    """What agents are told beside the task.

    ``directory`` may hold templates that replace ours; ``context`` are files, or directories
    ending in a slash, that tell the repository's conventions. ``max_tokens`` is the budget of a
    prompt, 0 for what the model's window leaves.
    """

    directory: str = "prompts"
    context: tuple[str, ...] = (
        "AGENTS.md",
        "CLAUDE.md",
        "CONTRIBUTING.md",
        ".claude/context/",
    )
    max_tokens: int = 0
    strategies: tuple[str, ...] = ("prune", "summarise", "chunk")


@dataclass(frozen=True, slots=True)
class ReviewConfig:
    """When a person is asked instead of giving up: ``ladder``, ``conflict``, ``budget``, ``risk``.

    ``ladder`` and ``conflict`` ask where an agent took part; ``risk`` asks before a change of
    high risk lands. ``judge`` is the profile of an agent that judges each change whose gates are
    green, before it counts as checked; empty for none.
    """

    on: tuple[str, ...] = ("ladder", "conflict", "budget")
    judge: str = ""


@dataclass(frozen=True, slots=True)
class CaptureConfig:
    """How a tool's change is found; ``discard`` are patterns of untracked tool caches."""

    mode: str = "quick"
    discard: tuple[str, ...] = ()
    max_files: int = 200_000
    max_file_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class JournalConfig:
    """The record of a run in git, which any clone can rebuild the database from.

    ``enabled`` writes it. ``refs_prefix`` is where its refs lie on a remote: ``refs/pipeline``, or
    ``refs/heads/pipeline`` for servers that take no refs but branches and tags. ``log_bytes`` is
    how much of each tool's output goes into it.
    """

    enabled: bool = True
    remote: str = "origin"
    refs_prefix: str = "refs/pipeline"
    log_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True)
class PublishConfig:
    """How the results of a run reach GitHub.

    ``repository`` is the ``owner/name`` that may be written to, empty for what the URL of
    ``remote`` says; where both are there, they have to agree. ``api_url`` is for GitHub
    Enterprise. ``base`` is the branch that pull requests ask to be merged into, empty for the
    project's. ``pull_requests`` is ``workstream``, ``run`` or ``none``; ``draft`` is ``open``
    (while something is open), ``always`` or ``never``. At most ``max_annotations`` findings of a
    check run become annotations, the worst first.
    """

    remote: str = "origin"
    repository: str = ""
    api_url: str = ""
    base: str = ""
    pull_requests: str = "workstream"
    draft: str = "open"
    labels: tuple[str, ...] = ("pipeline",)
    checks: bool = True
    comments: bool = True
    issues: bool = True
    sarif: bool = False
    max_annotations: int = 200


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
    routing: RoutingConfig = field(default_factory=RoutingConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    prompts: PromptsConfig = field(default_factory=PromptsConfig)
    review: ReviewConfig = field(default_factory=ReviewConfig)
    journal: JournalConfig = field(default_factory=JournalConfig)
    publish: PublishConfig = field(default_factory=PublishConfig)
    retention: RetentionConfig = field(default_factory=RetentionConfig)
