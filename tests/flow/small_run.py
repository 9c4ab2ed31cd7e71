"""A small repository with a run that ends in several ways, made once and copied for each test."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.base.errors import InterruptedRunError
from pipeline.cli import main
from pipeline.flow.prepare import RunRequest, prepare
from pipeline.flow.run import Watch, run
from pipeline.model.record import WorkstreamRecord
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.records import Records

LINES = "".join(f"line {number}\n" for number in range(1, 31))

BUNDLES: Mapping[str, dict[str, Any]] = {
    # Both change app.txt, far apart: the second lands as a merged tree.
    "top": {"files_scope": ["app.txt"], "allow_overlap": ["bottom", "loud"], "priority": 9},
    "bottom": {"files_scope": ["app.txt"], "allow_overlap": ["loud"], "priority": 8},
    "note": {"files_create": ["note.txt"], "depends_on": ["top"]},
    "stray": {"files_create": ["stray.txt"]},
    "loud": {"files_scope": ["app.txt"], "priority": 1},
    "after": {"files_create": ["after.txt"], "depends_on": ["loud"]},
}
SCRIPTS: Mapping[str, str] = {
    "top": "sed -i 's/^line 2$/LINE 2/' app.txt",
    "bottom": "sed -i 's/^line 29$/LINE 29/' app.txt",
    "note": "echo note > note.txt",
    "stray": "echo stray > stray.txt; echo other > elsewhere.txt",
    "loud": "sed -i 's/^line 15$/FORBIDDEN/' app.txt",
    "after": "echo after > after.txt",
}
ENDS = {
    "top": "done",
    "bottom": "done",
    "note": "done",
    "stray": "quarantined",  # out of scope
    "loud": "quarantined",  # its gate is red
    "after": "blocked",
}


def git(where: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Git with everything around it pinned."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        **{f"GIT_{who}_NAME": "Test" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "test@example.com" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_DATE": "2025-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
    }
    done = subprocess.run(
        ["git", *arguments], cwd=where, env=environment, check=True, capture_output=True,
        input=stdin,
    )  # fmt: skip
    return done.stdout.decode().strip()


def make_repository(top: Path, *, landing: str = "each", journal: bool = True) -> None:
    """A repository with bundles, a configuration and one commit; its slots lie beside it.

    Without a journal the refs of a run stay as they are when it has ended.
    """
    folder = top / "workstreams"
    folder.mkdir(parents=True)
    (top / "app.txt").write_text(LINES)
    for ws_id, fields in BUNDLES.items():
        bundle = {
            "id": ws_id,
            "title": f"Do {ws_id}",
            "tasks": [ws_id],
            "acceptance_tests": [["sh", "-c", "! grep -q FORBIDDEN app.txt"]],
            "tool_args": {"command": ["sh", "-c", SCRIPTS[ws_id]]},
            **fields,
        }
        (folder / f"{ws_id}.json").write_text(json.dumps(bundle))
    config = {
        "project": {"base": "main"},
        "paths": {"worktrees": str(top.parent / "slots")},
        "gates": {"static": [{"name": "there", "command": ["test", "-s", "app.txt"]}]},
        "landing": {"mode": landing},
        "journal": {"enabled": journal},
    }
    (top / "pipeline.yaml").write_text(json.dumps(config))
    git(top, "init", "--quiet", "--initial-branch=main")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message=First")


def go(top: Path, *, is_fresh: bool = False) -> str:
    """Run it; returns the run's id."""
    prepared = prepare(RunRequest(top, dict(os.environ)))
    with prepared.repo:
        return run(prepared, is_fresh=is_fresh).run_id


def stop_midway(top: Path) -> str:
    """A fresh run that is told to stop after the first landing; returns its id."""
    runs: list[str] = []
    landed = threading.Event()

    def look(ledger: Ledger, run_id: str) -> None:
        runs.append(run_id)
        ledger.bus.subscribe(
            lambda events: landed.set() if any(e.type == "merged" for e in events) else None,
            name="landings",
        )

    prepared = prepare(RunRequest(top, dict(os.environ), overrides={"run.jobs": 1}))
    watch = Watch((look,), lambda: "enough" if landed.is_set() else "")
    with prepared.repo, contextlib.suppress(InterruptedRunError):
        run(prepared, is_fresh=True, watch=watch)
    return runs[0]


@dataclass
class Output:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass
class Small:
    """A repository with a run, to be looked at and tampered with."""

    top: Path
    run_id: str

    @property
    def layout(self) -> Layout:
        """Where its state is."""
        return Layout(self.top, self.top / ".git", worktrees=self.top.parent / "slots")

    @property
    def records(self) -> Records:
        """What is stored; to be closed."""
        return Records(self.layout)

    def copy_to(self, top: Path) -> "Small":
        """The same run in a directory of its own."""
        shutil.copytree(self.top, top, symlinks=True)
        return Small(top, self.run_id)

    def ws(self, ws_id: str) -> WorkstreamRecord:
        """A workstream's record."""
        with self.records as records:
            return records.workstream(self.run_id, ws_id)

    def sql(self, statement: str, *values: object) -> list[Any]:
        """Tamper with the database, or look into it."""
        with sqlite3.connect(self.layout.database) as connection:
            found = connection.execute(statement, values).fetchall()
        connection.close()
        return found

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """Git in the checkout."""
        return git(self.top, *arguments, stdin=stdin)

    def cli(self, capture: Any, *arguments: str | Path) -> Output:
        """``pipeline ARGUMENTS… --repo …``; ``capture`` is ``capfd``."""
        capture.readouterr()
        code = main([*map(str, arguments), "--repo", str(self.top)])
        return Output(int(code), *capture.readouterr())
