"""The demo: a real small repository made on the spot, run, and compared with what is expected."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.process import capture
from pipeline.flow.demo_files import EXPECTED, files
from pipeline.flow.prepare import RunRequest, prepare
from pipeline.flow.run import Watch, run
from pipeline.model.summary import RunSummary
from pipeline.repair.mechanical import find_program

_IDENTITY = (
    "-c",
    "user.name=demo",
    "-c",
    "user.email=demo@localhost",
    "-c",
    "commit.gpgSign=false",
)


@dataclass(frozen=True, slots=True)
class Surprise:
    """A workstream of the demo that did not end as it should."""

    ws_id: str
    expected: str
    actual: str


def make_demo(directory: Path) -> None:
    """Write the demo's repository into an empty or new directory; one commit on ``main``.

    Raises ``InputError`` where the directory holds something already.
    """
    if directory.exists() and any(directory.iterdir()):
        raise InputError(
            f"{directory} is not empty.", remedy="Give a new directory with --directory."
        )
    for path, content in files().items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8", newline="\n")
    _git(directory, "init", "--quiet", "--initial-branch=main")
    _git(directory, "add", "--all")
    _git(directory, *_IDENTITY, "commit", "--quiet", "--message", "A very small shop")


def require_ruff() -> None:
    """Raise ``UnfitError`` without ruff: the demo's static gate and its repair are ruff's."""
    if find_program("ruff", path=os.environ.get("PATH", "")) is None:
        raise UnfitError(
            "The demo needs ruff, for its static gate and for the repair, and finds none.",
            remedy="Install it: `pip install ruff`.",
        )


def run_demo(directory: Path, *, jobs: int | None, watch: Watch) -> RunSummary:
    """Run the demo's workstreams."""
    overrides = {"run.jobs": jobs} if jobs else {}
    environ = dict(os.environ)
    prepared = prepare(RunRequest(directory, environ, overrides))
    with prepared.repo:
        return run(prepared, watch=watch)


def surprises(summary: RunSummary) -> Sequence[Surprise]:
    """Workstreams that did not end as expected; empty when all did."""
    actual = {ws.id: ws.status.value for ws in summary.workstreams}
    return tuple(
        Surprise(ws_id, expected, actual.get(ws_id, "missing"))
        for ws_id, (expected, _) in EXPECTED.items()
        if actual.get(ws_id) != expected
    )


def _git(directory: Path, *arguments: str) -> None:
    environment = {
        **{name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ},
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "HOME": str(directory),
    }
    done = capture(("git", *arguments), cwd=directory, env=environment)
    if done.code != 0:
        said = done.err.decode("utf-8", "backslashreplace").strip()
        raise UnfitError(f"git {arguments[0]} failed in {directory}: {said}")
