"""aider: asked by a file, answers by edits; exact tokens and cost come from its own event log."""

import json
import re
from pathlib import Path

from pipeline.model.agent import AgentFailure, AgentOutcome, AgentSettings, Mode, Usage
from pipeline.work.agents.protocol import AgentOutput, AgentTask, Contract, Invocation
from pipeline.work.agents.reading import (
    MESSAGE_LIMIT,
    count,
    json_lines,
    last_line,
    mapping,
    nusd,
    text_of,
)
from pipeline.work.agents.signatures import concluded, failure_in

_EVENTS = "events.jsonl"
_METADATA = "model-metadata.json"
_MESSAGE = "message.md"
_TOKENS = 1_000_000
_WINDOW = 128_000  # aider wants to know one; 0 would make it warn of every prompt
_OUTPUT = 8_192

# Nothing is committed, linted, tested, updated, fetched or reported beside the task.
_PINNED = (
    "--yes-always",
    "--no-auto-commits",
    "--no-dirty-commits",
    "--no-gitignore",
    "--no-add-gitignore-files",
    "--no-show-model-warnings",
    "--no-check-model-accepts-settings",
    "--no-check-update",
    "--no-show-release-notes",
    "--no-analytics",
    "--analytics-disable",
    "--no-pretty",
    "--no-stream",  # it then takes the server's count of tokens instead of its own estimate
    "--no-fancy-input",
    "--no-suggest-shell-commands",
    "--no-detect-urls",
    "--disable-playwright",
    "--no-auto-lint",
    "--no-auto-test",
    "--no-restore-chat-history",
    "--no-watch-files",
    "--encoding=utf-8",
    "--map-tokens=0",
    "--env-file=/dev/null",
)
_ERROR = re.compile(r"^litellm\.(?P<kind>\w+)(?::|$).*$", re.MULTILINE)
_ANSWERED = re.compile(r"^(?:Tokens: \S+ sent|Applied edit to )", re.MULTILINE)
_APPLIED = re.compile(r"^Applied edit to ", re.MULTILINE)
_MALFORMED = re.compile(
    r"^(?:Only \d+ reflections allowed|The LLM did not conform to the edit format"
    r"|# \d+ SEARCH/REPLACE blocks? failed to match)|SearchReplaceNoExactMatch",
    re.MULTILINE,
)
_EXHAUSTED = re.compile(r"^Model \S+ has hit a token limit!", re.MULTILINE)
_NOISE = re.compile(
    r"^(?:Aider v|Model: |Main model: |Weak model: |Editor model: |Git repo: |Repo-map: |Added "
    r"|Tokens: |Applied edit to |Detected dumb terminal|Update git (?:name|email) with).*$\n?",
    re.MULTILINE,
)


class Aider:
    """Drives aider in a directory, or in its ``ask`` format where it may only answer."""

    contract = Contract(
        program="aider",
        version_command=("aider", "--version"),
        versions=("0.80", "0.87"),
        credentials=(
            "OPENAI_API_KEY",
            "ANTHROPIC_API_KEY",
            "GEMINI_API_KEY",
            "DEEPSEEK_API_KEY",
            "OPENROUTER_API_KEY",
        ),
        page="docs/aider_contract.md",
    )

    def invocation(self, task: AgentTask) -> Invocation:
        """The call of aider; its keys are in the environment, its state in the task's folder."""
        settings, state = task.settings, task.state
        edit_format = settings.edit_format if task.mode is Mode.PROMPT else "ask"
        argv = [
            "aider",
            *_PINNED,
            f"--timeout={max(1, int(task.timeout_s))}",
            f"--analytics-log={state / _EVENTS}",
            f"--chat-history-file={state / 'chat.md'}",
            f"--input-history-file={state / 'input.txt'}",
            f"--llm-history-file={state / 'llm.txt'}",
            f"--config={state / 'aider.conf.yml'}",
            f"--aiderignore={state / 'aiderignore'}",
            f"--model-metadata-file={state / _METADATA}",
            f"--message-file={state / _MESSAGE}",
        ]
        if settings.model:
            argv += [f"--model={settings.model}", f"--weak-model={settings.model}"]
        if edit_format:
            argv.append(f"--edit-format={edit_format}")
        argv += [f"--file={name}" for name in task.files]
        return Invocation(
            tuple(argv),
            env={
                "HOME": str(state / "home"),
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                "PYTHONDONTWRITEBYTECODE": "1",
                "NO_COLOR": "1",
                "TERM": "dumb",
                "COLUMNS": "200",
                **_credentials(task),
            },
            files={
                # It would be taken for a command of aider's if it began with a slash.
                _MESSAGE: b"\n" + task.prompt.encode("utf-8", "backslashreplace"),
                _METADATA: json.dumps(_metadata(task), sort_keys=True).encode(),
                "aider.conf.yml": b"{}\n",
                "aiderignore": b"",
                # A price list that is there is not fetched.
                "home/.aider/caches/model_prices_and_context_window.json": b'{"-": {}}',
            },
            secrets=tuple(v for name, v in _credentials(task).items() if name.endswith("_KEY")),
        )

    def read(self, task: AgentTask, output: AgentOutput) -> AgentOutcome:
        """What it printed and logged; its exit code is 0 whatever happens, so it is not asked."""
        text = text_of(output.stdout)
        answer = _NOISE.sub("", text).strip()
        failure, message = _failure(task, output, text)
        return concluded(_usage(task, output.state / _EVENTS), failure, message, answer)


