"""Deployments as values: what runs in an environment, what ran before, how the last one went."""

from dataclasses import dataclass
from enum import StrEnum

from pipeline.base.locks import Owner


class DeploymentState(StrEnum):
    """Where a deployment is, or how it ended.

    ``ROLLED_BACK``: the new version was not healthy, and the old one is again. ``FAILED``: nobody
    knows that what runs there is healthy. ``INTERRUPTED``: it was stopped in the middle.
    """

    DEPLOYING = "deploying"
    ROLLING_BACK = "rolling_back"
    DEPLOYED = "deployed"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


UNDER_WAY = frozenset({DeploymentState.DEPLOYING, DeploymentState.ROLLING_BACK})
"""The states of a deployment that has not ended, or whose process died."""


@dataclass(frozen=True, slots=True)
class DeploymentStep:
    """One command of a deployment; for a health check all its attempts together.

    ``name`` is ``deploy``, ``health``, ``rollback`` or ``health_after_rollback``; ``version`` the
    one that was to run afterwards; ``log`` the file with its output, relative to the checkout.
    """

    name: str
    version: str
    is_good: bool
    attempts: int = 1
    duration_s: float = 0.0
    reason: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of a version to an environment; times are ISO 8601 in UTC.

    ``good`` is the last version that was seen healthy there, empty where none is known, and
    ``good_before`` the one before it. ``rollback_to`` is what a rollback goes to. ``unfinished``
    is the version of an earlier deployment that was cut off, so that nobody knows what it left.
    ``until`` is when a deployment that cannot be looked up is taken for dead.
    """

    environment: str
    version: str
    state: DeploymentState
    good: str = ""
    good_before: str = ""
    rollback_to: str = ""
    unfinished: str = ""
    reason: str = ""
    steps: tuple[DeploymentStep, ...] = ()
    commit: str = ""
    started_at: str = ""
    finished_at: str = ""
    until: str = ""
    owner: Owner | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended, as far as its record tells."""
        return self.state in UNDER_WAY
