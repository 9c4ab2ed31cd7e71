"""Each agent's page says what its adapter does: program, versions, credentials, flags, failures."""

import re
from pathlib import Path

import pytest

from pipeline.model.agent import AgentFailure, AgentSettings, Mode
from pipeline.model.check import ToolProfile
from pipeline.work.agents import ADAPTERS, AgentTask

TOP = Path(__file__).parents[2]
GENERIC = TOP / "docs/agents/generic.md"
# What the engine tells by itself, before a call or by how it ended; the general page has it.
BY_THE_ENGINE = {AgentFailure.MISSING, AgentFailure.VERSION, AgentFailure.TIMEOUT}
FLAG = re.compile(r"--[a-zA-Z][\w-]+")


def page(driver: str) -> str:
    return (TOP / ADAPTERS[driver].contract.page).read_text(encoding="utf-8")


def calls(driver: str):
    """The agent's calls in every mode, with and without an address and settings."""
    for mode in Mode:
        for url in ("", "http://127.0.0.1:9/v1"):
            settings = AgentSettings(
                model="openai/m", edit_format="diff", context_tokens=9000, max_output_tokens=1000
            )
            profile = ToolProfile(driver, driver=driver, agent=settings)
            state = Path("/outside")
            yield ADAPTERS[driver].invocation(
                AgentTask(
                    profile, mode, "Do it.", state / "prompt.md", Path("/checkout"), state,
                    files=("a.py",), key="sk-0123456789", base_url=url,
                )
            )  # fmt: skip


@pytest.mark.parametrize("driver", sorted(ADAPTERS))
def test_a_page_has_what_the_contract_declares(driver: str) -> None:
    contract, text = ADAPTERS[driver].contract, page(driver)
    assert f"Driver: `{driver}`." in text
    assert f"`{' '.join(contract.version_command)}`" in text
    assert f"from `{contract.versions[0]}` to before `{contract.versions[1]}`" in text
    for name in contract.credentials:
        assert f"`{name}`" in text, name


@pytest.mark.parametrize("driver", sorted(ADAPTERS))
def test_a_page_has_the_flags_of_every_call_and_no_others(driver: str) -> None:
    text = page(driver)
    told = {flag for span in re.findall(r"`(--[^`]*)`", text) for flag in FLAG.findall(span)}
    given = {
        part.partition("=")[0] for call in calls(driver) for part in call.argv if part[:2] == "--"
    }
    assert told == given
    pairs = set(re.findall(r"`(--[\w-]+=[^`]*)`", text))
    assert pairs <= {part for call in calls(driver) for part in call.argv}


@pytest.mark.parametrize("driver", sorted(ADAPTERS))
def test_a_page_has_every_variable_that_is_set(driver: str) -> None:
    text = page(driver)
    for name in {name for call in calls(driver) for name in call.env}:
        assert f"`{name}`" in text, name


@pytest.mark.parametrize("driver", sorted(ADAPTERS))
def test_a_page_has_every_failure_that_its_adapter_tells(driver: str) -> None:
    table = page(driver).partition("## Success and failure")[2].partition("\n## ")[0]
    told = {failure for failure in AgentFailure if f"`{failure.value}`" in table}
    assert told >= {
        AgentFailure.NO_CREDENTIALS,
        AgentFailure.RATE_LIMIT,
        AgentFailure.QUOTA,
        AgentFailure.CONTEXT_TOO_LONG,
        AgentFailure.UNREACHABLE,
        AgentFailure.NO_EDITS,
        AgentFailure.MALFORMED_EDITS,
        AgentFailure.CRASHED,
    }
    assert not told & BY_THE_ENGINE


def test_the_general_page_has_every_failure_and_every_mode() -> None:
    text = GENERIC.read_text(encoding="utf-8")
    for value in (*AgentFailure, *Mode):
        assert f"`{value.value}`" in text, value
    for driver in ADAPTERS:
        link = ADAPTERS[driver].contract.page.replace("docs/agents/", "").replace("docs/", "../")
        assert f"({link})" in text


@pytest.mark.parametrize("path", [GENERIC, *(TOP / a.contract.page for a in ADAPTERS.values())])
def test_a_page_names_no_place_on_somebody_s_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(?:home|tmp|work|root|Users|opt)/", text)
    for heading in ("Invocation", "Environment", "Expectations on the directory", "Limits"):
        assert f"\n## {heading}\n" in text
