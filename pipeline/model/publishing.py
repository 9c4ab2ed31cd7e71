"""What came of publishing a run, as plain values."""

from dataclasses import dataclass
from enum import StrEnum

from pipeline.model.publication import PublicationKind


class Outcome(StrEnum):
    """What came of one thing that was to be published."""

    CREATED = "created"
    UPDATED = "updated"
    CLOSED = "closed"
    UNCHANGED = "unchanged"
    LEFT_ALONE = "left_alone"
    FAILED = "failed"


class PublishStatus(StrEnum):
    """How publishing went as a whole; ``UNREACHABLE`` is where nothing answered at all."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class PublishedItem:
    """One thing and what came of it.

    ``outcome`` is ``left_alone`` where a person decided otherwise (a closed pull request), and
    ``failed`` where it is not there; ``reason`` then says why.
    """

    kind: PublicationKind
    name: str
    outcome: Outcome
    ws_id: str = ""
    number: int = 0
    url: str = ""
    commit: str = ""
    state: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What came of publishing a run; ``degraded`` says what was done in a lesser way."""

    run_id: str
    repository: str
    api_url: str
    is_dry_run: bool
    status: PublishStatus
    items: tuple[PublishedItem, ...] = ()
    degraded: tuple[str, ...] = ()
    format: int = 1
