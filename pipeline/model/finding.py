"""One problem in one place, normalised from any tool's output."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is; only errors and warnings count as red."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem that a tool reported.

    ``path`` is relative to the repository's root; ``line`` and ``column`` count from 1 and are 0
    where unknown. ``signature`` is ``tool::code::message`` with what varies taken out.
    """

    tool: str
    code: str
    message: str
    path: bytes | None = None
    line: int = 0
    column: int = 0
    end_line: int = 0
    severity: Severity = Severity.ERROR
    is_fixable: bool = False
    signature: str = ""
