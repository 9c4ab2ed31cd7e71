"""Codex: asked on standard input, answers by JSON Lines; its session log has the exact tokens."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.model.agent import AgentFailure, AgentOutcome, Mode, Usage
from pipeline.work.agents.protocol import AgentOutput, AgentTask, Contract, Invocation
from pipeline.work.agents.reading import (
    count,
    json_lines,
    last_line,
    mapping,
    text_of,
)
from pipeline.work.agents.signatures import concluded, failure_in

_KEY = "PIPELINE_AGENT_KEY"
_KEYS = ("OPENAI_API_KEY", "CODEX_API_KEY")
_ADDRESS = "https://api.openai.com/v1"
_CHANGES = frozenset({"command_execution", "file_change", "mcp_tool_call"})
_UNFITTING = ("apply_patch verification failed", "failed to find", "invalid patch")
_BLOCKED = ("bwrap", "bubblewrap", "sandbox", "landlock", "operation not permitted")

# All that Codex would do beside the task, and what would let it wait for a network for ever.
_OFF = (
    "api_key_model_discovery",
    "apps",
    "browser_use",
    "computer_use",
    "daemon_auto_start",
    "hooks",
    "image_generation",
    "plugins",
    "skill_mcp_dependency_install",
    "unbounded_connection_retries",
)


class Codex:
    """Drives ``codex exec`` in its own sandbox, which may write below its directory only."""

    contract = Contract(
        program="codex",
        version_command=("codex", "--version"),
        versions=("0.160", "0.170"),
        credentials=_KEYS,
        page="docs/agents/codex.md",
    )

    def invocation(self, task: AgentTask) -> Invocation:
        """The call of Codex; its configuration is written, none of the person's is read."""
        state = task.state
        sandbox = "workspace-write" if task.mode is Mode.PROMPT else "read-only"
        key = task.key or next((task.environ[n] for n in _KEYS if task.environ.get(n)), "")
        return Invocation(
            (
                "codex",
                "exec",
                "--json",
                f"--sandbox={sandbox}",
                "--skip-git-repo-check",
                "--color=never",
                "--ignore-rules",
                "-",
            ),
            env={"HOME": str(state / "home"), "CODEX_HOME": str(state / "codex"), _KEY: key},
            stdin=task.prompt.encode("utf-8", "backslashreplace"),
            files={"codex/config.toml": _configuration(task).encode(), "home/.keep": b""},
            secrets=(key,) if key else (),
        )

    def read(self, task: AgentTask, output: AgentOutput) -> AgentOutcome:
        """What it printed, and what its session log says of tokens, also where it was ended."""
        events = tuple(json_lines(output.stdout))
        items = [mapping(e.get("item")) for e in events if e.get("type") == "item.completed"]
        texts = [str(item.get("text")) for item in items if item.get("type") == "agent_message"]
        answer = texts[-1] if texts else ""
        failure, message = _failure(task, output, events, items)
        return concluded(_usage(task, output.state, events), failure, message, answer)


def _configuration(task: AgentTask) -> str:
    """Its configuration file; JSON's strings and numbers are TOML's."""
    settings = task.settings
    general: dict[str, object] = {
        "model_provider": "pipeline",
        "approval_policy": "never",
        "check_for_update_on_startup": False,
        "web_search": "disabled",
        "allow_login_shell": False,
    }
    if settings.model:
        general["model"] = settings.model
    if settings.context_tokens:
        general["model_context_window"] = settings.context_tokens
    sections: dict[str, dict[str, object]] = {
        "": general,
        "analytics": {"enabled": False},
        "features": dict.fromkeys(_OFF, False),
        "history": {"persistence": "none"},
        # What the model runs is not given the key.
        "shell_environment_policy": {"inherit": "core", "ignore_default_excludes": False},
        "model_providers.pipeline": {
            "name": "pipeline",
            "base_url": task.base_url or _ADDRESS,
            "env_key": _KEY,
            "wire_api": "responses",
            "request_max_retries": 2,
            "stream_max_retries": 2,
            "stream_idle_timeout_ms": max(1, int(task.timeout_s)) * 1000,
            "supports_websockets": False,
        },
    }
    lines = []
    for name, values in sections.items():
        lines += [f"[{name}]"] if name else []
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def _failure(
    task: AgentTask,
    output: AgentOutput,
    events: tuple[dict[str, Any], ...],
    items: list[dict[str, Any]],
) -> tuple[AgentFailure | None, str]:
    kinds = [event.get("type") for event in events]
    if "turn.completed" not in kinds or "turn.failed" in kinds:
        said = _errors(events) or text_of(output.stderr).strip()
        return failure_in(said) or AgentFailure.CRASHED, last_line(said) or "It ended early."
    if output.exit_code not in (0, None):
        return AgentFailure.CRASHED, last_line(text_of(output.stderr))
    if task.mode is not Mode.PROMPT:
        return None, ""
    tried = [item for item in items if item.get("type") in _CHANGES]
    if not tried:
        # It does not print patches that do not apply, but keeps what it told the model of them.
        for text in _answers(output.state):
            if any(words in text.lower() for words in _UNFITTING):
                return AgentFailure.MALFORMED_EDITS, f"Its edits did not fit. {text}"
        return AgentFailure.NO_EDITS, "It answered without an edit."
    said = "\n".join(str(item.get("aggregated_output") or "") for item in tried)
    has_worked = any(item.get("status") == "completed" for item in tried)
    if not has_worked and any(word in said.lower() for word in _BLOCKED):
        return AgentFailure.SANDBOX, f"Its sandbox let no command run. {last_line(said)}"
    return None, ""


def _errors(events: tuple[dict[str, Any], ...]) -> str:
    """What it says of errors, the one that ended it last."""
    said = []
    for event in events:
        if event.get("type") == "turn.failed":
            said.append(str(mapping(event.get("error")).get("message")))
        elif event.get("type") == "error":
            said.append(str(event.get("message")))
    return "\n".join(said)


def _usage(task: AgentTask, state: Path, events: tuple[dict[str, Any], ...]) -> Usage:
    """The tokens of each request by the session logs, else the sums that it prints at its end."""
    counts = (entry for entry in _logged(state) if entry.get("type") == "token_count")
    used = [mapping(mapping(entry.get("info")).get("last_token_usage")) for entry in counts]
    used = [one for one in used if one]
    requests = len(used)
    if not used:
        used = [mapping(e.get("usage")) for e in events if e.get("type") == "turn.completed"]
    first: Mapping[str, Any] = next((e for e in events if e.get("type") == "thread.started"), {})
    return Usage(
        provider=task.settings.provider or "openai",
        model=task.settings.model,
        requests=requests,
        input_tokens=sum(count(one.get("input_tokens")) for one in used),
        cached_tokens=sum(count(one.get("cached_input_tokens")) for one in used),
        output_tokens=sum(count(one.get("output_tokens")) for one in used),
        session_id=str(first.get("thread_id") or ""),
    )


def _answers(state: Path) -> Iterator[str]:
    """What its tools answered to the model."""
    for entry in _logged(state):
        if str(entry.get("type")).endswith("call_output"):
            yield str(entry.get("output"))


def _logged(state: Path) -> Iterator[dict[str, Any]]:
    """The entries of its session logs."""
    for log in sorted(state.glob("codex/sessions/**/*.jsonl")):
        try:
            data = log.read_bytes()
        except OSError:
            continue
        yield from (mapping(entry.get("payload")) for entry in json_lines(data))
