"""What repairing a failed CI run came to, as a value."""

from dataclasses import dataclass
from enum import StrEnum


class CiFixOutcome(StrEnum):
    """How it ended.

    ``NOTHING``: the log has no finding about a file of the tree, or all of them are in protected
    files. ``REFUSED``: going on could become a loop. ``ELSEWHERE``: the check that failed there
    is green here, so there is nothing to repair by it.
    """

    FIXED = "fixed"
    PARTLY = "partly"
    UNFIXED = "unfixed"
    NOTHING = "nothing"
    ELSEWHERE = "elsewhere"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CiFix:
    """How many findings the failing check had at ``commit``, and how many are gone.

    ``logged`` are those that the log shows, ``found`` those that the check has here, counted by
    signature; ``fix_rate`` is ``fixed`` of ``found``. ``files`` is the scope, ``refused_files``
    what was left out because only a person may change it. ``is_fork`` is whether the branch lies
    in another repository, which can only be given a patch.
    """

    outcome: CiFixOutcome
    reason: str
    commit: str
    workflow_run: int = 0
    run_id: str = ""
    workstream: str = ""
    branch: str = ""
    logged: int = 0
    found: int = 0
    fixed: int = 0
    fix_rate: float = 0.0
    checks: tuple[str, ...] = ()
    files: tuple[bytes, ...] = ()
    refused_files: tuple[bytes, ...] = ()
    is_fork: bool = False
    is_log_cut: bool = False
