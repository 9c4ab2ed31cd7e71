"""The choice of a tool as values: the task, what is known of the tools, and what was decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.model.check import ToolProfile
from pipeline.model.config import Config, RoutingConfig

AUTO = "auto"
"""The ``tool`` of a bundle whose tool the routing chooses."""

AGENT_RUNG = "agent"
"""The rung of repair whose tool the routing chooses."""


class TaskKind(StrEnum):
    """What a tool is asked for."""

    EDIT = "edit"
    FIX = "fix"
    REVIEW = "review"
    CONFLICT = "conflict"


class Strategy(StrEnum):
    """How one of several candidates is chosen."""

    FIXED = "fixed"
    ROUND_ROBIN = "round_robin"
    CHEAPEST = "cheapest"
    METRICS = "metrics"


class BreakerState(StrEnum):
    """Whether a tool is asked: yes, not for now, or once to see whether it is well again."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class RoutingTask:
    """What a tool is chosen for.

    ``languages`` are those of the files in scope, the one of most files first; ``size`` is
    ``small``, ``medium`` or ``large``, ``risk`` ``low``, ``medium`` or ``high``, ``complexity``
    from 0 to 100. ``files`` and ``bytes`` are what is in scope of the start tree.
    """

    task_id: str
    kind: TaskKind = TaskKind.EDIT
    languages: tuple[str, ...] = ()
    size: str = "small"
    files: int = 0
    bytes: int = 0
    risk: str = "low"
    complexity: int = 0
    phase: str = ""


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """What a choice depends on of one tool.

    Prices are in billionths of a dollar, for one token and for each attempt; ``None`` where no
    price is known.
    """

    id: str
    provider: str = ""
    model: str = ""
    tier: int = 1
    takes_feedback: bool = True
    input_nusd: float | None = None
    output_nusd: float | None = None
    attempt_nusd: float = 0.0


@dataclass(frozen=True, slots=True)
class Experience:
    """What past attempts of a tool at one kind of task came to.

    ``successes`` and ``failures`` are numbers of attempts weighted by age; ``cost_nusd`` (in
    billionths of a dollar, ``None`` where nobody knew) and ``duration_s`` are weighted means of
    one attempt. ``attempts`` is their plain number.
    """

    tool: str
    kind: TaskKind
    successes: float = 0.0
    failures: float = 0.0
    cost_nusd: float | None = None
    duration_s: float | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class RoutingInputs:
    """Everything that a decision depends on; it is recorded with it, so that it can be repeated.

    ``turn`` counts on with workstreams and attempts; ``failed`` are the tools that could not do
    this very task, the last one at the end. ``wanted`` is a tool that was named instead of being
    left to the routing: then ``fallback`` alone says what may be asked in its place.
    ``has_waited`` is set where all breakers were open for as long as one waits for them: then a
    tool is asked in spite of its breaker.
    """

    task: RoutingTask
    config: RoutingConfig
    tools: tuple[ToolFacts, ...]
    experience: tuple[Experience, ...] = ()
    breakers: Mapping[str, BreakerState] = field(default_factory=dict)
    turn: int = 0
    failed: tuple[str, ...] = ()
    wanted: str = ""
    has_waited: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tool that was looked at; ``passed_over`` says why it was not taken, empty for the one.

    ``score`` is what the strategy ranks by, more is better; ``None`` where it does not rank.
    """

    tool: str
    score: float | None = None
    passed_over: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Which tool is asked, empty where none is left.

    ``candidates`` are in the order in which they were considered; ``rule`` is the index of the
    rule that held, ``None`` for the general list or a tool that was named. ``instead_of`` is the
    tool that would have been asked, had it been fit. ``is_resting`` says that a tool is left which
    only its open breaker keeps from being asked.
    """

    selected: str
    strategy: Strategy
    candidates: tuple[Candidate, ...]
    reason: str
    rule: int | None = None
    instead_of: str = ""
    is_resting: bool = False


def with_fallbacks(tools: tuple[str, ...], routing: RoutingConfig) -> tuple[str, ...]:
    """These tools and all that may be asked in their place, without repetitions."""
    found = dict.fromkeys(tools)
    waiting = list(tools)
    while waiting:
        for other in routing.fallback.get(waiting.pop(0), ()):
            if other not in found:
                found[other] = None
                waiting.append(other)
    return tuple(found)


def routed_tools(routing: RoutingConfig) -> tuple[str, ...]:
    """All that the routing may choose, without what it falls back to."""
    ruled = (tool for rule in routing.rules for tool in rule.use)
    return tuple(dict.fromkeys((*routing.tools, *ruled)))


def profiles_for(tool: str, config: Config) -> tuple[ToolProfile, ...]:
    """The profiles that a bundle's ``tool`` or a rung stands for: its own, or every candidate."""
    if tool in (AUTO, AGENT_RUNG) and tool not in config.tools:
        names = routed_tools(config.routing)
    else:
        names = (tool,)
    return tuple(config.tools[name] for name in names if name in config.tools)


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What an agent is held to: seconds (``None`` for no limit) and tokens (0 if not known)."""

    timeout_s: float | None = None
    idle_timeout_s: float | None = None
    context_tokens: int = 0
    max_output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ExecutionRequest:
    """What an agent's adapter is asked in one attempt, without the words of the prompt.

    ``files`` are those in scope that are named literally and exist.
    """

    task_id: str
    step: str
    attempt_id: str
    tool: str
    adapter: str
    mode: str
    model: str
    prompt_sha256: str
    prompt_tokens: int
    files: tuple[bytes, ...] = ()
    limits: RequestLimits = RequestLimits()
