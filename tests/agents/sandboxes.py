"""Small repositories that agents work in, and profiles of the agents that do."""

import sys
from pathlib import Path
from typing import Any

from projects import Project
from scripted_model import Model

KEY = "sk-loop-back-0123456789"
KEY_NAME = "SANDBOX_KEY"
_REPOSITORIES = Path(__file__).parents[1] / "sandbox_repos"
PRICES = {"input": 2.0, "output": 8.0}
ALL = ("aider", "claude", "codex")
WRONG = "    return sum(prices) - discount"
FIXED = "    return sum(prices) * (100 - discount) // 100"
DISCOUNT: dict[str, Any] = {
    "tasks": ["Make the discount of `total` a percentage."],
    "files_scope": ["shop/prices.py"],
    "acceptance_tests": [[sys.executable, "-S", "tests/test_discount.py"]],
}


def files_of(name: str) -> dict[str, bytes]:
    """The files of a sandbox repository by their paths in it."""
    top = _REPOSITORIES / name
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in sorted(top.rglob("*"))
        if path.is_file()
    }


def profile(name: str, address: str, /, **fields: Any) -> dict[str, Any]:
    """A tool profile of an agent whose model is at ``address``."""
    settings: dict[str, Any] = {
        "aider": {"model": "openai/mock-model", "edit_format": "diff", "base_url": f"{address}/v1"},
        "claude": {"model": "claude-sonnet-4-5", "base_url": address},
        "codex": {"model": "gpt-5.1-codex", "base_url": f"{address}/v1"},
    }[name]
    settings |= {"api_key": f"env:{KEY_NAME}", **fields.pop("agent", {})}
    made = {"driver": name, "agent": settings, "timeout_s": 120, "cost": PRICES, **fields}
    if name == "claude":
        # The server wants thinking blocks in its script where thinking is on.
        made["env"] = {"MAX_THINKING_TOKENS": "0", **made.get("env", {})}
    return made


def configure(project: Project, model: Model, *agents: str, **sections: Any) -> None:
    """Configure a project with one profile for each agent, called by its name."""
    tools = {agent: profile(agent, model.address) for agent in agents}
    project.configure(tools={**tools, **sections.pop("tools", {})}, **sections)


def agents_of(project: Project, run_id: str, ws_id: str) -> list[dict[str, Any]]:
    """What the attempts of a workstream stored of their agents, oldest first."""
    with project.records() as records:
        attempts = records.attempts(run_id, ws_id)
    return [dict(a.details["agent"]) for a in attempts if "agent" in a.details]


def told(server: Model, number: int) -> str:
    """The prompt of a request to the server, without the escapes of its JSON."""
    return server.prompts()[number].encode().decode("unicode_escape", "replace")
