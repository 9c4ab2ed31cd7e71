"""What a program that is no agent is told: the task in words, and feedback as JSON."""

import json
from typing import Any

from pipeline.model.edit import Feedback
from pipeline.model.finding import Finding
from pipeline.model.workstream import Workstream

_FINDINGS = 100
_DIFF = 200_000


def prompt(ws: Workstream, feedback: Feedback | None = None) -> str:
    """The task in words, in Markdown; with feedback, what was wrong with the last attempt."""
    parts = [f"# {ws.title or ws.id}"]
    if ws.description:
        parts.append(ws.description.strip())
    parts += _listed("Tasks", ws.tasks)
    parts += _listed("You may change or delete", ws.files_scope)
    parts += _listed("You may create", ws.files_create)
    parts += _listed("These must pass", [str(check.name) for check in ws.acceptance_tests])
    parts.append("Change nothing else. Do not commit: what lies in the directory is what counts.")
    if feedback is not None:
        parts += _told(feedback)
    return "\n\n".join(parts) + "\n"


def _listed(title: str, items: Any) -> list[str]:
    return [f"## {title}\n\n" + "\n".join(f"- {item}" for item in items)] if items else []


def _told(feedback: Feedback) -> list[str]:
    parts = [f"## Attempt {feedback.attempt} was not accepted\n\n{feedback.reason}"]
    parts += _listed("Findings", [_line(one) for one in feedback.findings[:_FINDINGS]])
    parts += _listed("Earlier attempts", feedback.earlier)
    if feedback.last_diff:
        parts.append(_quoted("What you had changed", feedback.last_diff))
    if feedback.conflict:
        parts.append(_quoted("Conflicting changes", feedback.conflict))
    return parts


def _quoted(title: str, data: bytes) -> str:
    text = data[:_DIFF].decode("utf-8", "backslashreplace")
    body = "\n".join(f"    {line}" for line in text.splitlines())
    return f"## {title}\n\n{body}"


def _line(finding: Finding) -> str:
    values = feedback_values(finding)
    return ": ".join(str(value) for value in values.values() if value)


def feedback_values(finding: Finding) -> dict[str, Any]:
    """A finding as a tool sees it."""
    names = ("path", "line", "tool", "code", "message")
    values = {name: getattr(finding, name, None) for name in names}
    path = values["path"]
    if isinstance(path, bytes):
        values["path"] = path.decode("utf-8", "backslashreplace")
    return values


def feedback_json(feedback: Feedback | None) -> str:
    """Feedback for a program: an object, empty at the first attempt."""
    if feedback is None:
        return "{}\n"
    value = {
        "attempt": feedback.attempt,
        "reason": feedback.reason,
        "earlier": list(feedback.earlier),
        "findings": [feedback_values(one) for one in feedback.findings],
        "last_diff": feedback.last_diff.decode("utf-8", "backslashreplace"),
        "conflict": feedback.conflict.decode("utf-8", "backslashreplace"),
    }
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
