"""How states, gates and findings look on GitHub: one sign and one order, wherever they stand."""

from collections.abc import Iterable, Mapping, Sequence

from pipeline.base.console import count
from pipeline.model.finding import Finding, Severity
from pipeline.model.money import dollars
from pipeline.model.patch import Patch
from pipeline.model.states import RunState, WorkstreamState
from pipeline.report.appearance import words
from pipeline.report.github import escape
from pipeline.report.github.gates import LANDING, GateAnswer, GateState
from pipeline.report.markdown import table
from pipeline.store.spending import Total

_W, _R, _G = WorkstreamState, RunState, GateState

_STATES: Mapping[str, str] = {
    _W.DONE: "✅",
    _W.CHECKED: "☑️",
    _W.MERGING: "🔀",
    _W.AWAITING_REVIEW: "🙋",
    _W.FAILED: "❌",
    _W.QUARANTINED: "🚫",
    _W.BLOCKED: "⛔",
    _W.ABANDONED: "⚪",
    _W.PENDING: "⏳",
    _W.READY: "⏳",
    _R.COMPLETED: "✅",
    _R.PARTIAL: "🟡",
    _R.FAILED: "❌",
    _R.INTERRUPTED: "⏸️",
    _R.CANCELLED: "⏹️",
}

_GATES: Mapping[GateState, tuple[str, str]] = {
    _G.PASSED: ("✅", "green"),
    _G.FAILED: ("❌", "red"),
    _G.TIMED_OUT: ("⏱️", "ran out of time"),
    _G.UNKNOWN: ("⚠️", "cannot tell"),
    _G.FAULT: ("🔧", "could not run (infrastructure)"),
    _G.CANCELLED: ("⏹️", "cancelled"),
    _G.AWAITING: ("🙋", "awaits a person"),
}

_CHECKS = {"passed": _G.PASSED, "failed": _G.FAILED, "unknown": _G.UNKNOWN}

_SEVERITIES: Mapping[Severity, str] = {
    Severity.ERROR: "❌",
    Severity.WARNING: "⚠️",
    Severity.INFO: "ℹ️",  # noqa: RUF001 - the sign for information
}
_WORST_FIRST = tuple(_SEVERITIES)


def state(value: str) -> str:
    """A state of a run or a workstream with its sign: ``✅ done``."""
    return f"{_STATES.get(value, '🔄')} {words(value)}"


def gate_state(value: GateState) -> str:
    """What a gate says, with its sign: ``✅ green``."""
    return " ".join(_GATES[value])


def gate_signs(answers: Iterable[GateAnswer]) -> str:
    """What the gates of a tree say, as one sign each: ``✅❌``; landing is told by the state."""
    return "".join(_GATES[one.state][0] for one in answers if one.gate != LANDING)


def gate_words(value: GateState) -> str:
    """What a gate says: ``green``."""
    return _GATES[value][1]


def check_state(said: str) -> GateState:
    """What a single check said, as stored; what we do not know is no pass."""
    return _CHECKS.get(said, _G.FAULT)


def sign(value: GateState) -> str:
    """The sign of what a gate says."""
    return _GATES[value][0]


def cost(spent: Total) -> str:
    """What agents cost: ``$0.0123``; empty where none was at work."""
    if not spent.attempts:
        return ""
    if spent.unknown == spent.attempts:
        return f"{count(spent.attempts, 'attempt')} of unknown cost"
    return dollars(spent.cost_nusd) + (f" and {spent.unknown} unknown" if spent.unknown else "")


def lines(patch: Patch) -> str:
    """How large a patch is: ``+3 -1 lines``."""
    return f"+{patch.added:,} -{patch.removed:,} lines"


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by severity, the worst first, then by place; each once."""
    return sorted(
        dict.fromkeys(findings),
        key=lambda f: (_WORST_FIRST.index(f.severity), f.path or b"", f.line, f.column, f.code),
    )


def place(finding: Finding) -> str:
    """Where a finding is, as text: ``src/a.py:3``; empty where it is nowhere."""
    if finding.path is None:
        return ""
    where = finding.path.decode("utf-8", "backslashreplace")
    return f"{where}:{finding.line}" if finding.line else where


def findings_table(findings: Sequence[Finding], limit: int) -> list[str]:
    """At most ``limit`` findings as a table, the worst first, the rest counted."""
    if not findings:
        return []
    ordered = worst_first(findings)
    lines = table(
        ["", "where", "rule", "what"],
        [
            [
                _SEVERITIES[f.severity],
                escape.code(place(f), 160),
                escape.code(" ".join(filter(None, (f.tool, f.code))), 80),
                escape.text(f.message, 300),
            ]
            for f in ordered[:limit]
        ],
    )
    if len(ordered) > limit:
        lines += ["", f"*… and {count(len(ordered) - limit, 'more finding')}.*"]
    return lines
