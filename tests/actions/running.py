"""Runs workflows in the harness: real bash and steps, GitHub's own parser and expressions."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from action_files import TOOL
from linters import AT, HOME, NODE, ROOT
from projects import IDENTITY


@dataclass(frozen=True)
class Step:
    """What became of a step; ``steps`` are those of the action that it used."""

    name: str
    outcome: str
    outputs: Mapping[str, str]
    log: str = ""
    summary: str = ""
    orders: tuple[Mapping[str, Any], ...] = ()
    steps: tuple["Step", ...] = ()

    def all(self) -> Iterator["Step"]:
        yield self
        for step in self.steps:
            yield from step.all()


@dataclass(frozen=True)
class Job:
    """What became of a job."""

    result: str
    outputs: Mapping[str, str]
    steps: tuple[Step, ...]

    def all(self) -> list[Step]:
        return [inner for step in self.steps for inner in step.all()]

    def step(self, name: str) -> Step:
        return next(step for step in self.all() if step.name == name)

    @property
    def text(self) -> str:
        return "\n".join(f"--- {step.name}: {step.outcome}\n{step.log}" for step in self.all())


@dataclass
class Runner:
    """A runner for workflows: where repositories are, what is installed, who asks."""

    temp: Path
    remotes: Mapping[str, str]
    github: dict[str, Any]
    tokens: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    app_token: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    is_installed: bool = True

    def run(self, workflow: str) -> dict[str, Job]:
        """Run a workflow from its text; a second one has folders of its own."""
        temp = self.temp / f"runner-{len(list(self.temp.glob('runner-*')))}"
        (temp / "artifacts").mkdir(parents=True)
        (temp / "event.json").write_text(json.dumps(self.github.get("event", {})))
        (temp / "workflow.yml").write_text(workflow, encoding="utf-8")
        spec = {
            "workflow": str(temp / "workflow.yml"),
            "eventPath": str(temp / "event.json"),
            "temp": str(temp),
            "artifacts": str(temp / "artifacts"),
            "repositories": {TOOL: str(ROOT)},
            "remotes": dict(self.remotes),
            "github": self.github,
            "tokens": self.tokens,
            "secrets": self.secrets,
            "appToken": self.app_token,
            "python": sys.executable,
            "commands": str(commands(self.temp)) if self.is_installed else "",
            "environment": {**_environment(temp), **self.environ},
        }
        (temp / "spec.json").write_text(json.dumps(spec))
        done = subprocess.run(
            ["node", str(NODE / "run_workflow.mjs"), str(temp / "spec.json")],
            env={**os.environ, HOME: AT},
            capture_output=True,
            text=True,
            check=False,
            timeout=250,
        )
        assert done.returncode == 0, done.stderr
        return {name: _job(one) for name, one in json.loads(done.stdout).items()}


def commands(folder: Path) -> Path:
    """A folder with nothing but our commands, as ``setup`` makes one."""
    made = folder / "commands"
    made.mkdir(exist_ok=True)
    for name in ("pipeline", "git-pipeline"):
        shutil.copy2(Path(sys.executable).parent / name, made)
    return made


def _environment(temp: Path) -> dict[str, str]:
    """What a fresh machine has; nothing of the person who runs the tests."""
    home = temp / "home"
    home.mkdir()
    kept = {
        name: os.environ[name]
        for name in ("PATH", "LANG", "GIT_CONFIG_NOSYSTEM")
        if name in os.environ
    }
    return {**kept, **IDENTITY, "HOME": str(home), "GIT_CONFIG_GLOBAL": os.devnull}


def _job(one: Mapping[str, Any]) -> Job:
    return Job(one["result"], one["outputs"], tuple(map(_step, one["steps"])))


def _step(one: Mapping[str, Any]) -> Step:
    return Step(
        one["name"],
        one["outcome"],
        one["outputs"],
        one.get("log", ""),
        one.get("summary", ""),
        tuple(one.get("orders", ())),
        tuple(map(_step, one.get("steps", ()))),
    )
