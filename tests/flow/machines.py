"""Machines that share a remote: clones with runs, each with a life of its own."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from small_run import Small, git

from pipeline.base.git import Repository
from pipeline.flow.holding import hold
from pipeline.flow.sync import SyncRequest, sync
from pipeline.flow.sync_outcome import RunSync, SyncReport
from pipeline.model.config import Config, JournalConfig, PublishConfig
from pipeline.model.event import EventDraft, EventType
from pipeline.store.layout import Layout

PIPELINE = [sys.executable, "-c", "import sys; from pipeline.cli import main; sys.exit(main())"]


@dataclass
class Machine(Small):
    """A clone that synchronises; ``run_id`` is the run that it is asked about."""

    def sync(
        self, *, prefix: str = "refs/pipeline", repository: str = "", **wanted: Any
    ) -> SyncReport:
        config = Config(
            journal=JournalConfig(refs_prefix=prefix), publish=PublishConfig(repository=repository)
        )
        with Repository.discover(self.top) as repo:
            return sync(repo, self.layout, config, SyncRequest(**wanted))

    def sync_run(self, **wanted: Any) -> RunSync:
        """What came of the one run; one to which nothing happened has nothing to tell."""
        found = {one.run_id: one for one in self.sync(**wanted).runs}
        return found.get(self.run_id, RunSync(self.run_id))

    def happen(self, message: str) -> None:
        """Something more happens in the run."""
        with hold(self.layout, "a test") as ledger:
            event = EventDraft(EventType.ATTEMPT_STARTED, message, run_id=self.run_id)
            ledger.record(event)

    def refs(self, *prefixes: str) -> dict[str, str]:
        form = "--format=%(refname) %(objectname)"
        lines = self.git("for-each-ref", form, *(prefixes or ("refs/pipeline",))).splitlines()
        return dict(line.split() for line in lines)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """``pipeline ARGUMENTS…`` as a process of its own."""
        return subprocess.Popen(
            [*PIPELINE, *arguments], cwd=self.top, env=os.environ,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip  # the call in rows


class Hub(Machine):
    """The bare repository that the machines share."""

    @property
    def layout(self) -> Layout:
        raise AssertionError("nobody works in a bare repository")

    def hook(self, name: str, script: str) -> None:
        path = self.top / "hooks" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


def make_hub(machine: Small, top: Path) -> Hub:
    """A remote beside a machine, with its branches; the way there is the same in a copy."""
    git(top.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(top))
    for template in (*(top / "hooks").glob("*"), *(machine.top / ".git" / "hooks").glob("*")):
        template.unlink()
    machine.git("remote", "add", "origin", f"../{top.name}")
    machine.git("push", "--quiet", "origin", "main")
    return Hub(top, machine.run_id)


def join(hub: Hub, top: Path) -> Machine:
    """A fresh clone of the remote, beside it."""
    git(top.parent, "clone", "--quiet", "--template=", str(hub.top), str(top))
    git(top, "remote", "set-url", "origin", f"../{hub.top.name}")
    return Machine(top, hub.run_id)


@dataclass
class Shared:
    """A folder with machines and the remote between them, made once and copied for each test."""

    folder: Path
    run_id: str

    def copy_to(self, folder: Path) -> "Shared":
        shutil.copytree(self.folder, folder, symlinks=True, dirs_exist_ok=True)
        return Shared(folder, self.run_id)

    @property
    def hub(self) -> Hub:
        return Hub(self.folder / "hub.git", self.run_id)

    def machine(self, name: str) -> Machine:
        return Machine(self.folder / name, self.run_id)
