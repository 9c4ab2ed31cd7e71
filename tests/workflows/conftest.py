"""A sample repository that uses the pipeline, and act to run its workflows with."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakehub.starting import Fake
from workflows.acting import TOOL, TOOL_COMMIT, Proxy, Stage, copy_tool

_ACT = os.environ.get("PIPELINE_ACT", "")  # read here: tests have an environment without it

CONFIG = """\
project: {base: main}
run: {jobs: 1}
tools:
  agent: {type: ai, driver: agent, takes_feedback: true}
gates:
  static:
    - name: spelling
      command: [sh, -c, "! grep -q teh shop.py"]
    - {name: lint, command: [ruff, check, --select, F, --output-format, json, .], output: ruff}
"""


@pytest.fixture(scope="session")
def act() -> Path:
    """The act that the nox session has built; these tests are started by it alone."""
    assert _ACT, "PIPELINE_ACT does not say where act is: run `nox -s workflows`"
    return Path(_ACT)


@pytest.fixture(scope="session")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_tool(tmp_path_factory.mktemp("tool") / "git-pipeline")


@pytest.fixture(scope="session")
def callers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files that `pipeline init --github` writes, by path."""
    top = tmp_path_factory.mktemp("callers")
    subprocess.run(["git", "init", "--quiet"], cwd=top, check=True)
    pipeline = Path(sys.executable).parent / "pipeline"
    subprocess.run(
        [pipeline, "init", "--github", "--repository", TOOL, "--ref", TOOL_COMMIT],
        cwd=top, check=True, capture_output=True,
    )  # fmt: skip
    return {str(path.relative_to(top)): path.read_text() for path in top.rglob("*.yml")}


@pytest.fixture
def stage(
    tmp_path: Path, act: Path, tool: Path, callers: dict[str, str], github: Fake
) -> Iterator[Stage]:
    """octo/shop with the callers on its default branch; nothing may have left the machine."""
    proxy = Proxy()
    github.commit("main", {**callers, "pipeline.yaml": CONFIG}, "Use the pipeline")
    yield Stage(tmp_path / "stage", github, act, tool, proxy)
    proxy.close()
    assert proxy.seen == []
