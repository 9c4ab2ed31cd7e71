"""Agents as values: their settings, what they are told, what they cost, how they fail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Mode(StrEnum):
    """What an agent is asked for.

    ``PROMPT``: it edits the directory, and what it changed is captured. ``PATCH_REVIEW``: it
    judges a patch and may change nothing. ``PATCH_APPLY_VALIDATE``: it answers with a diff, which
    is validated and applied; what it did to the directory is thrown away.
    """

    PROMPT = "prompt"
    PATCH_REVIEW = "patch_review"
    PATCH_APPLY_VALIDATE = "patch_apply_validate"


class AgentFailure(StrEnum):
    """Why an agent did not do its work, as its adapter reads it from what it left."""

    MISSING = "missing"
    VERSION = "version"
    NO_CREDENTIALS = "no_credentials"
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    MODEL = "model"
    CONTEXT_TOO_LONG = "context_too_long"
    REFUSED = "refused"
    NO_EDITS = "no_edits"
    MALFORMED_EDITS = "malformed_edits"
    UNREACHABLE = "unreachable"
    SANDBOX = "sandbox"
    TIMEOUT = "timeout"
    CRASHED = "crashed"


TRANSIENT = frozenset({AgentFailure.RATE_LIMIT, AgentFailure.UNREACHABLE})
"""Failures of the surroundings that may pass by themselves: tried again after a while."""

UNFIT = frozenset(
    {
        AgentFailure.MISSING,
        AgentFailure.VERSION,
        AgentFailure.NO_CREDENTIALS,
        AgentFailure.QUOTA,
        AgentFailure.MODEL,
        AgentFailure.SANDBOX,
    }
)
"""Failures of the surroundings that only a person mends: another agent may be asked instead."""


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """How a profile's agent is to work; empty values leave the agent's own default.

    ``model`` is spelt as the agent wants it, ``provider`` as pools and prices do. ``base_url``
    and ``api_key`` are ``env:NAME`` or, for the address, text. ``context_tokens`` is the model's
    window and ``max_output_tokens`` what is kept free in it; 0 where it is not known. ``tier``
    is how capable it is taken to be (more is better), ``capabilities`` what else it is known for.
    """

    model: str = ""
    provider: str = ""
    base_url: str = ""
    api_key: str = ""
    mode: str = Mode.PROMPT.value
    edit_format: str = ""
    context_tokens: int = 0
    max_output_tokens: int = 0
    tier: int = 1
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What one attempt used. ``cost_nusd`` is in billionths of a dollar, ``None`` if not known.

    ``input_tokens`` include those read from a cache, which ``cached_tokens`` tells apart.
    ``source`` says who knows the cost: ``agent``, ``profile``, ``table`` or nobody (empty).
    """

    provider: str = ""
    model: str = ""
    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_nusd: int | None = None
    source: str = ""
    session_id: str = ""


@dataclass(frozen=True, slots=True)
class AgentOutcome:
    """What an adapter read from a run of its agent; its word only, never proof of a change.

    ``answer`` is the agent's last text, redacted and cut. ``has_nothing_to_do`` is set where it
    says so explicitly in the way that it was asked to.
    """

    usage: Usage = field(default_factory=Usage)
    failure: AgentFailure | None = None
    message: str = ""
    answer: str = ""
    has_nothing_to_do: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered prompt. ``tokens`` and ``limit`` are estimates for the model at hand.

    ``left_out`` names what did not fit or was not wanted, one sentence each; ``strategies`` are
    those that were needed (``prune``, ``summarise``, ``chunk``, ``cut``). ``part`` is which of
    ``parts`` it is where the files had to be split.
    """

    text: str
    kind: str = "edit"
    tokens: int = 0
    limit: int = 0
    left_out: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    part: int = 1
    parts: int = 1


NO_PROMPT = Prompt("")
