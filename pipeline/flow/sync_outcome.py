"""What came of a synchronisation, run by run."""

from dataclasses import dataclass
from enum import StrEnum


class Received(StrEnum):
    """What was done with what the remote has of a run; empty where it has nothing new."""

    NOTHING = ""
    NEW = "new"
    UPDATED = "updated"
    DIVERGED = "diverged"
    REFUSED = "refused"
    INCOMPLETE = "incomplete"


class Sent(StrEnum):
    """What was done on the remote; empty where it lacked nothing."""

    NOTHING = ""
    NEW = "new"
    UPDATED = "updated"
    FOLDED = "folded"
    STALE = "stale"
    REFUSED = "refused"


NOT_TAKEN = frozenset({Received.DIVERGED, Received.REFUSED, Received.INCOMPLETE})
_TROUBLE = NOT_TAKEN | {Sent.STALE, Sent.REFUSED}


@dataclass(frozen=True, slots=True)
class RunSync:
    """What happened to one run; ``detail`` is a sentence where something did not go well."""

    run_id: str
    received: Received = Received.NOTHING
    sent: Sent = Sent.NOTHING
    detail: str = ""

    @property
    def is_trouble(self) -> bool:
        """Whether somebody has to look at it."""
        return self.received in _TROUBLE or self.sent in _TROUBLE

    @property
    def is_still(self) -> bool:
        """Whether nothing was to be done."""
        return not (self.received or self.sent or self.detail)


@dataclass(frozen=True, slots=True)
class SyncReport:
    """A synchronisation with one remote (``url`` without credentials).

    ``runs`` are those to which something happened; ``same`` is how many others were looked at.
    ``left_alone`` are refs of the remote that are nothing of ours, ``to_rebuild`` the runs of
    which the database does not know all. ``problem`` is why the remote took nothing at all,
    empty where it could be talked to.
    """

    remote: str
    url: str
    refs_prefix: str
    runs: tuple[RunSync, ...] = ()
    same: int = 0
    left_alone: tuple[str, ...] = ()
    to_rebuild: tuple[str, ...] = ()
    rebuilt: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""

    @property
    def is_well(self) -> bool:
        """Whether everything that is on either side is on both."""
        return not self.problem and not any(run.is_trouble for run in self.runs)
