"""Which runs ended long enough ago for a clean-up, and what is told of what is theirs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.base.clock import parse_time
from pipeline.model.config import Config
from pipeline.model.record import RunRecord
from pipeline.store.journal import is_finished
from pipeline.store.records import Records

DAY = 86_400
SPARED = 20  # what the next run would look at, and write anew


@dataclass(frozen=True, slots=True)
class CleanupRequest:
    """What may go: what ended ``older_than`` seconds ago, by default as ``retention`` says.

    ``remote`` is the remote to clean as well, empty for none. With ``is_dry`` nothing is changed.
    """

    now: float
    older_than: float | None = None
    remote: str = ""
    is_dry: bool = False


@dataclass(frozen=True, slots=True)
class Removal:
    """One thing that is old: ``reason`` is why it may go, ``why_kept`` why it stays, if it does.

    ``kind`` is ``output``, ``archive``, ``slot``, ``worktree``, ``remote_archive`` or
    ``remote_branch``.
    """

    kind: str
    name: str
    reason: str
    why_kept: str = ""


@dataclass(frozen=True, slots=True)
class OldRuns:
    """The runs that ended long enough ago, and how long that is, in words."""

    runs: Mapping[str, RunRecord]
    spared: frozenset[str]
    limit: datetime

    @classmethod
    def of(cls, records: Records, request: CleanupRequest, config: Config) -> "OldRuns":
        """Those among the stored runs; one with open reviews has not ended."""
        limit = datetime.fromtimestamp(request.now - age_of(request, config), UTC)
        runs = records.runs()
        old = {
            run.run_id: run
            for run in runs
            if run.finished_at and parse_time(run.finished_at) < limit and is_finished(records, run)
        }
        return cls(old, frozenset(run.run_id for run in runs[:SPARED]), limit)

    def reason(self, run_id: str) -> str:
        """Why something of a run may go."""
        run = self.runs[run_id]
        return f"run {run_id} ended at {run.finished_at[:10]} ({run.state})"


def age_of(request: CleanupRequest, config: Config) -> float:
    """How old things have to be, in seconds."""
    if request.older_than is not None:
        return request.older_than
    return config.retention.runs_days * DAY


def days(seconds: float) -> str:
    """A time for people."""
    return f"{seconds / DAY:.3g} days" if seconds >= DAY else f"{seconds / 3600:.3g} hours"
