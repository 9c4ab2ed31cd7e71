"""What Codex is told and what it is understood to say, by output of version 0.169.0."""

import json
import tomllib

import pytest
from agent_calls import KEY, read, task

from pipeline.model.agent import AgentFailure, Mode
from pipeline.work.agents import ADAPTERS

BEGUN = ({"type": "thread.started", "thread_id": "s-1"}, {"type": "turn.started"})
DONE = {"type": "turn.completed", "usage": {"input_tokens": 2100, "output_tokens": 30}}


def item(kind: str, **fields: object) -> dict:
    return {"type": "item.completed", "item": {"type": kind, **fields}}


CHANGED = item("file_change", status="completed")
SAID = item("agent_message", text="It is fixed.")


def stream(*events: dict) -> str:
    return "".join(json.dumps(event) + "\n" for event in (*BEGUN, *events))


def log(state, *entries: dict) -> None:
    folder = state / "codex/sessions/2026/01/01"
    folder.mkdir(parents=True)
    lines = [json.dumps({"type": "event_msg", "payload": entry}) for entry in entries]
    (folder / "rollout-1.jsonl").write_text("\n".join([*lines, "{half"]))


def tokens(sent: int, cached: int, received: int) -> dict:
    last = {"input_tokens": sent, "cached_input_tokens": cached, "output_tokens": received}
    return {"type": "token_count", "info": {"last_token_usage": last}}


def test_the_call_is_pinned_and_holds_no_key(tmp_path) -> None:
    agent = {"model": "gpt-x", "context_tokens": 5000}
    made = ADAPTERS["codex"].invocation(
        task("codex", tmp_path, agent=agent, base_url='http://127.0.0.1:1/"v1')
    )
    assert made.argv[:2] == ("codex", "exec") and "--sandbox=workspace-write" in made.argv
    config = tomllib.loads(made.files["codex/config.toml"].decode())
    assert config["model"] == "gpt-x" and config["model_context_window"] == 5000
    assert config["approval_policy"] == "never" and config["analytics"] == {"enabled": False}
    assert not any(config["features"].values()) and "hooks" in config["features"]
    assert config["model_providers"]["pipeline"]["base_url"] == 'http://127.0.0.1:1/"v1'
    assert config["shell_environment_policy"]["ignore_default_excludes"] is False
    assert KEY not in str(made.argv) and KEY not in str(made.files)
    assert made.env["PIPELINE_AGENT_KEY"] == KEY and made.secrets == (KEY,)
    assert made.env["CODEX_HOME"].startswith(str(tmp_path))


def test_where_it_may_only_answer_its_sandbox_is_for_reading(tmp_path) -> None:
    made = ADAPTERS["codex"].invocation(task("codex", tmp_path, mode=Mode.PATCH_APPLY_VALIDATE))
    assert "--sandbox=read-only" in made.argv
    outcome = read("codex", tmp_path, stream(SAID, DONE), mode=Mode.PATCH_APPLY_VALIDATE)
    assert outcome.failure is None and outcome.answer == "It is fixed."


def test_tokens_are_those_of_the_session_log(tmp_path) -> None:
    log(tmp_path, tokens(900, 100, 20), {"type": "token_count"}, tokens(1200, 0, 10))
    outcome = read("codex", tmp_path, stream(CHANGED, SAID, DONE), agent={"model": "gpt-x"})
    usage = outcome.usage
    assert outcome.failure is None
    assert (usage.requests, usage.input_tokens, usage.cached_tokens) == (2, 2100, 100)
    assert usage.output_tokens == 30 and usage.cost_nusd is None
    assert (usage.provider, usage.model, usage.session_id) == ("openai", "gpt-x", "s-1")


def test_one_that_is_ended_early_has_used_what_its_log_says(tmp_path) -> None:
    log(tmp_path, tokens(900, 0, 20))
    outcome = read("codex", tmp_path, stream(), exit_code=None, ending="timeout")
    assert outcome.usage.input_tokens == 900 and outcome.failure is AgentFailure.CRASHED


def test_without_a_log_the_sums_at_its_end_count(tmp_path) -> None:
    usage = read("codex", tmp_path, stream(CHANGED, DONE)).usage
    assert (usage.requests, usage.input_tokens, usage.output_tokens) == (0, 2100, 30)


def failed(text: str) -> tuple[dict, ...]:
    return {"type": "error", "message": text}, {"type": "turn.failed", "error": {"message": text}}


BLOCKED = item("command_execution", status="failed", aggregated_output="bwrap: not permitted")


@pytest.mark.parametrize(
    ("events", "failure"),
    [
        ((CHANGED, SAID, DONE), None),
        ((item("error", message="Model metadata not found"), CHANGED, DONE), None),
        ((item("command_execution", status="failed"), DONE), None),
        ((SAID, DONE), AgentFailure.NO_EDITS),
        ((BLOCKED, SAID, DONE), AgentFailure.SANDBOX),
        ((BLOCKED, CHANGED, DONE), None),
        (failed("unexpected status 401 Unauthorized"), AgentFailure.NO_CREDENTIALS),
        (failed("exceeded retry limit, last status: 429"), AgentFailure.RATE_LIMIT),
        (failed("Quota exceeded. Check your plan and billing"), AgentFailure.QUOTA),
        (failed("your input exceeds the context window"), AgentFailure.CONTEXT_TOO_LONG),
        (failed("Connection failed: error sending request"), AgentFailure.UNREACHABLE),
        (failed("what?"), AgentFailure.CRASHED),
        (({"type": "error", "message": "Reconnecting... waiting for network"},),
         AgentFailure.UNREACHABLE),
        ((CHANGED,), AgentFailure.CRASHED),
    ],
)  # fmt: skip  # a table of streams
def test_failures_are_told_by_its_stream(tmp_path, events, failure) -> None:
    assert read("codex", tmp_path, stream(*events)).failure is failure


def test_patches_that_do_not_fit_are_found_in_its_log(tmp_path) -> None:
    said = "apply_patch verification failed: Failed to find expected lines in calc.py"
    log(tmp_path, tokens(1, 0, 1), {"type": "function_call_output", "output": said})
    outcome = read("codex", tmp_path, stream(SAID, DONE))
    assert outcome.failure is AgentFailure.MALFORMED_EDITS and "expected lines" in outcome.message


def test_an_exit_code_counts(tmp_path) -> None:
    outcome = read("codex", tmp_path, stream(CHANGED, DONE), exit_code=2, stderr="bad\nworse\n")
    assert outcome.failure is AgentFailure.CRASHED and outcome.message == "worse"


def test_nothing_to_do_is_no_failure(tmp_path) -> None:
    words = item("agent_message", text="NOTHING TO DO: it adds already.")
    outcome = read("codex", tmp_path, stream(words, DONE))
    assert outcome.failure is None and outcome.has_nothing_to_do
