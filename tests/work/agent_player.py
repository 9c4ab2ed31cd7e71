"""An agent that is played by a script, and its adapter: what the editor of agents needs to run."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.model.agent import AgentFailure, AgentOutcome, Mode, Usage
from pipeline.work.agents import AgentOutput, AgentTask, Contract, Invocation

# Does what its prompt says line by line; its version is that of the file beside it.
PROGRAM = """
import os, pathlib, signal, sys, time
here = pathlib.Path(sys.argv[0]).parent
if sys.argv[1:] == ["--version"]:
    with (here / "asked").open("a") as asked:
        asked.write("x")
    print("player", (here / "version").read_text())
    sys.exit()
(here / "started").write_text("")
for line in sys.stdin.read().splitlines():
    word, _, rest = line.partition(" ")
    if word == "write":
        path, _, text = rest.partition(" ")
        pathlib.Path(path).write_text(text + "\\n")
    elif word == "say":
        print(rest, flush=True)
    elif word == "variable":
        print(f"{rest}={os.environ.get(rest)}")
    elif word == "read":
        print(pathlib.Path(os.environ["PLAYER_STATE"], rest).read_text())
    elif word == "sleep":
        time.sleep(float(rest))
    elif word == "die":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@dataclass(frozen=True)
class Player:
    """The adapter: standard output is the answer, and what it failed at is given."""

    failure: AgentFailure | None = None
    secrets: tuple[str, ...] = ()
    modes: frozenset[Mode] = field(default_factory=lambda: frozenset(Mode))

    @property
    def contract(self) -> Contract:
        return Contract(
            program="player",
            version_command=("player", "--version"),
            versions=("1.2", "1.10"),
            credentials=("PLAYER_API_KEY",),
            page="docs/agents/player.md",
            modes=self.modes,
        )

    def invocation(self, task: AgentTask) -> Invocation:
        env = {"PLAYER_STATE": str(task.state), "PLAYER_KEY": task.key}
        files = {"deep/settings": f"files: {' '.join(task.files)}".encode()}
        secrets = (*self.secrets, task.key)
        return Invocation(("player",), env, task.prompt.encode(), files, secrets)

    def read(self, task: AgentTask, output: AgentOutput) -> AgentOutcome:
        answer = output.stdout.decode()
        return AgentOutcome(
            usage=Usage(requests=1, input_tokens=7),
            failure=self.failure,
            message=answer[:20],
            answer=answer,
            has_nothing_to_do="NOTHING TO DO: " in answer,
        )


def install(folder: Path, version: str = "1.9.3") -> Path:
    """Put the program into a folder, which can then be part of a PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "version").write_text(version)
    program = folder / "player"
    program.write_text(f"#!{sys.executable} -S{PROGRAM}")
    program.chmod(0o755)
    return folder
