"""OpenCode: asked on standard input, answers by JSON lines that say what each step used."""

import json
from collections.abc import Mapping
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

_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY")
_KEY = "PIPELINE_OPENCODE_KEY"
_PROVIDER = "gateway"
_EDITS = frozenset({"edit", "write", "patch", "apply_patch", "multiedit"})
_PLUGIN = json.dumps({"dependencies": {"@opencode-ai/plugin": "*"}}).encode()
_LOCK = json.dumps(
    {"lockfileVersion": 3, "packages": {"": {"dependencies": {"@opencode-ai/plugin": "*"}}}}
).encode()
# It installs its own plug-in kit into every folder of configuration that does not look as if
# that had been done; these look so. What slips through is told to stay offline.
_INSTALLED = {
    "config/opencode/package.json": _PLUGIN,
    "config/opencode/package-lock.json": _LOCK,
    "config/opencode/node_modules/.keep": b"",
}
_ENVIRONMENT = {
    "OPENCODE_DISABLE_PROJECT_CONFIG": "1",
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    "OPENCODE_DISABLE_SHARE": "1",
    "OPENCODE_DISABLE_CLAUDE_CODE": "1",
    "OPENCODE_DISABLE_EXTERNAL_SKILLS": "1",
    "npm_config_offline": "true",
    "npm_config_registry": "http://127.0.0.1:9/",
}


class OpenCode:
    """Drives OpenCode with a configuration of its own; that of the repository is not read."""

    contract = Contract(
        program="opencode",
        version_command=("opencode", "--version"),
        versions=("1.18", "1.19"),
        credentials=_KEYS,
        page="docs/agents/opencode.md",
    )

    def invocation(self, task: AgentTask) -> Invocation:
        """The call of OpenCode with the prompt on standard input."""
        state = task.state
        argv = ["opencode", "run", "--pure", "--format=json", "--title=task"]
        if _model(task):
            argv.append(f"--model={_model(task)}")
        given = _credentials(task)
        folders = {
            f"XDG_{name.upper()}_HOME": str(state / name)
            for name in ("data", "config", "cache", "state")
        }
        env = {
            "HOME": str(state / "home"),
            **folders,
            "OPENCODE_CONFIG": str(state / "opencode.json"),
            **_ENVIRONMENT,
            **given,
        }
        return Invocation(
            tuple(argv),
            env=env,
            stdin=task.prompt.encode("utf-8", "backslashreplace"),
            files={
                **_INSTALLED,
                "home/.keep": b"",
                "opencode.json": json.dumps(_configuration(task)).encode(),
            },
            secrets=tuple(given.values()),
        )

    def read(self, task: AgentTask, output: AgentOutput) -> AgentOutcome:
        """What its lines say; a run that failed ends with one of the type ``error``."""
        events = tuple(json_lines(output.stdout))
        texts = [str(_part(event).get("text") or "") for event in _of(events, "text")]
        answer = texts[-1] if texts else ""
        failure, message = _failure(task, output, events)
        return concluded(_usage(task, events), failure, message, answer)


ADAPTER = OpenCode()


def _model(task: AgentTask) -> str:
    """The model as OpenCode wants it: below an address, of the one provider that lives there."""
    model = task.settings.model
    return f"{_PROVIDER}/{model}" if task.base_url and model else model


def _credentials(task: AgentTask) -> dict[str, str]:
    """The key as the profile names it, else what the environment has for any provider."""
    if task.base_url:
        key = task.key or next((task.environ[n] for n in _KEYS if task.environ.get(n)), "")
        return {_KEY: key} if key else {}
    if task.key:
        named = f"{task.settings.provider.upper()}_API_KEY"
        return {named if named in _KEYS else _KEYS[0]: task.key}
    return {name: task.environ[name] for name in _KEYS if task.environ.get(name)}


def _configuration(task: AgentTask) -> dict[str, Any]:
    is_editing = task.mode is Mode.PROMPT
    denied = {"bash": "deny", "webfetch": "deny", "websearch": "deny", "external_directory": "deny"}
    made: dict[str, Any] = {
        "$schema": "https://opencode.ai/config.json",
        "autoupdate": False,
        "share": "disabled",
        "snapshot": False,
        "lsp": False,
        "formatter": False,
        "permission": {"edit": "allow" if is_editing else "deny", **denied},
    }
    if task.base_url:
        made |= {
            "enabled_providers": [_PROVIDER],
            "small_model": _model(task),
            "provider": {_PROVIDER: _gateway(task)},
        }
    return made


