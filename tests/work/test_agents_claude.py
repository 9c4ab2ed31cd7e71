"""What Claude Code is told and what it is understood to say, by output of version 2.1.197."""

import json

import pytest
from agent_calls import KEY, read, task

from pipeline.model.agent import AgentFailure, Mode
from pipeline.work.agents import ADAPTERS

INIT = {"type": "system", "subtype": "init", "session_id": "s-1", "model": "claude-x"}


def asks(number: int, name: str, sent: int = 1000, received: int = 20) -> dict:
    part = {"type": "tool_use", "id": f"t{number}", "name": name, "input": {}}
    usage = {"input_tokens": sent, "output_tokens": received, "cache_read_input_tokens": 7}
    message = {"id": f"m{number}", "model": "claude-x", "content": [part], "usage": usage}
    return {"type": "assistant", "message": message}


def gets(number: int, text: str = "ok", *, is_error: bool = False) -> dict:
    part = {"type": "tool_result", "tool_use_id": f"t{number}", "content": text}
    return {"type": "user", "message": {"content": [{**part, "is_error": is_error}]}}


def ends(text: str = "Fixed.", **fields) -> dict:
    models = {
        "claude-x": {"inputTokens": 3300, "outputTokens": 60, "cacheReadInputTokens": 100},
        "small": {"inputTokens": 10, "outputTokens": 1, "cacheCreationInputTokens": 5},
    }
    return {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "api_error_status": None,
        "result": text,
        "session_id": "s-1",
        "total_cost_usd": 0.0108,
        "modelUsage": models,
        "permission_denials": [],
        **fields,
    }


def stream(*events: dict) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


EDITED = (INIT, asks(1, "Read"), gets(1), asks(2, "Edit"), gets(2))


def test_the_call_is_pinned_and_holds_no_key(tmp_path) -> None:
    agent = {"model": "claude-x"}
    made = ADAPTERS["claude"].invocation(
        task("claude", tmp_path, agent=agent, base_url="http://127.0.0.1:1")
    )
    assert {"--permission-mode=acceptEdits", "--setting-sources=user", "--strict-mcp-config"} <= {
        *made.argv
    }
    assert "Task" not in " ".join(made.argv) and "--model=claude-x" in made.argv
    assert KEY not in " ".join(made.argv) and made.env["ANTHROPIC_API_KEY"] == KEY
    assert made.env["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:1" and made.secrets == (KEY,)
    assert made.env["HOME"].startswith(str(tmp_path)) and made.stdin == b"Do it."
    assert made.env["DISABLE_TELEMETRY"] == made.env["DISABLE_AUTOUPDATER"] == "1"


def test_without_a_named_key_it_is_given_one_of_the_environment(tmp_path) -> None:
    environ = {"CLAUDE_CODE_OAUTH_TOKEN": "token", "OPENAI_API_KEY": "another"}
    made = ADAPTERS["claude"].invocation(task("claude", tmp_path, key="", environ=environ))
    assert made.env["CLAUDE_CODE_OAUTH_TOKEN"] == "token" and "ANTHROPIC_API_KEY" not in made.env
    assert made.secrets == ("token",)


def test_where_it_may_only_answer_it_has_tools_for_reading_only(tmp_path) -> None:
    made = ADAPTERS["claude"].invocation(task("claude", tmp_path, mode=Mode.PATCH_REVIEW))
    assert "--tools=Glob,Grep,Read" in made.argv
    assert read("claude", tmp_path, stream(INIT, ends()), mode=Mode.PATCH_REVIEW).failure is None


def test_tokens_cost_and_session(tmp_path) -> None:
    outcome = read("claude", tmp_path, stream(*EDITED, ends()))
    usage = outcome.usage
    assert outcome.failure is None and outcome.answer == "Fixed."
    assert (usage.requests, usage.input_tokens, usage.cached_tokens) == (2, 3415, 100)
    assert usage.output_tokens == 61 and usage.cost_nusd == 10_800_000
    assert (usage.provider, usage.model, usage.session_id) == ("anthropic", "claude-x", "s-1")


def test_one_that_is_ended_early_has_used_what_its_messages_say(tmp_path) -> None:
    twice = (INIT, asks(1, "Read"), asks(1, "Read"), asks(2, "Edit"))
    outcome = read("claude", tmp_path, stream(*twice), exit_code=None, ending="signalled")
    assert outcome.failure is AgentFailure.CRASHED
    usage = outcome.usage
    assert (usage.requests, usage.input_tokens, usage.cached_tokens) == (2, 2014, 14)
    assert usage.output_tokens == 40 and usage.cost_nusd is None


def error(text: str, status: int | None = None) -> dict:
    return ends(text, is_error=True, api_error_status=status)


DENIED = (INIT, asks(1, "Edit"), gets(1, "needs permission", is_error=True))
MISSED = (INIT, asks(1, "Edit"), gets(1, "String to replace not found", is_error=True))


@pytest.mark.parametrize(
    ("events", "failure"),
    [
        ((*EDITED, ends()), None),
        ((INIT, asks(1, "Read"), gets(1), ends()), AgentFailure.NO_EDITS),
        ((INIT, ends()), AgentFailure.NO_EDITS),
        ((INIT, asks(1, "Bash"), gets(1), ends()), None),
        (
            (*DENIED, ends(permission_denials=[{"tool_name": "Edit", "tool_use_id": "t1"}])),
            AgentFailure.SANDBOX,
        ),
        ((*MISSED, ends()), AgentFailure.MALFORMED_EDITS),
        ((*MISSED, asks(2, "Edit"), gets(2), ends()), None),
        ((INIT, error("Failed to authenticate", 401)), AgentFailure.NO_CREDENTIALS),
        ((INIT, error("API Error: Request rejected", 429)), AgentFailure.RATE_LIMIT),
        ((INIT, error("Credit balance is too low", 400)), AgentFailure.QUOTA),
        ((INIT, error("Prompt is too long")), AgentFailure.CONTEXT_TOO_LONG),
        ((INIT, error("Unable to connect to API (ConnectionRefused)")), AgentFailure.UNREACHABLE),
        ((INIT, error("API Error", 529)), AgentFailure.UNREACHABLE),
        ((INIT, error("what?")), AgentFailure.CRASHED),
        ((INIT, ends(subtype="error_max_turns", result=None)), AgentFailure.CRASHED),
        ((INIT, ends("I will not.", stop_reason="refusal")), AgentFailure.REFUSED),
        ((), AgentFailure.CRASHED),
    ],
)
def test_failures_are_told_by_its_stream(tmp_path, events, failure) -> None:
    assert read("claude", tmp_path, stream(*events)).failure is failure


def test_nothing_to_do_is_no_failure(tmp_path) -> None:
    outcome = read("claude", tmp_path, stream(INIT, ends("NOTHING TO DO: it adds already.")))
    assert outcome.failure is None and outcome.has_nothing_to_do


def test_odd_output_is_no_error(tmp_path) -> None:
    odd = '{"type": "assistant", "message": 5}\n[1]\n{"type": "result", "modelUsage": []}\n{"a'
    assert read("claude", tmp_path, odd).failure is AgentFailure.CRASHED
