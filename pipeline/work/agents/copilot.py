"""GitHub Copilot CLI: asked on standard input, answers by JSON lines and a file of what it used."""

from collections.abc import Mapping
from typing import Any

from pipeline.model.agent import AgentFailure, AgentOutcome, Mode, Usage
from pipeline.work.agents.protocol import AgentOutput, AgentTask, Contract, Invocation
from pipeline.work.agents.reading import (
    count,
    json_lines,
    mapping,
    text_of,
)
from pipeline.work.agents.signatures import concluded, failure_in, failure_of

_TOKENS = ("COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN")
_KEY = "COPILOT_PROVIDER_API_KEY"
_USAGE = "usage.json"
_PROVIDERS = frozenset({"openai", "azure", "anthropic"})
_EDITS = frozenset({"edit", "create", "str_replace", "str_replace_editor", "apply_patch"})

# It runs no shell, asks nobody, reads nothing of the repository's that would steer it, and
# neither updates itself nor reports to anyone.
_PINNED = (
    "--output-format=json",
    "--stream=off",
    "--no-color",
    "--no-auto-update",
    "--no-ask-user",
    "--no-custom-instructions",
    "--disable-builtin-mcps",
    "--disable-client-telemetry",
    "--no-remote",
    "--no-remote-export",
    "--disallow-temp-dir",
    "--log-level=none",
    "--allow-all-tools",  # without it nothing is allowed where nobody can be asked
    "--deny-tool=shell",
    "--deny-tool=url",
)


class Copilot:
    """Drives Copilot with an account of GitHub's, or with a provider's key and address."""

    contract = Contract(
        program="copilot",
        version_command=("copilot", "--version"),
        versions=("1.0", "1.1"),
        credentials=(*_TOKENS, _KEY),
        page="docs/agents/copilot.md",
    )

    def invocation(self, task: AgentTask) -> Invocation:
        """The call of Copilot with the prompt on standard input."""
        argv = ["copilot", *_PINNED, f"--usage-output-file={task.state / _USAGE}"]
        if task.mode is not Mode.PROMPT:
            argv.append("--deny-tool=write")
        given = _credentials(task)
        env = {
            "HOME": str(task.state / "home"),
            "COPILOT_HOME": str(task.state / "copilot"),
            "COPILOT_AUTO_UPDATE": "false",
            **given,
            **_provider(task),
        }
        if task.settings.model:
            env["COPILOT_MODEL"] = task.settings.model
        return Invocation(
            tuple(argv),
            env=env,
            stdin=task.prompt.encode("utf-8", "backslashreplace"),
            secrets=tuple(given.values()),
        )

    def read(self, task: AgentTask, output: AgentOutput) -> AgentOutcome:
        """What its lines say; the last one is of the type ``result`` where it came so far."""
        events = tuple(json_lines(output.stdout))
        texts = [str(_data(e).get("content") or "") for e in _of(events, "assistant.message")]
        answer = next((text for text in reversed(texts) if text.strip()), "")
        failure, message = _failure(task, output, events)
        return concluded(_usage(task, output, events), failure, message, answer)


ADAPTER = Copilot()


def _credentials(task: AgentTask) -> dict[str, str]:
    """The key as the profile names it, else the first that the environment has."""
    if task.key:
        return {_KEY if task.base_url else _TOKENS[0]: task.key}
    names = (_KEY,) if task.base_url else _TOKENS
    return next(({name: task.environ[name]} for name in names if task.environ.get(name)), {})


def _provider(task: AgentTask) -> dict[str, str]:
    """With an address nothing but that address is talked to."""
    if not task.base_url:
        return {}
    settings, named = task.settings, task.settings.provider
    limits = {
        "COPILOT_PROVIDER_MAX_PROMPT_TOKENS": settings.context_tokens - settings.max_output_tokens,
        "COPILOT_PROVIDER_MAX_OUTPUT_TOKENS": settings.max_output_tokens,
    }
    return {
        **{name: str(number) for name, number in limits.items() if number > 0},
        "COPILOT_OFFLINE": "true",
        "COPILOT_PROVIDER_BASE_URL": task.base_url,
        "COPILOT_PROVIDER_TYPE": named if named in _PROVIDERS else "openai",
    }


def _of(events: tuple[dict[str, Any], ...], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event.get("type") == kind]


def _data(event: Mapping[str, Any]) -> dict[str, Any]:
    return mapping(event.get("data"))


def _failure(
    task: AgentTask, output: AgentOutput, events: tuple[dict[str, Any], ...]
) -> tuple[AgentFailure | None, str]:
    result = next(iter(_of(events, "result")[-1:]), {})
    errors = [_data(event) for event in _of(events, "session.error")]
    told = text_of(output.stderr)
    if not result or output.exit_code not in (0, None) or count(result.get("exitCode")):
        said = " ".join(str(error.get("message") or "") for error in errors) or told
        status = next((count(e.get("statusCode")) for e in errors if e.get("statusCode")), None)
        return failure_of(status, said) or failure_in(told) or AgentFailure.CRASHED, " ".join(
            said.split()
        )
    return (None, "") if task.mode is not Mode.PROMPT else _no_edits(events)


def _no_edits(events: tuple[dict[str, Any], ...]) -> tuple[AgentFailure | None, str]:
    """Why nothing can have been edited, told from the calls of its tools; ``None`` if it can."""
    tried = {
        str(data.get("toolCallId"))
        for data in map(_data, _of(events, "tool.execution_start"))
        if data.get("toolName") in _EDITS
    }
    if not tried:
        return AgentFailure.NO_EDITS, "It answered without an edit."
    ended = [
        data
        for data in map(_data, _of(events, "tool.execution_complete"))
        if str(data.get("toolCallId")) in tried
    ]
    if not ended or any(data.get("success") for data in ended):
        return None, ""
    error = mapping(ended[-1].get("error"))
    said = str(error.get("message") or "")
    if error.get("code") in ("denied", "rejected"):
        return AgentFailure.SANDBOX, f"Every edit was denied. {said}"
    return AgentFailure.MALFORMED_EDITS, f"None of its edits fitted the files. {said}"


def _usage(task: AgentTask, output: AgentOutput, events: tuple[dict[str, Any], ...]) -> Usage:
    """What its file says of each model; it prints tokens nowhere else and knows no cost."""
    try:
        told = (output.state / _USAGE).read_bytes()
    except OSError:
        told = b""
    written = next(json_lines(told.replace(b"\n", b" ")), {})
    models = mapping(written.get("modelMetrics"))
    used = [mapping(mapping(model).get("usage")) for model in models.values()]
    requests = [mapping(mapping(model).get("requests")) for model in models.values()]
    result = next(iter(_of(events, "result")[-1:]), {})
    return Usage(
        provider=task.settings.provider or ("openai" if task.base_url else "github"),
        model=task.settings.model or next(iter(models), ""),
        requests=sum(count(number.get("count")) for number in requests),
        input_tokens=sum(count(one.get("inputTokens")) for one in used),
        cached_tokens=sum(count(one.get("cacheReadTokens")) for one in used),
        output_tokens=sum(count(one.get("outputTokens")) for one in used),
        session_id=str(result.get("sessionId") or ""),
    )
