"""A project to run: a real repository with bundles, and what a run of it came to."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.flow.prepare import RunRequest, prepare
from pipeline.flow.run import Watch, find_completed, run
from pipeline.model.summary import RunSummary, WorkstreamSummary
from pipeline.store.layout import Layout
from pipeline.store.records import Records

IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (
        ("NAME", "A Tester"),
        ("EMAIL", "tester@localhost"),
        ("DATE", "2024-01-02T03:04:05+00:00"),
    )
}
TRUE = [sys.executable, "-S", "-c", "pass"]


@dataclass
class Project:
    """A repository with bundles in ``workstreams/``; ``run`` runs them in this process."""

    top: Path
    slots: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def git(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.top,
            env={**os.environ, **IDENTITY},
            capture_output=True,
            text=True,
            check=check,
        )
        return done.stdout.strip()

    def write(self, path: str, content: str | bytes) -> Path:
        target = self.top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def commit(self, files: Mapping[str, str | bytes], message: str = "Change") -> str:
        for path, content in files.items():
            self.write(path, content)
        self.git("add", "--all", ":!workstreams", ":!pipeline.yaml")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def bundle(self, ws_id: str, **fields: Any) -> None:
        """Write a bundle; what it does not say is harmless."""
        content = {
            "id": ws_id,
            "title": f"Do {ws_id}",
            "tasks": [f"do {ws_id}"],
            "acceptance_tests": [TRUE],
            **fields,
        }
        self.write(f"workstreams/{ws_id}.json", json.dumps(content))

    def script(self, ws_id: str, code: str, **fields: Any) -> None:
        """A workstream whose tool is a piece of Python."""
        self.bundle(ws_id, tool_args={"command": [sys.executable, "-S", "-c", code]}, **fields)

    def writes(self, ws_id: str, path: str, content: str, **fields: Any) -> None:
        """A workstream that writes one file."""
        code = (
            f"import pathlib; p = pathlib.Path({path!r}); "
            f"p.parent.mkdir(parents=True, exist_ok=True); p.write_text({content!r})"
        )
        kind = "files_scope" if (self.top / path).exists() else "files_create"
        self.script(ws_id, code, **{kind: [path], **fields})

    def configure(self, **sections: Any) -> None:
        """Set sections of ``pipeline.yaml``."""
        self.settings.update(sections)
        self.settings.setdefault("paths", {})["worktrees"] = str(self.slots)
        self.write("pipeline.yaml", json.dumps(self.settings))

    def run(
        self,
        *,
        watch: Watch | None = None,
        overrides: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> RunSummary:
        """Run, as the command does."""
        request = RunRequest(self.top, dict(os.environ), overrides or {"run.jobs": 2}, **options)
        prepared = prepare(request)
        with prepared.repo:
            done = None if request.is_fresh else find_completed(prepared)
            return done or run(prepared, is_fresh=request.is_fresh, watch=watch or Watch())

    @property
    def layout(self) -> Layout:
        return Layout(self.top, self.top / ".git")

    def records(self) -> Records:
        return Records(self.layout)

    def show(self, rev: str, path: str) -> str:
        return self.git("show", f"{rev}:{path}")

    def refs(self) -> str:
        return self.git("for-each-ref")


@pytest.fixture
def new_project(tmp_path: Path) -> Callable[..., Project]:
    """Makes repositories with one commit on ``main``."""

    def make(name: str = "repo", files: Mapping[str, str | bytes] | None = None) -> Project:
        top = tmp_path / name
        top.mkdir()
        project = Project(top, tmp_path / f"{name}-slots")
        project.git("init", "--quiet", "--initial-branch=main")
        project.commit(files or {"a.txt": "a\n", "b.txt": "b\n", "c.txt": "c\n"}, "Begin")
        project.configure()
        return project

    return make


@pytest.fixture
def project(new_project: Callable[..., Project]) -> Project:
    """One repository with three files."""
    return new_project()


@pytest.fixture
def ended() -> Callable[[RunSummary], dict[str, str]]:
    """How each workstream of a run ended."""

    def by_id(summary: RunSummary) -> dict[str, str]:
        return {ws.id: ws.status.value for ws in summary.workstreams}

    return by_id


def found(summary: RunSummary, ws_id: str) -> WorkstreamSummary:
    """One workstream of a summary."""
    return next(ws for ws in summary.workstreams if ws.id == ws_id)
