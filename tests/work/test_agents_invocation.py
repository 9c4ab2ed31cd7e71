"""How Copilot, Gemini CLI and OpenCode are called: pinned, private, without a secret in sight."""

import json
from pathlib import Path

import pytest

from pipeline.model.agent import AgentSettings, Mode
from pipeline.model.check import ToolProfile
from pipeline.work.agents import ADAPTERS, AgentTask, Invocation

KEY = "sk-loop-back-0123456789"
AGENTS = ("copilot", "gemini", "opencode")
PROMPT = "Fix `add`. ü $(touch x)\n" * 20_000


def call(agent: str, *, mode: Mode = Mode.PROMPT, key: str = KEY, url: str = "", **env: str):
    settings = AgentSettings(model="some-model", context_tokens=9000, max_output_tokens=1000)
    profile = ToolProfile(agent, driver=agent, agent=settings, cost={"input": 2.0, "output": 8.0})
    state = Path("/outside/state")
    task = AgentTask(
        profile, mode, PROMPT, Path("/outside/prompt.md"), Path("/checkout"), state,
        key=key, base_url=url, environ=env,
    )  # fmt: skip
    return ADAPTERS[agent].invocation(task)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9/v1"])
def test_the_key_is_in_the_environment_only(agent: str, url: str) -> None:
    made = call(agent, url=url)
    assert KEY in made.env.values() and KEY in made.secrets
    assert not any(KEY in part for part in made.argv)
    assert not any(KEY.encode() in content for content in made.files.values())


@pytest.mark.parametrize("agent", AGENTS)
def test_a_long_prompt_goes_in_by_standard_input(agent: str) -> None:
    made = call(agent)
    assert made.stdin.decode() == PROMPT
    assert not any("add" in part for part in made.argv)


@pytest.mark.parametrize("agent", AGENTS)
def test_all_that_it_keeps_lies_outside_of_the_checkout(agent: str) -> None:
    made = call(agent)
    assert made.env["HOME"].startswith("/outside/state/")
    assert not any("/checkout" in value for value in (*made.argv, *made.env.values()))
    assert not any(Path(name).is_absolute() or ".." in name for name in made.files)


@pytest.mark.parametrize("agent", AGENTS)
def test_without_a_profile_s_key_the_environment_s_is_taken(agent: str) -> None:
    names = ADAPTERS[agent].contract.credentials
    made = call(agent, key="", **{names[0]: "from-the-environment"})
    assert "from-the-environment" in made.env.values() and made.secrets
    assert call(agent, key="").secrets == ()


def denies_edits(agent: str, made: Invocation) -> bool:
    if agent == "copilot":
        return "--deny-tool=write" in made.argv
    if agent == "gemini":
        return "--approval-mode=plan" in made.argv
    told = json.loads(made.files["opencode.json"])
    return bool(told["permission"]["edit"] == "deny")


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("mode", list(Mode))
def test_only_who_is_asked_for_edits_may_edit(agent: str, mode: Mode) -> None:
    assert denies_edits(agent, call(agent, mode=mode)) is (mode is not Mode.PROMPT)


def test_opencode_finds_installed_what_it_would_install() -> None:
    made = call("opencode", url="http://127.0.0.1:9/v1")
    folder = made.env["XDG_CONFIG_HOME"].removeprefix("/outside/state/") + "/opencode"
    lock = json.loads(made.files[f"{folder}/package-lock.json"])
    assert "@opencode-ai/plugin" in lock["packages"][""]["dependencies"]
    assert f"{folder}/node_modules/.keep" in made.files
    assert made.env["npm_config_offline"] == "true"
    assert "127.0.0.1" in made.env["npm_config_registry"]


def test_opencode_is_told_address_model_and_prices() -> None:
    made = call("opencode", url="http://127.0.0.1:9/v1")
    told = json.loads(made.files["opencode.json"])
    gateway = told["provider"]["gateway"]
    assert gateway["options"]["baseURL"] == "http://127.0.0.1:9/v1"
    assert gateway["options"]["apiKey"] == "{env:PIPELINE_OPENCODE_KEY}"
    assert gateway["models"]["some-model"]["cost"] == {"input": 2.0, "output": 8.0}
    assert gateway["models"]["some-model"]["limit"] == {"context": 9000, "output": 1000}
    assert "--model=gateway/some-model" in made.argv
    assert "--model=some-model" in call("opencode").argv


def test_copilot_with_an_address_talks_to_nobody_else() -> None:
    made = call("copilot", url="http://127.0.0.1:9/v1")
    assert made.env["COPILOT_OFFLINE"] == "true"
    assert made.env["COPILOT_PROVIDER_BASE_URL"] == "http://127.0.0.1:9/v1"
    assert made.env["COPILOT_PROVIDER_MAX_PROMPT_TOKENS"] == "8000"
    assert "COPILOT_GITHUB_TOKEN" in call("copilot").env
    assert "COPILOT_OFFLINE" not in call("copilot").env


def test_gemini_is_told_to_report_nothing() -> None:
    told = json.loads(call("gemini").files["home/.gemini/settings.json"])
    assert told["privacy"]["usageStatisticsEnabled"] is False
    assert told["telemetry"]["enabled"] is False
    assert told["general"]["enableAutoUpdate"] is False
