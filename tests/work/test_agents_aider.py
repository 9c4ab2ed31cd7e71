"""What aider is told and what it is understood to say, by output of aider 0.86.2."""

import json

import pytest
from agent_calls import KEY, read, task

from pipeline.model.agent import AgentFailure, Mode
from pipeline.work.agents import ADAPTERS

HEAD = """Aider v0.86.2
Model: openai/mock-model with diff edit format
Git repo: .git with 1 files
Repo-map: disabled
Added calc.py to the chat.

"""
DONE = HEAD + (
    "I will fix the operator.\n\nTokens: 1.2k sent, 45 received. "
    "Cost: $0.0028 message, $0.0028 session.\nApplied edit to calc.py\n"
)
TALK = HEAD + "It should be a plus.\n\nTokens: 700 sent, 70 received.\n"


def events(state, *messages) -> None:
    lines = [{"event": "launched", "properties": {}}, "no JSON"]
    total = 0.0
    for sent, received, cost in messages:
        total += cost
        counts = {"prompt_tokens": sent, "completion_tokens": received, "total_cost": total}
        lines.append({"event": "message_send", "properties": counts})
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (state / "events.jsonl").write_text(text)


def test_the_call_is_pinned_and_holds_no_key(tmp_path) -> None:
    made = ADAPTERS["aider"].invocation(
        task(
            "aider",
            tmp_path,
            files=("calc.py", "./-x.py"),
            base_url="http://127.0.0.1:1/v1",
            agent={"model": "openai/m", "edit_format": "diff", "context_tokens": 1000},
            cost={"input": 2.0, "output": 8.0, "cached_input": 0.5},
        )
    )
    for flag in ("--no-auto-commits", "--no-auto-lint", "--analytics-disable", "--no-check-update"):
        assert flag in made.argv
    assert {"--file=calc.py", "--file=./-x.py", "--edit-format=diff"} <= set(made.argv)
    assert KEY not in " ".join(made.argv) and made.env["OPENAI_API_KEY"] == KEY
    assert made.env["OPENAI_API_BASE"] == "http://127.0.0.1:1/v1" and KEY in made.secrets
    known = json.loads(made.files["model-metadata.json"])["openai/m"]
    assert known["input_cost_per_token"] == 2e-06 and known["max_input_tokens"] == 1000
    assert known["cache_read_input_token_cost"] == 5e-07
    for argument in made.argv:
        if "file=" in argument and not argument.startswith(("--file=", "--env-file=")):
            assert str(tmp_path) in argument


def test_a_prompt_is_never_taken_for_a_command(tmp_path) -> None:
    made = ADAPTERS["aider"].invocation(task("aider", tmp_path, prompt="/run rm -r ."))
    assert made.files["message.md"] == b"\n/run rm -r ."


def test_keys_go_by_the_name_of_the_model_s_provider(tmp_path) -> None:
    agent = {"model": "anthropic/claude"}
    made = ADAPTERS["aider"].invocation(task("aider", tmp_path, agent=agent))
    assert made.env["ANTHROPIC_API_KEY"] == KEY and "OPENAI_API_KEY" not in made.env
    own = {"ANTHROPIC_API_KEY": "of-the-person", "OPENAI_API_KEY": "not for this model"}
    made = ADAPTERS["aider"].invocation(task("aider", tmp_path, agent=agent, key="", environ=own))
    assert made.env["ANTHROPIC_API_KEY"] == "of-the-person" and "OPENAI_API_KEY" not in made.env
    assert made.secrets == ("of-the-person",)


def test_where_it_may_only_answer_it_is_asked_only(tmp_path) -> None:
    agent = {"edit_format": "diff"}
    made = ADAPTERS["aider"].invocation(
        task("aider", tmp_path, agent=agent, mode=Mode.PATCH_REVIEW)
    )
    assert "--edit-format=ask" in made.argv
    assert read("aider", tmp_path, TALK, mode=Mode.PATCH_REVIEW).failure is None


def test_tokens_and_cost_are_exact(tmp_path) -> None:
    events(tmp_path, (1234, 45, 0.002828), (100, 5, 0.00024))
    usage = read("aider", tmp_path, DONE, agent={"model": "openai/m"}).usage
    assert (usage.requests, usage.input_tokens, usage.output_tokens) == (2, 1334, 50)
    assert usage.cost_nusd == 3_068_000 and usage.source == "agent"
    assert (usage.provider, usage.model) == ("openai", "openai/m")


def test_no_price_is_not_a_price_of_nothing(tmp_path) -> None:
    events(tmp_path, (100, 5, 0.0))
    usage = read("aider", tmp_path, DONE).usage
    assert usage.cost_nusd is None and usage.source == "" and usage.input_tokens == 100
    assert read("aider", tmp_path / "none", DONE).usage.requests == 0


LIMITED = "litellm.RateLimitError: RateLimitError: OpenAIException - Rate limit reached\n"


@pytest.mark.parametrize(
    ("stdout", "failure"),
    [
        (DONE, None),
        (TALK, AgentFailure.NO_EDITS),
        (HEAD, AgentFailure.NO_EDITS),
        (
            HEAD + "litellm.AuthenticationError: AuthenticationError: OpenAIException - no\n",
            AgentFailure.NO_CREDENTIALS,
        ),
        (HEAD + LIMITED + "Retrying in 0.2 seconds...\n", AgentFailure.RATE_LIMIT),
        (HEAD + LIMITED + DONE, None),
        (DONE + LIMITED, AgentFailure.RATE_LIMIT),
        (
            HEAD + "litellm.InternalServerError: InternalServerError: Connection error.\n",
            AgentFailure.UNREACHABLE,
        ),
        (
            HEAD + "litellm.BadRequestError: OpenAIException - maximum context length is 8192\n",
            AgentFailure.CONTEXT_TOO_LONG,
        ),
        (HEAD + "litellm.BadRequestError: what?\n", AgentFailure.CRASHED),
        (HEAD + "I know of litellm.RateLimitError: no.\n" + DONE, None),
        (
            HEAD + "# 1 SEARCH/REPLACE block failed to match!\nOnly 3 reflections allowed, stop\n",
            AgentFailure.MALFORMED_EDITS,
        ),
        (HEAD + "# 1 SEARCH/REPLACE block failed to match!\n" + DONE, None),
        ("Model m has hit a token limit!\n", AgentFailure.CONTEXT_TOO_LONG),
    ],
)
def test_failures_are_told_by_what_it_prints(tmp_path, stdout, failure) -> None:
    assert read("aider", tmp_path, stdout).failure is failure


def test_it_crashes_with_an_exit_code(tmp_path) -> None:
    outcome = read("aider", tmp_path, HEAD, stderr="Traceback\nKeyError: 'x'\n", exit_code=1)
    assert outcome.failure is AgentFailure.CRASHED and outcome.message == "KeyError: 'x'"


def test_nothing_to_do_is_no_failure(tmp_path) -> None:
    outcome = read("aider", tmp_path, HEAD + "NOTHING TO DO: it adds already.\n")
    assert outcome.failure is None and outcome.has_nothing_to_do
    assert outcome.answer == "NOTHING TO DO: it adds already."
