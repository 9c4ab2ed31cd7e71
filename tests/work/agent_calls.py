"""A call of an agent's adapter and what was left of it, as values."""

from pathlib import Path

from pipeline.model.agent import AgentOutcome, AgentSettings, Mode
from pipeline.model.check import ToolProfile
from pipeline.work.agents import ADAPTERS, AgentOutput, AgentTask

KEY = "the-key-itself"


def task(driver: str, state: Path, **fields: object) -> AgentTask:
    """A call with a configured key; ``agent`` are settings, ``cost`` the profile's prices."""
    settings = AgentSettings(**fields.pop("agent", {}))
    profile = ToolProfile(driver, driver=driver, agent=settings, cost=fields.pop("cost", {}))
    values = {
        "profile": profile,
        "mode": Mode.PROMPT,
        "prompt": "Do it.",
        "prompt_file": state.parent / "prompt.md",
        "directory": state.parent / "tree",
        "state": state,
        "key": KEY,
        "timeout_s": 90.0,
        **fields,
    }
    return AgentTask(**values)


def read(
    driver: str,
    state: Path,
    stdout: str,
    *,
    stderr: str = "",
    exit_code: int | None = 0,
    ending: str = "exited",
    **fields: object,
) -> AgentOutcome:
    """What an adapter reads from these streams."""
    output = AgentOutput(ending, exit_code, stdout.encode(), stderr.encode(), state)
    return ADAPTERS[driver].read(task(driver, state, **fields), output)
