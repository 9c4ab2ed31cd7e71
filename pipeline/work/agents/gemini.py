"""Gemini CLI: asked on standard input, answers by one JSON object, or by one among its errors."""

import json
from typing import Any

from pipeline.model.agent import AgentFailure, AgentOutcome, Mode, Usage
from pipeline.work.agents.protocol import AgentOutput, AgentTask, Contract, Invocation
from pipeline.work.agents.reading import (
    count,
    last_line,
    mapping,
    text_of,
)
from pipeline.work.agents.signatures import concluded, failure_in, failure_of

_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
_EDITS = frozenset({"replace", "write_file", "edit"})
_SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    # How long to wait for a server is the engine's business.
    "general": {
        "enableAutoUpdate": False,
        "enableAutoUpdateNotification": False,
        "maxAttempts": 2,
        "retryFetchErrors": False,
    },
}


class Gemini:
    """Drives Gemini CLI with an API key; accounts want a browser."""

    contract = Contract(
        program="gemini",
        version_command=("gemini", "--version"),
        versions=("0.61", "0.62"),
        credentials=_KEYS,
        page="docs/agents/gemini.md",
    )

    def invocation(self, task: AgentTask) -> Invocation:
        """The call of Gemini CLI with the prompt on standard input."""
        is_editing = task.mode is Mode.PROMPT
        argv = [
            "gemini",
            "--output-format=json",
            "--skip-trust",
            f"--approval-mode={'auto_edit' if is_editing else 'plan'}",
            "--extensions=none",
        ]
        if task.settings.model:
            argv.append(f"--model={task.settings.model}")
        home = task.state / "home"
        given = _credentials(task)
        env = {
            "HOME": str(home),
            "TMPDIR": str(task.state / "tmp"),  # it leaves files about errors there
            "GEMINI_CLI_NO_RELAUNCH": "1",
            "GEMINI_CLI_SYSTEM_SETTINGS_PATH": str(task.state / "system.json"),
            **given,
        }
        if task.base_url:
            env["GOOGLE_GEMINI_BASE_URL"] = task.base_url
        return Invocation(
            tuple(argv),
            env=env,
            stdin=task.prompt.encode("utf-8", "backslashreplace"),
            files={
                "home/.gemini/settings.json": json.dumps(_SETTINGS).encode(),
                "system.json": b"{}",
                "tmp/.keep": b"",
            },
            secrets=tuple(given.values()),
        )

    def read(self, task: AgentTask, output: AgentOutput) -> AgentOutcome:
        """What its object says; where it failed that is the last thing among its errors."""
        told = _object(text_of(output.stdout))
        answer = str(told.get("response") or "")
        failure, message = _failure(task, output, told)
        return concluded(
            _usage(task, told or _object(text_of(output.stderr))), failure, message, answer
        )


ADAPTER = Gemini()


def _credentials(task: AgentTask) -> dict[str, str]:
    """The key as the profile names it, else the first that the environment has."""
    if task.key:
        return {_KEYS[0]: task.key}
    return next(({_KEYS[0]: task.environ[name]} for name in _KEYS if task.environ.get(name)), {})


def _object(text: str) -> dict[str, Any]:
    """The last object that begins a line and reaches to the end; empty where there is none."""
    end = text.rfind("\n}")
    begin = text.rfind("\n{\n", 0, end) + 1 if not text.startswith("{\n") else 0
    if end < 0 or not text.startswith("{", begin):
        return {}
    try:
        return mapping(json.loads(text[begin : end + 2]))
    except ValueError:
        return {}


def _failure(
    task: AgentTask, output: AgentOutput, told: dict[str, Any]
) -> tuple[AgentFailure | None, str]:
    said = text_of(output.stderr)
    error = mapping(told.get("error")) or mapping(_object(said).get("error"))
    if error or not told or output.exit_code not in (0, None):
        message = str(error.get("message") or "") or last_line(said)
        status = count(error.get("code"))
        failure = failure_of(status if status >= 400 else None, message) or failure_in(said)
        return failure or AgentFailure.CRASHED, message
    return (None, "") if task.mode is not Mode.PROMPT else _no_edits(told)


def _no_edits(told: dict[str, Any]) -> tuple[AgentFailure | None, str]:
    """Why nothing can have been edited, told from the counts of its tools; ``None`` if it can."""
    tools = mapping(mapping(mapping(told.get("stats")).get("tools")).get("byName"))
    edits = [mapping(tool) for name, tool in tools.items() if name in _EDITS]
    if not sum(count(tool.get("count")) for tool in edits):
        return AgentFailure.NO_EDITS, "It answered without an edit."
    if any(count(tool.get("success")) for tool in edits):
        return None, ""
    if any(count(mapping(tool.get("decisions")).get("reject")) for tool in edits):
        return AgentFailure.SANDBOX, "Every edit was denied."
    return AgentFailure.MALFORMED_EDITS, "None of its edits fitted the files."


def _usage(task: AgentTask, told: dict[str, Any]) -> Usage:
    """The sums over all models; it knows no cost."""
    models = mapping(mapping(told.get("stats")).get("models"))
    tokens = [mapping(mapping(model).get("tokens")) for model in models.values()]
    calls = [mapping(mapping(model).get("api")) for model in models.values()]
    return Usage(
        provider=task.settings.provider or "google",
        model=task.settings.model or next(iter(models), ""),
        requests=sum(count(call.get("totalRequests")) for call in calls),
        input_tokens=sum(count(used.get("prompt")) for used in tokens),
        cached_tokens=sum(count(used.get("cached")) for used in tokens),
        output_tokens=sum(
            count(used.get("candidates")) + count(used.get("thoughts")) for used in tokens
        ),
        session_id=str(told.get("session_id") or ""),
    )
