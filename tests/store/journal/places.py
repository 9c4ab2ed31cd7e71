"""A real repository with a ledger that holds runs of every kind, and journals of them."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.base.clock import now
from pipeline.base.files import sha256
from pipeline.base.git import Repository
from pipeline.base.ids import new_id
from pipeline.model.config import Config
from pipeline.model.event import EventDraft, EventType
from pipeline.model.finding import Finding
from pipeline.model.patch import Patch
from pipeline.model.plan import Plan
from pipeline.model.publication import Publication, PublicationKind
from pipeline.model.record import AttemptState, RunRecord, Step, StepAttempt, WorkstreamRecord
from pipeline.model.review import Answer, Option, Review, ReviewKind, ReviewState
from pipeline.model.states import RunState, WorkstreamState
from pipeline.model.verdict import CheckResult, Result
from pipeline.model.workstream import Workstream
from pipeline.store import units
from pipeline.store.journal import JournalWriter
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock
from pipeline.store.publications import save_publication
from pipeline.store.reviews import answer_review, request_review
from pipeline.store.verdicts import VerdictCache

W = WorkstreamState
KEEP = 1000


@dataclass
class Place:
    """A repository, where its state is, and its open ledger."""

    repo: Repository
    layout: Layout
    ledger: Ledger
    base: str

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.layout.top, input=stdin, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def writer(self, run_id: str) -> JournalWriter:
        return JournalWriter(self.repo, self.layout, self.ledger, run_id, log_bytes=KEEP)

    def log(self, run_id: str, name: str, data: bytes) -> str:
        folder = self.layout.tool_outputs(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        return str(folder / name)


def open_place(top: Path) -> Iterator[Place]:
    def git(*arguments: str) -> str:
        who = [word for key in ("name", "email") for word in ("-c", f"user.{key}=Test")]
        done = subprocess.run(
            ["git", *who, *arguments], cwd=top, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    top.mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main")
    git("commit", "--quiet", "--allow-empty", "--message=Base", "--date=2025-01-01T00:00:00Z")
    layout = Layout(top, top / ".git")
    with (
        Repository.discover(top) as repo,
        RunLock(layout, command="a test") as lock,
        Ledger(layout, lock) as ledger,
    ):
        yield Place(repo, layout, ledger, git("rev-parse", "HEAD"))


def begin(place: Place, names: str = "ab") -> str:
    """A new run with workstreams; ``exec`` for one of a program, without any."""
    run_id = new_id()
    is_exec = names == "exec"
    streams = () if is_exec else tuple(Workstream(name) for name in names)
    plan = None if is_exec else Plan(place.base, streams, Config(), key=f"key-{names}")
    place.ledger.create_run(
        RunRecord(
            run_id,
            f"key-{names}",
            RunState.PENDING,
            place.base,
            kind="exec" if is_exec else "run",
            created_at=now(),
        ),
        plan,
        [WorkstreamRecord(run_id, ws.id, seq) for seq, ws in enumerate(streams)],
    )
    place.ledger.move_run(run_id, RunState.PENDING, RunState.RUNNING, "It runs.")
    return run_id


def start(place: Place, run_id: str, ws_id: str = "a", number: int = 1) -> StepAttempt:
    """Let a workstream work: an attempt is open."""
    if number == 1:
        place.ledger.move(run_id, ws_id, W.PENDING, W.READY, "Ready.")
        place.ledger.move(run_id, ws_id, W.READY, W.EDITING, "Editing.")
    attempt = StepAttempt(
        new_id(), run_id, ws_id, 1, Step.EDIT, number, tool="agent", started_at=now()
    )
    place.ledger.start_attempt(attempt)
    place.ledger.flush()
    return attempt


def finish(place: Place, attempt: StepAttempt, text: bytes = b"a patch\n") -> None:
    """End an attempt with everything that may belong to it."""
    run_id, ws_id = attempt.run_id, attempt.ws_id
    patch = Patch(
        sha256(text), "7" * 40, "8" * 40, (b"a", b"\xff"), 1, 2, len(text), True, False, None
    )
    log = place.log(run_id, f"{ws_id}-{attempt.attempt_id}.stdout", b"said " + text)
    ended = replace(
        attempt,
        state=AttemptState.FAILED,
        finished_at=now(),
        stdout_log=log,
        patch_id=patch.id,
        findings=(Finding("ruff", "E1", "bad \udcff", b"\xff.py", 3, signature="ruff::E1::bad"),),
        details={"cost": 1.0, "agent": {"usage": {"cost_nusd": 10**15, "z": None, "a": [1.5e-7]}}},
    )
    events = [
        EventDraft(
            kind,
            "It is.",
            attempt_id=attempt.attempt_id,
            payload={"patch_id": patch.id, "p": b"\xff"},
        )
        for kind in (EventType.PATCH_CREATED, EventType.PATCH_VALIDATED)
    ]
    error = units.ErrorDraft("E1", "ruff::E1::bad", f"bad {ws_id}", {"path": b"\xff"})
    same = units.ErrorDraft("E0", "ruff::E1::bad", "bad", {})
    place.ledger.update(
        run_id,
        ws_id,
        W.EDITING,
        changes={"reason": "late \udcff"},
        attempt=ended,
        patch=(patch, text),
        errors=(error, same),
        events=events,
    )


def judge(place: Place, run_id: str, tree: str, result: Result = Result.PASSED) -> None:
    """Keep a verdict about a tree."""
    full = b'{"tree":"%s"}' % tree.encode()
    log = place.log(run_id, f"gate-{tree}.stderr", b"x" * 3000)
    place.ledger.flush()
    VerdictCache(place.ledger, run_id).save(
        sha256(full), full, CheckResult("lint", result, sha256(full), 0, 0.1, stderr_log=log)
    )
    place.ledger.flush()


def ask(place: Place, run_id: str, ws_id: str) -> Review:
    """Ask a person about a workstream that is edited."""
    asked = Review(
        new_id(), run_id, ws_id, 1, ReviewKind.LADDER, ReviewState.OPEN, "What?", asked_at=now()
    )
    request_review(place.ledger, asked, W.EDITING, changes={}, extras=units.Extras())
    return asked


def fill(place: Place) -> tuple[str, ...]:
    """Runs of every kind, that go on side by side; returns their ids in the order of the rows."""
    one = begin(place)
    first = start(place, one)
    judge(place, one, "t1")
    program = begin(place, "exec")
    two = begin(place, "abc")
    second = start(place, two)
    finish(place, first)
    finish(place, start(place, one, number=2), b"another\n")
    judge(place, two, "t1", Result.FAILED)
    judge(place, one, "t2")
    judge(place, one, "t1")  # replaces the first
    finish(place, second)
    answered = ask(place, two, "a")
    answer_review(
        place.ledger, answered, Answer(Option.ADJUST, "go on", "ann"), at=now(), changes={}
    )
    start(place, two, "b")
    ask(place, two, "b")
    start(place, two, "c")  # stays open
    for kind in (PublicationKind.BRANCH, PublicationKind.CHECK_RUN):
        save_publication(
            place.ledger, Publication(one, "a", kind, "n", "octo/shop", 7, "https://x", place.base)
        )
    place.ledger.move_run(program, RunState.RUNNING, RunState.COMPLETED, "Done.")
    place.ledger.move_run(one, RunState.RUNNING, RunState.CANCELLED, "Enough.")
    place.ledger.flush()
    return one, program, two
