"""A coding agent for tests: a Python script behind an adapter, which says how it failed."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.model.agent import AgentFailure, AgentOutcome
from pipeline.work.agents.protocol import AgentOutput, AgentTask, Contract, Invocation

DRIVER = "scripted"

_PLAY = """
import json, pathlib, sys
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
prompt = sys.stdin.read()
turns = json.loads((folder / f"{name}.json").read_text())
count = len(list(folder.glob(f"{name}-*.prompt")))
(folder / f"{name}-{count:02}.prompt").write_text(prompt)
turn = turns[min(count, len(turns) - 1)]
for path, text in turn.get("write", {}).items():
    pathlib.Path(path).write_text(text)
for path, target in turn.get("link", {}).items():
    pathlib.Path(path).unlink()
    pathlib.Path(path).symlink_to(target)
print(json.dumps({key: turn.get(key) for key in ("failure", "message")}))
"""


class Scripted:
    """The adapter of an agent that prints how it did as one line of JSON."""

    contract = Contract("python", ("python", "--version"), ("3", "9"), (), "none")

    def invocation(self, task: AgentTask) -> Invocation:
        return Invocation(("python",), stdin=task.prompt.encode())

    def read(self, task: AgentTask, output: AgentOutput) -> AgentOutcome:
        said = json.loads(output.stdout or b"{}")
        failure = AgentFailure(said["failure"]) if said.get("failure") else None
        return AgentOutcome(failure=failure, message=said.get("message") or "")


class Agents:
    """Writes the turns of agents, gives their profiles, and reads what they were told."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def profile(self, name: str, *turns: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        """A profile whose agent takes its turns one by one, and then the last one for ever."""
        self._folder.mkdir(exist_ok=True)
        play = self._folder / "play.py"
        play.write_text(_PLAY)
        (self._folder / f"{name}.json").write_text(json.dumps(turns))
        return {
            "type": "ai",
            "driver": DRIVER,
            "takes_feedback": True,
            "command": [sys.executable],
            "args": ["-S", str(play), str(self._folder), name],
            **fields,
        }

    def prompts(self, name: str) -> list[str]:
        """What an agent was told, call by call."""
        return [path.read_text() for path in sorted(self._folder.glob(f"{name}-*.prompt"))]


def writes(**files: str) -> dict[str, Any]:
    """A turn that writes files at the top level: ``a`` stands for ``a.txt``."""
    return {"write": {f"{name}.txt": text for name, text in files.items()}}


def fails(failure: str, message: str = "", **files: str) -> dict[str, Any]:
    """A turn that ends with a failure."""
    return {"failure": failure, "message": message, **writes(**files)}
