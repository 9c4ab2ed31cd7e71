"""Old things go, here and on the remote; what is anybody else's, or may be needed, stays."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from machines import Hub, Machine, Shared, join, make_hub
from small_run import git, go, make_repository

from pipeline.base.schema import fast_check
from pipeline.flow.holding import hold
from pipeline.flow.sync_refs import made_at
from pipeline.model.publication import Publication, PublicationKind
from pipeline.store.publications import save_publication

BRANCHES = ("ws/plan/bottom", "ws/plan/loud", "ws/plan/note", "ws/plan/top")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """A finished run that was synchronised and published, as far as branches go."""
    folder = tmp_path_factory.mktemp("cleanup")
    make_repository(folder / "one")
    shared = Shared(folder, go(folder / "one"))
    one = shared.machine("one")
    make_hub(one, shared.hub.top)
    one.git("push", "--quiet", "origin", "refs/heads/*:refs/heads/*")
    one.sync()
    return shared


@pytest.fixture
def shared(made: Shared, tmp_path: Path) -> Shared:
    return made.copy_to(tmp_path)


@pytest.fixture
def one(shared: Shared) -> Machine:
    return shared.machine("one")


def short(hub: Hub) -> set[str]:
    return {name.removeprefix("refs/heads/") for name in hub.refs("refs")}


class Cleaner:
    """``pipeline cleanup --format json`` on a machine."""

    def __init__(self, machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
        self._machine, self._capfd = machine, capfd

    def __call__(self, *arguments: str, older_than: str = "0s") -> dict[str, dict[str, str]]:
        words = ("cleanup", "--older-than", older_than, "--format", "json", *arguments)
        done = self._machine.cli(self._capfd, *words)
        assert done.code == 0, done.err
        found: dict[str, Any] = json.loads(done.out)
        assert fast_check("cleanup.v1.json")(found)
        assert all(one["reason"] for one in (*found["removed"], *found["kept"]))
        return {
            "removed": {
                one["name"].removeprefix("refs/heads/"): one["kind"] for one in found["removed"]
            },
            "kept": {
                one["name"].removeprefix("refs/heads/"): one["why_kept"] for one in found["kept"]
            },
        }


@pytest.fixture
def cleanup(one: Machine, capfd: pytest.CaptureFixture[str]) -> Cleaner:
    return Cleaner(one, capfd)


def test_what_is_old_goes_and_nothing_else(shared: Shared, one: Machine, cleanup: Cleaner) -> None:
    hub = shared.hub
    git(hub.top, "branch", "ws/plan/own", "main")
    before = hub.refs("refs"), one.refs("refs")
    assert cleanup("--remote", older_than="1h")["removed"] == {}
    dry = cleanup("--remote", "--dry-run")
    assert (hub.refs("refs"), one.refs("refs")) == before
    assert one.layout.tool_outputs(one.run_id).is_dir()
    real = cleanup("--remote")
    assert real == dry
    ours = {*BRANCHES, f"pipeline/{one.run_id}", f"refs/pipeline/archive/{one.run_id}"}
    assert ours <= real["removed"].keys()
    assert short(hub) == {"main", "ws/plan/own"}
    assert not one.layout.tool_outputs(one.run_id).exists()
    assert one.refs()  # among the newest
    assert cleanup("--remote")["removed"] == {}


def test_people_are_told_on_which_side_a_thing_is(
    one: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    told = one.cli(capfd, "cleanup", "--older-than", "0s", "--remote", "--dry-run").out
    archive = f"refs/pipeline/archive/{one.run_id}"
    assert f"{archive} on origin: would be removed" in told
    assert f"{archive}: kept: the newest 20 archives stay here" in told
    assert "0 days" not in told


def test_a_branch_that_somebody_moved_stays(shared: Shared, one: Machine, cleanup: Cleaner) -> None:
    git(shared.hub.top, "branch", "--force", "ws/plan/top", "main~0")
    moved = git(shared.hub.top, "commit-tree", "ws/plan/note^{tree}", "-p", "main", "-m", "mine")
    git(shared.hub.top, "branch", "--force", "ws/plan/note", moved)
    found = cleanup("--remote")
    assert "somebody moved" in found["kept"]["ws/plan/note"]
    assert {"ws/plan/note", "ws/plan/top"} <= short(shared.hub)
    assert "ws/plan/bottom" in found["removed"]


def test_what_a_newer_or_unfinished_run_uses_stays(
    shared: Shared, one: Machine, cleanup: Cleaner
) -> None:
    columns = [row[1] for row in one.sql("PRAGMA table_info(runs)")]
    own = {"run_id": "'" + "7" + one.run_id[1:] + "'", "state": "'partial'", "finished_at": "''"}
    values = ", ".join(own.get(name, f'"{name}"') for name in columns)
    one.sql(f"INSERT INTO runs SELECT {values} FROM runs")
    columns = [row[1] for row in one.sql("PRAGMA table_info(workstreams)")]
    values = ", ".join(own["run_id"] if name == "run_id" else f'"{name}"' for name in columns)
    one.sql(f"INSERT INTO workstreams SELECT {values} FROM workstreams WHERE ws_id = 'top'")
    found = cleanup("--remote")
    assert "ws/plan/top" in short(shared.hub)
    assert "ws/plan/note" in found["removed"]


def test_a_branch_with_an_open_pull_request_stays(
    shared: Shared, one: Machine, cleanup: Cleaner
) -> None:
    commit = shared.hub.refs("refs")["refs/heads/ws/plan/top"]
    pull = Publication(
        one.run_id, "top", PublicationKind.PULL_REQUEST, "", "octo/shop", 7,
        commit=commit, state="open",
    )  # fmt: skip  # the call in rows
    with hold(one.layout, "a test") as ledger:
        save_publication(ledger, pull)
    archive = f"refs/pipeline/archive/{one.run_id}"
    kept = cleanup("--remote")["kept"]
    assert "#7" in kept["ws/plan/top"]
    assert archive in shared.hub.refs("refs")  # else nobody knew later whose branch it is
    git(shared.hub.top, "branch", "--force", "main", commit)  # merged
    removed = cleanup("--remote")["removed"]
    assert removed["ws/plan/top"] == "remote_branch"
    assert archive not in shared.hub.refs("refs")


def test_a_fresh_clone_learns_what_is_ours_before_it_removes(
    shared: Shared, capfd: pytest.CaptureFixture[str]
) -> None:
    fresh = join(shared.hub, shared.folder / "fresh")
    found = Cleaner(fresh, capfd)("--remote")
    assert set(BRANCHES) <= found["removed"].keys()
    assert short(shared.hub) == {"main"}


def test_what_was_cleaned_up_does_not_come_back(
    shared: Shared, one: Machine, cleanup: Cleaner, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleanup("--remote")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 31 * 86_400)
    report = one.sync()
    assert (report.runs, report.is_well) == ((), True)
    assert short(shared.hub) == {"main"}
    assert one.sync(runs=(one.run_id,)).runs[0].sent == "new"  # who names it has it
    fresh = join(shared.hub, shared.folder / "fresh")
    assert fresh.sync().runs == ()
    assert fresh.sync(runs=(one.run_id,)).runs[0].received == "new"


def test_an_id_tells_when_a_run_was_made() -> None:
    assert made_at("01arz3ndektsv4rrffq69g5fav") == 1469922850.259  # of the ULID specification