def _credentials(task: AgentTask) -> dict[str, str]:
    """Key and address as the provider's variables, which are called the same for all of them."""
    name = _provider(task.settings).upper().replace("-", "_")
    key, address = f"{name}_API_KEY", f"{name}_API_BASE"
    values = {key: task.key or task.environ.get(key, ""), address: task.base_url}
    return {name: value for name, value in values.items() if value}


def _provider(settings: AgentSettings) -> str:
    """The provider of a model as aider spells it: ``openai/gpt-4.1``, or else as configured."""
    before, slash, _ = settings.model.partition("/")
    return before if slash else settings.provider or "openai"


def _metadata(task: AgentTask) -> dict[str, object]:
    """What aider should know of the model; nothing where the profile says nothing."""
    settings, cost = task.settings, task.profile.cost
    if not settings.model or not (cost.keys() & {"input", "output"} or settings.context_tokens):
        return {}
    prices = {
        name: cost[key] / _TOKENS
        for name, key in (
            ("input_cost_per_token", "input"),
            ("cache_read_input_token_cost", "cached_input"),
            ("output_cost_per_token", "output"),
        )
        if key in cost
    }
    return {
        settings.model: {
            "max_input_tokens": settings.context_tokens or _WINDOW,
            "max_output_tokens": settings.max_output_tokens or _OUTPUT,
            "max_tokens": settings.max_output_tokens or _OUTPUT,
            "litellm_provider": _provider(settings),
            "mode": "chat",
            **prices,
        }
    }


def _usage(task: AgentTask, log: Path) -> Usage:
    """The exact sums of its own event log; what it prints is rounded."""
    try:
        data = log.read_bytes()
    except OSError:
        data = b""
    sent = [
        mapping(event.get("properties"))
        for event in json_lines(data)
        if event.get("event") == "message_send"
    ]
    cost = nusd(sent[-1].get("total_cost")) if sent else None
    return Usage(
        provider=task.settings.provider or _provider(task.settings),
        model=task.settings.model,
        requests=len(sent),
        input_tokens=sum(count(message.get("prompt_tokens")) for message in sent),
        output_tokens=sum(count(message.get("completion_tokens")) for message in sent),
        cost_nusd=cost or None,  # a cost of 0 means that it knows no price
        source="agent" if cost else "",
    )


def _failure(task: AgentTask, output: AgentOutput, text: str) -> tuple[AgentFailure | None, str]:
    """The last thing that went wrong and was not made good later in the same output."""
    error = _last(_ERROR, text)
    if error and not _ANSWERED.search(text, error.end()):
        said = error[0] + text[error.end() : error.end() + MESSAGE_LIMIT]
        return failure_in(said) or AgentFailure.CRASHED, error[0]
    if _EXHAUSTED.search(text):
        return AgentFailure.CONTEXT_TOO_LONG, "The prompt or the answer is too long for the model."
    if output.exit_code not in (0, None):
        said = text_of(output.stderr).strip() or text
        return failure_in(said) or AgentFailure.CRASHED, last_line(said)
    if task.mode is not Mode.PROMPT:
        return None, ""
    malformed = _last(_MALFORMED, text)
    if malformed and not _APPLIED.search(text, malformed.end()):
        return AgentFailure.MALFORMED_EDITS, "Its edits did not fit the files."
    if not _APPLIED.search(text):
        return AgentFailure.NO_EDITS, "It answered without an edit."
    return None, ""


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return max(pattern.finditer(text), key=lambda found: found.start(), default=None)
