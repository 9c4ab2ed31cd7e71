"""Worktrees are found, opened and cleaned up, and what somebody might miss stays."""

import fcntl
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_run import Small, go, make_repository

from pipeline.base.git import Repository
from pipeline.base.git.ancestry import ahead_behind, unreachable_tips
from pipeline.flow.slot_directories import remove_if_free, slots
from pipeline.store.lock import RunLock

DAY = 86_400


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Small:
    top = tmp_path_factory.mktemp("worktrees") / "made"
    make_repository(top)
    return Small(top, go(top))


@pytest.fixture
def small(made: Small, tmp_path: Path) -> Small:
    copy = made.copy_to(tmp_path / "repository")
    (tmp_path / "slots").mkdir()
    config = json.loads((copy.top / "pipeline.yaml").read_text())
    config["paths"]["worktrees"] = str(tmp_path / "slots")
    (copy.top / "pipeline.yaml").write_text(json.dumps(config))
    return copy


@pytest.fixture
def cli(small, capfd):
    return lambda *arguments: small.cli(capfd, "worktree", *arguments)


@pytest.fixture
def slot(small) -> Callable[..., Path]:
    """Makes a slot directory as a pool would leave it."""

    def make(number: int, *, days: float = 0, names: tuple[str, ...] = ("snapshot",)) -> Path:
        path = small.layout.slots / f"slot-{number}"
        (path / "tree").mkdir(parents=True)
        (path / "tree" / "file").write_text("x" * 10_000)
        (path / "lock").write_text(json.dumps({"owner": "run/ws", "pid": 7, "since": 0}))
        for name in names:
            (path / name).touch()
        for name in ("lock", *names):
            os.utime(path / name, (time.time() - days * DAY,) * 2)
        return path

    return make


def age(small: Small, ws_id: str, days: float) -> None:
    """Let git's last word on a worktree be so long ago."""
    entry = small.top / ".git/worktrees" / f"pipeline-{ws_id}"
    for path in (*entry.iterdir(), *entry.glob("logs/*")):
        os.utime(path, (time.time() - days * DAY,) * 2)


# Slots


