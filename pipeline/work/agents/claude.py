"""Claude Code: asked on standard input, answers by a stream of JSON that says what was done."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.model.agent import AgentFailure, AgentOutcome, Mode, Usage
from pipeline.work.agents.protocol import AgentOutput, AgentTask, Contract, Invocation
from pipeline.work.agents.reading import (
    count,
    json_lines,
    last_line,
    mapping,
    nusd,
    text_of,
)
from pipeline.work.agents.signatures import concluded, failure_in, failure_of

_TURNS = 100  # more than a task that fits a prompt needs; one that runs in circles ends here
_EDITS = frozenset({"Edit", "MultiEdit", "Write", "NotebookEdit"})
_MAY_CHANGE = _EDITS | {"Bash"}
_READING = "Glob,Grep,Read"
_TOOLS = f"Bash,Edit,{_READING},NotebookEdit,Write"  # no schedules, worktrees, agents, or network
_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")

# No settings, hooks, servers or commands of the repository's; nothing is fetched or reported.
_PINNED = (
    "--print",
    "--output-format=stream-json",
    "--verbose",
    "--no-session-persistence",
    "--setting-sources=user",
    "--strict-mcp-config",
    "--disable-slash-commands",
    "--no-chrome",
    f"--max-turns={_TURNS}",
)
_ENVIRONMENT = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_BUG_COMMAND": "1",
    "CLAUDE_CODE_MAX_RETRIES": "2",  # how long to wait for a server is the engine's business
}


class Claude:
    """Drives Claude Code, which may edit below its directory and run nothing that asks."""

    contract = Contract(
        program="claude",
        version_command=("claude", "--version"),
        versions=("2.1", "2.2"),
        credentials=_KEYS,
        page="docs/agents/claude.md",
    )

    def invocation(self, task: AgentTask) -> Invocation:
        """The call of Claude Code with the prompt on standard input."""
        state = task.state
        argv = ["claude", *_PINNED]
        if task.mode is Mode.PROMPT:
            argv += ["--permission-mode=acceptEdits", f"--tools={_TOOLS}"]
        else:
            argv += ["--permission-mode=dontAsk", f"--tools={_READING}"]
        if task.settings.model:
            argv.append(f"--model={task.settings.model}")
        env = {
            **_ENVIRONMENT,
            "HOME": str(state / "home"),
            "CLAUDE_CONFIG_DIR": str(state / "config"),
            "API_TIMEOUT_MS": str(max(1, int(task.timeout_s)) * 1000),
            **_credentials(task),
        }
        if task.base_url:
            env["ANTHROPIC_BASE_URL"] = task.base_url
        return Invocation(
            tuple(argv),
            env=env,
            stdin=task.prompt.encode("utf-8", "backslashreplace"),
            secrets=tuple(_credentials(task).values()),
        )

    def read(self, task: AgentTask, output: AgentOutput) -> AgentOutcome:
        """What its stream says; a result may say ``success`` and still be an error."""
        events = tuple(json_lines(output.stdout))
        results = [event for event in events if event.get("type") == "result"]
        result = results[-1] if results else {}
        answer = str(result.get("result") or "") or _last_text(events)
        failure, message = _failure(task, output, events, result)
        return concluded(_usage(task, events, result), failure, message, answer)


def _credentials(task: AgentTask) -> dict[str, str]:
    """The key as the profile names it, else the first that the environment has."""
    if task.key:
        return {_KEYS[0]: task.key}
    return next(({name: task.environ[name]} for name in _KEYS if task.environ.get(name)), {})


def _failure(
    task: AgentTask,
    output: AgentOutput,
    events: tuple[dict[str, Any], ...],
    result: Mapping[str, Any],
) -> tuple[AgentFailure | None, str]:
    if not result:
        said = text_of(output.stderr).strip() or text_of(output.stdout)
        return failure_in(text_of(output.stderr)) or AgentFailure.CRASHED, last_line(said)
    said = str(result.get("result") or "; ".join(map(str, result.get("errors") or ())))
    if result.get("stop_reason") == "refusal":
        return AgentFailure.REFUSED, said
    if result.get("is_error") or result.get("subtype") != "success":
        status = count(result.get("api_error_status")) or None
        said = said or str(result.get("subtype"))
        return failure_of(status, said) or AgentFailure.CRASHED, said
    if output.exit_code not in (0, None):
        return AgentFailure.CRASHED, last_line(text_of(output.stderr)) or said
    if task.mode is not Mode.PROMPT:
        return None, ""
    return _no_edits(events, result)


def _no_edits(
    events: tuple[dict[str, Any], ...], result: Mapping[str, Any]
) -> tuple[AgentFailure | None, str]:
    """Why nothing can have been edited, told from the calls of its tools; ``None`` if it can."""
    tried = {
        str(part.get("id")): str(part.get("name"))
        for part in _parts(events, "assistant", "tool_use")
        if part.get("name") in _MAY_CHANGE
    }
    if not tried:
        return AgentFailure.NO_EDITS, "It answered without an edit."
    answers = {str(part.get("tool_use_id")): part for part in _parts(events, "user", "tool_result")}
    if any(not answers.get(call, {}).get("is_error", False) for call in tried):
        return None, ""
    denied = {mapping(d).get("tool_use_id") for d in result.get("permission_denials") or ()}
    last = str(answers[max(tried, key=list(tried).index)].get("content"))
    if all(call in denied for call in tried):
        return AgentFailure.SANDBOX, f"Every edit was denied. {last}"
    return AgentFailure.MALFORMED_EDITS, f"None of its edits fitted the files. {last}"


def _parts(events: Iterable[Mapping[str, Any]], kind: str, part: str) -> list[dict[str, Any]]:
    """The parts of one type in all messages of one kind."""
    found = []
    for event in events:
        content = mapping(event.get("message")).get("content")
        if event.get("type") == kind and isinstance(content, list):
            found += [mapping(p) for p in content if mapping(p).get("type") == part]
    return found


def _last_text(events: tuple[dict[str, Any], ...]) -> str:
    """What it said last, where it was ended before its result."""
    texts = [str(part.get("text")) for part in _parts(events, "assistant", "text")]
    return texts[-1] if texts else ""


def _usage(task: AgentTask, events: tuple[dict[str, Any], ...], result: Mapping[str, Any]) -> Usage:
    """The sums of its result over all models; of its messages where it did not come so far."""
    first: Mapping[str, Any] = next((e for e in events if e.get("subtype") == "init"), {})
    messages = {
        str(message.get("id")): mapping(message.get("usage"))
        for message in (mapping(e.get("message")) for e in events if e.get("type") == "assistant")
        if message.get("model") != "<synthetic>"  # its own words about an error
    }
    models = [mapping(used) for used in mapping(result.get("modelUsage")).values()]
    if models:
        sent, read, made, received = (
            sum(count(used.get(name)) for used in models)
            for name in (
                "inputTokens",
                "cacheReadInputTokens",
                "cacheCreationInputTokens",
                "outputTokens",
            )
        )
    else:
        sent, read, made, received = (
            sum(count(used.get(name)) for used in messages.values())
            for name in (
                "input_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
                "output_tokens",
            )
        )
    cost = nusd(result.get("total_cost_usd"))
    return Usage(
        provider=task.settings.provider or "anthropic",
        model=task.settings.model or str(first.get("model") or ""),
        requests=len(messages),
        input_tokens=sent + read + made,
        cached_tokens=read,
        output_tokens=received,
        cost_nusd=cost or None,
        source="agent" if cost else "",
        session_id=str(result.get("session_id") or first.get("session_id") or ""),
    )
