"""What Copilot, Gemini CLI and OpenCode really printed is read as what really happened."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.model.agent import AgentFailure as F
from pipeline.model.agent import AgentOutcome, AgentSettings, Mode
from pipeline.model.check import ToolProfile
from pipeline.work.agents import ADAPTERS, AgentOutput, AgentTask

# Recorded in front of a scripted model that always said 1000 tokens sent, 50 or 10 received.
RECORDED = Path(__file__).parent / "agents_output"
AGENTS = ("copilot", "gemini", "opencode")


def task(agent: str, mode: Mode = Mode.PROMPT) -> AgentTask:
    settings = AgentSettings(model="m", provider="p")
    return AgentTask(
        profile=ToolProfile(agent, driver=agent, agent=settings),
        mode=mode,
        prompt="Fix add.",
        prompt_file=Path("/state/prompt.md"),
        directory=Path("/checkout"),
        state=Path("/state"),
    )


def recorded(agent: str, case: str) -> AgentOutput:
    folder = RECORDED / f"{agent}-{case}"
    ending, code = (folder / "ending").read_text().split()
    out, err = (folder / "stdout").read_bytes(), (folder / "stderr").read_bytes()
    return AgentOutput(ending, int(code), out, err, folder)


def read(agent: str, case: str, mode: Mode = Mode.PROMPT) -> AgentOutcome:
    return ADAPTERS[agent].read(task(agent, mode), recorded(agent, case))


@pytest.mark.parametrize(
    ("agent", "requests", "received", "cost"),
    [("copilot", 2, 60, None), ("gemini", 2, 60, None), ("opencode", 3, 110, 6_880_000)],
)
def test_an_edit_is_read_with_what_it_used(agent, requests, received, cost) -> None:
    outcome = read(agent, "ok")
    usage = outcome.usage
    assert outcome.failure is None and outcome.answer == "Fixed: add now returns a + b."
    assert (usage.requests, usage.input_tokens, usage.output_tokens) == (
        requests,
        1000 * requests,
        received,
    )
    assert (usage.cost_nusd, usage.source) == (cost, "agent" if cost else "")
    assert (usage.provider, usage.model) == ("p", "m") and usage.session_id


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize(
    ("case", "failure", "said"),
    [
        ("talk", F.NO_EDITS, "without an edit"),
        ("shell", F.NO_EDITS, "without an edit"),
        ("malformed", F.MALFORMED_EDITS, "None of its edits"),
        ("badkey", F.NO_CREDENTIALS, ""),
        ("ratelimit", F.RATE_LIMIT, "Rate limit"),
        ("quota", F.QUOTA, "exceeded your current quota"),
        ("context", F.CONTEXT_TOO_LONG, "maximum context length"),
        ("down", F.UNREACHABLE, ""),
    ],
)
def test_a_failure_is_told_by_what_was_printed(agent, case, failure, said) -> None:
    outcome = read(agent, case)
    assert outcome.failure is failure
    assert said in outcome.message and outcome.message
    assert not outcome.has_nothing_to_do


@pytest.mark.parametrize("agent", AGENTS)
def test_nothing_to_do_is_no_failure(agent) -> None:
    outcome = read(agent, "nothing")
    assert (outcome.failure, outcome.has_nothing_to_do) == (None, True)


@pytest.mark.parametrize("agent", AGENTS)
def test_where_nothing_may_be_edited_an_answer_is_enough(agent) -> None:
    assert read(agent, "talk", Mode.PATCH_REVIEW).failure is None
    assert read(agent, "denied", Mode.PATCH_APPLY_VALIDATE).failure is None
    assert read(agent, "denied").failure in (F.SANDBOX, F.NO_EDITS, F.MALFORMED_EDITS)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\n{}\n[]\n", b'{"type": 7, "data": []}\n'])
def test_odd_output_is_a_crash_and_no_error(agent, damage, tmp_path) -> None:
    output = AgentOutput("exited", 0, damage, b"Segmentation fault\n", tmp_path)
    outcome = ADAPTERS[agent].read(task(agent), output)
    assert outcome.failure is F.CRASHED and not outcome.has_nothing_to_do


@pytest.mark.parametrize("agent", AGENTS)
def test_every_way_of_being_cut_off_is_read(agent, tmp_path) -> None:
    whole = recorded(agent, "ok")
    for end in range(0, len(whole.stdout), 97):
        cut = replace(whole, stdout=whole.stdout[:end], exit_code=None, ending="timeout")
        ADAPTERS[agent].read(task(agent), cut)


@pytest.mark.parametrize("agent", AGENTS)
def test_success_is_never_told_by_the_exit_code_alone(agent, tmp_path) -> None:
    whole = recorded(agent, "badkey")
    outcome = ADAPTERS[agent].read(task(agent), replace(whole, exit_code=0))
    assert outcome.failure is F.NO_CREDENTIALS
    failed = replace(recorded(agent, "ok"), exit_code=1)
    assert ADAPTERS[agent].read(task(agent), failed).failure is not None