def test_slots_are_told_apart(small, cli, slot):
    slot(0)
    slot(1, names=())
    slot(2, names=("broken",))
    busy = slot(3)
    for name in ("other", "slot-x"):
        (small.layout.slots / name).mkdir()
    (small.layout.slots / "slot-9").mkdir()  # no pool has ever locked it
    (small.layout.slots / "slot-8").symlink_to(busy)
    with (busy / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        listed = json.loads(cli("list", "--format", "json").out)["slots"]
    found = {one["number"]: one["status"] for one in listed}
    assert found == {0: "idle", 1: "stale", 2: "broken", 3: "busy"}
    assert all(one["size"] >= 10_000 and one["owner"] == "run/ws" for one in listed)


def test_looking_takes_no_lock_for_good(small, cli, slot):
    path = slot(0)
    cli("list")
    with (path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_real_slots_of_a_run_are_idle(made):
    assert {one.status for one in slots(made.layout.slots)} == {"idle"}


def test_old_slots_go_and_busy_ones_stay(small, cli, slot):
    paths = [slot(0, days=8), slot(1, days=8, names=()), slot(2, days=6), slot(3, days=8)]
    with (paths[3] / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = cli("cleanup")
    assert [path.exists() for path in paths] == [False, False, True, True]
    assert done.code == 1
    assert "slot-3: kept: a process has it" in done.out


def test_slot_taken_after_it_was_looked_at_stays(slot, small):
    path = slot(0, days=8)
    (seen,) = slots(small.layout.slots)
    with (path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not remove_if_free(seen)
    assert (path / "tree" / "file").exists()


def test_removal_stays_inside_of_the_slot(small, cli, slot, tmp_path):
    path = slot(0, days=8)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (path / "tree" / "way-out").symlink_to(outside)
    assert cli("cleanup").code == 0
    assert not path.exists()
    assert (outside / "precious").exists()


def test_dry_run_changes_nothing(small, cli, slot):
    path = slot(0, days=8)
    cli("open", "top")
    age(small, "top", 8)
    done = cli("cleanup", "--dry-run")
    assert (done.code, "2 of 2 would be removed" in done.out) == (0, True)
    assert path.exists()
    assert (small.top / ".worktrees/top/app.txt").exists()


@pytest.mark.parametrize(
    ("text", "is_gone"), [("7d", True), ("9d", False), ("192h", True), ("2w", False), ("0s", True)]
)
def test_ages(small, cli, slot, text, is_gone):
    path = slot(0, days=8.1)
    cli("cleanup", "--older-than", text)
    assert path.exists() is not is_gone


@pytest.mark.parametrize("text", ["7", "d", "-1d", "7 days", ""])
def test_what_is_no_age_is_an_input_error(cli, slot, text):
    path = slot(0, days=8)
    assert cli("cleanup", f"--older-than={text}").code == 2
    assert path.exists()


# People's worktrees


def test_open_gives_a_worktree_of_the_branch(small, cli):
    done = cli("open", "top")
    path = Path(done.out.strip())
    assert (done.code, path) == (0, small.top / ".worktrees" / "top")
    assert "LINE 2" in (path / "app.txt").read_text()
    assert small.git("-C", str(path), "symbolic-ref", "HEAD") == "refs/heads/ws/plan/top"
    assert small.git("status", "--porcelain", "--", ".worktrees", ".pipeline") == ""


def test_open_again_finds_it(small, cli):
    first = cli("open", "top").out
    (Path(first.strip()) / "mine").write_text("mine")
    assert cli("open", "top").out == first
    assert (Path(first.strip()) / "mine").exists()


@pytest.mark.parametrize(("name", "word"), [("stray", "no branch"), ("tops", "Did you mean top")])
def test_open_without_a_branch_says_why(cli, name, word):
    done = cli("open", name)
    assert done.code == 2
    assert word in done.err


def test_open_does_not_overwrite(small, cli):
    (small.top / ".worktrees" / "top").mkdir(parents=True)
    (small.top / ".worktrees" / "top" / "mine").touch()
    assert cli("open", "top").code == 3
    assert (small.top / ".worktrees" / "top" / "mine").exists()


def test_open_works_while_an_engine_is_live(small, cli):
    with RunLock(small.layout, command="pipeline run"):
        assert cli("open", "top").code == 0


def test_status_counts_what_a_person_did(small, cli):
    path = Path(cli("open", "top").out.strip())
    rows = {
        row["ws_id"]: row for row in json.loads(cli("status", "--format=json").out)["workstreams"]
    }
    assert list(rows) == [
        ws_id for (ws_id,) in small.sql("SELECT ws_id FROM workstreams ORDER BY seq")
    ]
    assert (rows["top"]["ahead"], rows["top"]["behind"], rows["top"]["is_dirty"]) == (0, 0, False)
    assert rows["top"]["path"] == str(path)
    assert (rows["stray"]["ahead"], rows["stray"]["is_dirty"]) == (None, None)
    small.git("-C", str(path), "commit", "--quiet", "--allow-empty", "--message=Mine")
    (path / "new").touch()
    (row,) = json.loads(cli("status", "top", "--format", "json").out)["workstreams"]
    assert (row["ahead"], row["behind"], row["is_dirty"]) == (1, 0, True)
    assert "(changed)" in cli("status", "top").out


def test_clean_old_worktree_goes_and_its_branch_stays(small, cli):
    path = Path(cli("open", "top").out.strip())
    small.git("-C", str(path), "commit", "--quiet", "--allow-empty", "--message=Mine")
    mine = small.git("rev-parse", "ws/plan/top")
    age(small, "top", 8)
    assert cli("cleanup").code == 0
    assert not path.exists()
    assert small.git("rev-parse", "ws/plan/top") == mine
    assert len(small.git("worktree", "list").splitlines()) == 1


def test_young_worktree_stays(small, cli):
    path = Path(cli("open", "top").out.strip())
    age(small, "top", 6)
    assert cli("cleanup").code == 0
    assert path.exists()


@pytest.mark.parametrize(
    "what", ["changed", "staged", "untracked", "detached", "merging", "locked"]
)
def test_worktree_that_holds_something_stays_and_is_named(small, cli, what):
    path = Path(cli("open", "top").out.strip())
    inside = ("-C", str(path))
    if what in ("changed", "staged"):
        (path / "app.txt").write_text("mine\n")
    if what == "staged":
        small.git(*inside, "add", "app.txt")
    if what == "untracked":
        (path / "mine").touch()
    if what == "detached":
        small.git(*inside, "checkout", "--quiet", "--detach")
        small.git(*inside, "commit", "--quiet", "--allow-empty", "--message=Mine")
    if what == "merging":
        (small.top / ".git/worktrees/pipeline-top/MERGE_HEAD").write_text("0" * 40)
    if what == "locked":
        small.git("worktree", "lock", str(path))
    age(small, "top", 8)
    done = cli("cleanup")
    assert done.code == 1
    assert "top: kept: " in done.out
    assert (path / "app.txt").exists()


def test_worktree_of_the_users_own_is_not_ours(small, cli, tmp_path):
    small.git("worktree", "add", "--quiet", "-b", "mine", str(tmp_path / "mine"))
    for path in (small.top / ".git/worktrees/mine").iterdir():
        os.utime(path, (1, 1))
    assert cli("cleanup", "--older-than", "0s").code == 0
    assert (tmp_path / "mine" / "app.txt").exists()


def test_commits_that_only_the_worktrees_log_knows_are_saved_first(small, cli):
    path = Path(cli("open", "top").out.strip())
    inside = ("-C", str(path))
    for name in ("One", "Two"):
        small.git(*inside, "commit", "--quiet", "--allow-empty", f"--message={name}")
    lost = small.git(*inside, "rev-parse", "HEAD")
    small.git(*inside, "reset", "--quiet", "--hard", "HEAD~2")
    age(small, "top", 8)
    done = cli("cleanup")
    assert not path.exists()
    assert small.git(
        "for-each-ref", "--format=%(objectname) %(refname)", "refs/pipeline/attic"
    ) == (f"{lost} refs/pipeline/attic/top/{lost}")
    assert f"refs/pipeline/attic/top/{lost}" in done.out


def test_directory_that_somebody_removed_is_forgotten(small, cli):
    path = Path(cli("open", "top").out.strip())
    import shutil

    shutil.rmtree(path)
    age(small, "top", 8)
    assert cli("cleanup").code == 0
    assert cli("open", "top").code == 0


# Ancestry


def test_ahead_behind_and_unreachable(small):
    main = small.git("rev-parse", "main")
    one = small.git("commit-tree", "main^{tree}", "-p", main, stdin=b"one\n")
    two = small.git("commit-tree", "main^{tree}", "-p", one, stdin=b"two\n")
    other = small.git("commit-tree", "main^{tree}", stdin=b"other\n")
    with Repository.discover(small.top) as repo:
        assert ahead_behind(repo, two, main) == (2, 0)
        assert ahead_behind(repo, main, two) == (0, 2)
        assert unreachable_tips(repo, [main, one, two, "1" * 40]) == (two,)
        assert unreachable_tips(repo, [one, other]) == tuple(sorted((one, other)))
        assert unreachable_tips(repo, [main]) == unreachable_tips(repo, []) == ()
