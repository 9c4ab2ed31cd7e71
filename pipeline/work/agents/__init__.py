"""Adapters of coding agents: a table, each a small module."""

from collections.abc import Mapping

from pipeline.work.agents.aider import Aider
from pipeline.work.agents.claude import Claude
from pipeline.work.agents.codex import Codex
from pipeline.work.agents.copilot import Copilot
from pipeline.work.agents.gemini import Gemini
from pipeline.work.agents.opencode import OpenCode
from pipeline.work.agents.protocol import (
    Adapter,
    AgentOutput,
    AgentTask,
    Contract,
    Invocation,
)

ADAPTERS: Mapping[str, Adapter] = {
    "aider": Aider(),
    "claude": Claude(),
    "codex": Codex(),
    "copilot": Copilot(),
    "gemini": Gemini(),
    "opencode": OpenCode(),
}

__all__ = ["ADAPTERS", "Adapter", "AgentOutput", "AgentTask", "Contract", "Invocation"]