def _gateway(task: AgentTask) -> dict[str, Any]:
    """The provider at the profile's address; the key is read from the environment."""
    settings, cost = task.settings, task.profile.cost
    model: dict[str, Any] = {"name": settings.model, "tool_call": True}
    if "input" in cost and "output" in cost:
        cached = {"cache_read": cost["cached_input"]} if "cached_input" in cost else {}
        model["cost"] = {"input": cost["input"], "output": cost["output"], **cached}
    if settings.context_tokens:
        output = settings.max_output_tokens or settings.context_tokens // 4
        model["limit"] = {"context": settings.context_tokens, "output": output}
    return {
        "npm": "@ai-sdk/openai-compatible",
        "name": _PROVIDER,
        "options": {"baseURL": task.base_url, "apiKey": f"{{env:{_KEY}}}"},
        "models": {settings.model: model},
    }


def _provider(model: str) -> str:
    """Who serves a model: its name's beginning, else whoever speaks OpenAI's language."""
    return model.partition("/")[0] if "/" in model else "openai"


def _of(events: tuple[dict[str, Any], ...], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event.get("type") == kind]


def _part(event: Mapping[str, Any]) -> dict[str, Any]:
    return mapping(event.get("part"))


def _failure(
    task: AgentTask, output: AgentOutput, events: tuple[dict[str, Any], ...]
) -> tuple[AgentFailure | None, str]:
    told = text_of(output.stderr)
    errors = [mapping(event.get("error")) for event in _of(events, "error")]
    if errors:
        data = mapping(errors[-1].get("data"))
        said = f"{errors[-1].get('name', '')} {data.get('message', '')}".strip()
        body = str(data.get("responseBody") or "")
        status = count(data.get("statusCode")) or None
        return failure_of(status, f"{said} {body}") or AgentFailure.CRASHED, said
    if output.exit_code not in (0, None) or not _of(events, "step_finish"):
        return failure_in(told) or AgentFailure.CRASHED, last_line(told)
    return (None, "") if task.mode is not Mode.PROMPT else _no_edits(events)


def _no_edits(events: tuple[dict[str, Any], ...]) -> tuple[AgentFailure | None, str]:
    """Why nothing can have been edited, told from the calls of its tools; ``None`` if it can."""
    states = [
        mapping(part.get("state"))
        for part in map(_part, _of(events, "tool_use"))
        if part.get("tool") in _EDITS
    ]
    if not states:
        return AgentFailure.NO_EDITS, "It answered without an edit."
    if any(state.get("status") == "completed" for state in states):
        return None, ""
    said = str(states[-1].get("error") or "")
    if "permission" in said.lower() or "rule which prevents" in said:
        return AgentFailure.SANDBOX, f"Every edit was denied. {said}"
    return AgentFailure.MALFORMED_EDITS, f"None of its edits fitted the files. {said}"


def _usage(task: AgentTask, events: tuple[dict[str, Any], ...]) -> Usage:
    """The sums over its steps; it knows a cost where its configuration has prices."""
    steps = [_part(event) for event in _of(events, "step_finish")]
    tokens = [mapping(step.get("tokens")) for step in steps]
    cached = [count(mapping(used.get("cache")).get("read")) for used in tokens]
    written = [count(mapping(used.get("cache")).get("write")) for used in tokens]
    costs = [nusd(step.get("cost")) or 0 for step in steps]
    return Usage(
        provider=task.settings.provider or _provider(task.settings.model),
        model=task.settings.model,
        requests=len(steps),
        input_tokens=sum(count(u.get("input")) for u in tokens) + sum(cached) + sum(written),
        cached_tokens=sum(cached),
        output_tokens=sum(
            count(used.get("output")) + count(used.get("reasoning")) for used in tokens
        ),
        cost_nusd=sum(costs) or None,
        source="agent" if sum(costs) else "",
        session_id=next((str(e["sessionID"]) for e in events if e.get("sessionID")), ""),
    )
