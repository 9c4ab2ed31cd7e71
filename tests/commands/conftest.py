"""A real repository, and a store filled by hand as a run would fill it."""

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main
from pipeline.model.config import Config
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.finding import Finding
from pipeline.model.patch import Patch
from pipeline.model.plan import Plan
from pipeline.model.record import AttemptState, RunRecord, Step, StepAttempt, WorkstreamRecord
from pipeline.model.states import RunState
from pipeline.model.states import WorkstreamState as W
from pipeline.model.workstream import Workstream
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock

RUN = "01jd0000000000000000000001"


@dataclass
class Output:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@pytest.fixture
def pipeline(capfd: pytest.CaptureFixture[str]) -> Callable[..., Output]:
    """Runs ``pipeline ARGUMENTS…`` in this process."""

    def run(*arguments: str | Path) -> Output:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Output(int(code), *capfd.readouterr())

    return run


@pytest.fixture
def git() -> Callable[..., str]:
    """Runs git in a directory with everything around it pinned."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        **{f"GIT_{who}_NAME": "Test" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "test@example.com" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_DATE": "2025-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
    }

    def run(where: Path, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=where, env=environment, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    return run


@pytest.fixture
def checkout(tmp_path: Path, git: Callable[..., str]) -> Path:
    """A repository with one commit."""
    top = tmp_path / "repository"
    top.mkdir()
    git(top, "init", "--quiet", "--initial-branch=main")
    (top / "app.py").write_text("print('hello')\n")
    git(top, "add", "app.py")
    git(top, "commit", "--quiet", "--message=First")
    return top


@dataclass
class Story:
    """Writes a run into the store, move by move."""

    ledger: Ledger
    base: str
    run_id: str = RUN
    numbers: dict[str, int] = field(default_factory=dict)

    def begin(self, *bundles: Workstream, run_id: str = RUN, **fields: Any) -> None:
        """Create a run of these bundles and start it."""
        self.run_id = run_id
        plan = Plan(self.base, bundles, Config()) if bundles else None
        records = [WorkstreamRecord(run_id, ws.id, seq) for seq, ws in enumerate(bundles)]
        created = "2025-03-01T12:00:00.000000Z"
        record = RunRecord(
            run_id, "k" * 64, RunState.PENDING, self.base, created_at=created, **fields
        )
        self.ledger.create_run(record, plan, records)
        self.ledger.move_run(
            run_id,
            RunState.PENDING,
            RunState.RUNNING,
            "Started.",
            changes={"started_at": created},
        )

    def go(self, ws_id: str, *states: W, reason: str = "", **changes: Any) -> None:
        """Move a workstream through states; the reason goes with the last."""
        for state in states:
            record = self.ledger.workstream(self.run_id, ws_id)
            last = {"reason": reason, **changes} if state is states[-1] else {}
            message = reason or f"It is {state} now."
            self.ledger.move(self.run_id, ws_id, record.state, state, message, changes=last)

    def attempt(self, ws_id: str, step: Step = Step.EDIT, **fields: Any) -> StepAttempt:
        """Start and finish an attempt."""
        number = self.numbers[ws_id] = self.numbers.get(ws_id, 0) + 1
        common = (f"{ws_id}-{number}", self.run_id, ws_id, 1, step, number)
        self.ledger.start_attempt(StepAttempt(*common, tool="codemod"))
        done = StepAttempt(*common, **{"state": AttemptState.FAILED, "tool": "codemod", **fields})
        self.ledger.finish_attempt(done)
        return done

    def error(self, signature: str, message: str = "A message.", **context: Any) -> None:
        """Count an error."""
        code = signature.split("::")[1]
        self.ledger.record_error(code, signature, message, context, run_id=self.run_id)
        self.ledger.record()

    def patch(self, ws_id: str, text: bytes, *lives: EventType, **fields: Any) -> str:
        """Store a patch with the events of its life."""
        patch = Patch(
            hashlib.sha256(text).hexdigest(), "1" * 40, "2" * 40, size=len(text), **fields
        )
        drafts = [
            EventDraft(
                kind, "A station.", run_id=self.run_id, ws_id=ws_id, payload={"patch_id": patch.id}
            )
            for kind in lives
        ]
        self.ledger.save_patch(self.run_id, ws_id, f"{ws_id}-1", patch, text, events=drafts)
        return patch.id

    def event(self, kind: EventType, message: str, **fields: Any) -> None:
        """Write one event."""
        self.ledger.record(EventDraft(kind, message, run_id=self.run_id, **fields))

    def end(self, state: RunState, **changes: Any) -> None:
        """End the run."""
        self.ledger.move_run(
            self.run_id,
            RunState.RUNNING,
            state,
            f"The run is {state}.",
            changes={
                "finished_at": "2025-03-01T12:01:00.000000Z",
                "duration_s": 60.0,
                "integration_branch": f"refs/heads/pipeline/{self.run_id}",
                **changes,
            },
        )


@pytest.fixture
def layout(checkout: Path) -> Layout:
    return Layout(checkout, checkout / ".git")


@pytest.fixture
def story(checkout: Path, layout: Layout, git: Callable[..., str]) -> Iterator[Story]:
    """A store to write runs into; closed when the test ends."""
    with RunLock(layout, command="test") as lock, Ledger(layout, lock) as ledger:
        yield Story(ledger, git(checkout, "rev-parse", "HEAD"))


@pytest.fixture
def mixed(story: Story) -> Story:
    """A run of three: one done, one quarantined for what it found, one blocked by it."""
    story.begin(
        Workstream("api", title="The interface"),
        Workstream("ui", depends_on=("api",)),
        Workstream("docs", depends_on=("api", "ui"), conflicts_with=("api",)),
    )
    checked = (W.READY, W.EDITING, W.STATIC_CHECK, W.RUNTIME_CHECK, W.CHECKED)
    story.attempt("api", state=AttemptState.SUCCEEDED, exit_code=0)
    story.go("api", *checked, W.MERGING, W.DONE, attempts=1, commit=story.base)
    finding = Finding("ruff", "F401", "unused", b"app.py", 3, signature="ruff::F401::unused")
    story.attempt(
        "ui", Step.STATIC, findings=(finding,), reason="ruff: 1 finding.", stdout_log="ui-1.out"
    )
    story.event(
        EventType.GATE_FAILED, "ruff: 1 finding.", ws_id="ui", level=Level.WARNING, step="static"
    )
    kept = story.patch(
        "ui",
        b"--- a/app.py\n+++ b/app.py\n@@ -1 +1,2 @@\n print('hello')\n+\x1b[31m\n",
        EventType.PATCH_CREATED,
        EventType.PATCH_VALIDATED,
        EventType.PATCH_QUARANTINED,
        paths=(b"app.py", b"caf\xe9.py"),
        added=1,
    )
    story.error("ruff::F401::unused", path="app.py", line=3, ws_id="ui")
    story.error("ruff::F401::unused", path="app.py", line=3, ws_id="ui")
    story.go(
        "ui",
        W.READY,
        W.EDITING,
        W.QUARANTINED,
        reason="It never passed.",
        attempts=3,
        patch_id=kept,
    )
    story.go("docs", W.BLOCKED, reason="ui, which it depends on, ended quarantined.")
    story.end(RunState.PARTIAL, integration_commit=story.base)
    return story
