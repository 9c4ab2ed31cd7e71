"""Real history run as workstreams gives upstream's tree, and the same commits whatever the way."""

import subprocess
import sys
from pathlib import Path

import pytest
from history import LastTouched, Replay, git, stretch
from invented import CHANGES, invent

pytestmark = pytest.mark.replay

OWN = Path(__file__).parents[2]
OWN_COMMITS = 20


@pytest.fixture(scope="session")
def own_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project's own repository; an invented one where it has no history, as in an sdist."""
    try:
        has_history = len(stretch(OWN, "HEAD", OWN_COMMITS + 1)) > OWN_COMMITS // 2
        is_whole = git(OWN, "rev-parse", "--is-shallow-repository") == b"false\n"
    except RuntimeError:
        has_history = is_whole = False
    if has_history and is_whole:
        return OWN
    directory = tmp_path_factory.mktemp("invented") / "history"
    invent(directory, seed=0, commits=OWN_COMMITS)
    return directory


@pytest.fixture(scope="session")
def invented_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history with two changes of every kind."""
    directory = tmp_path_factory.mktemp("invented") / "history"
    invent(directory, seed=7, commits=2 * len(CHANGES))
    return directory


def commit_of(replay: Replay, *, jobs: int, fresh: bool = False, landing: str = "each") -> str:
    """Run; everything has to land and the tree to be upstream's."""
    summary = replay.run(jobs=jobs, fresh=fresh, landing=landing)
    assert replay.problems(summary) == []
    return str(summary["integration_commit"])


def replay_in_every_way(source: Path, place: Path, commits: int) -> None:
    one = Replay.make(source, place / "one", commits=commits)
    made = {commit_of(one, jobs=1)}
    one.write_bundles(seed=1)
    made.add(commit_of(one, jobs=4, fresh=True))
    other = Replay.make(source, place / "other", commits=commits)
    other.write_bundles(seed=2)
    made.add(commit_of(other, jobs=4))
    made.add(commit_of(other, jobs=4))  # what is completed is not done again
    made.add(commit_of(other, jobs=2, landing="batch"))
    assert len(made) == 1
    assert git(other.top, "fsck", "--strict", "--no-dangling") == b""


def test_own_history(own_history: Path, tmp_path: Path) -> None:
    replay_in_every_way(own_history, tmp_path, OWN_COMMITS)


def test_invented_history(invented_history: Path, tmp_path: Path) -> None:
    replay_in_every_way(invented_history, tmp_path, 2 * len(CHANGES))


def test_run_that_stops_short_is_seen(invented_history: Path, tmp_path: Path) -> None:
    """What the other tests hold against a run can be seen."""
    replay = Replay.make(invented_history, tmp_path / "replay", commits=8)
    missing = replay.bundles[-1]["id"]
    patch = replay.top / f"patches/{missing}.patch"
    patch.write_bytes(patch.read_bytes().replace(b"100644", b"100755"))
    problems = replay.problems(replay.run(jobs=2))
    assert len(problems) == 2
    assert missing in problems[0]
    assert "upstream's is" in problems[1]


def test_invented_history_holds_what_is_hard(invented_history: Path) -> None:
    raw = git(invented_history, "log", "--format=%x01%P", "--raw", "-z", "-m", "--first-parent")
    for sign in (b" 120000", b" 100755", b"100644 120000", b"120000 100644", b"\xe9", b"\n"):
        assert sign in raw, sign
    patches = git(invented_history, "log", "-p", "--binary", "--format=")
    for sign in (b"\r\n", b"GIT binary patch", b"\\ No newline at end of file"):
        assert sign in patches, sign
    parents = git(invented_history, "log", "--format=%P").decode().splitlines()
    assert any(len(line.split()) == 2 for line in parents)
    trees = git(invented_history, "log", "--first-parent", "--format=%T").decode().split()
    assert len(set(trees)) < len(trees)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ([b"a"], [b"a"]),
        ([b"a"], [b"a/b"]),
        ([b"a/b/c"], [b"a"]),
        ([b"a/b", b"a/c"], [b"a/c/d"]),
    ],
)
def test_step_needs_those_that_touched_its_paths_or_their_folders(
    earlier: list[bytes], later: list[bytes]
) -> None:
    last = LastTouched()
    last.touch([b"other"], 0)
    last.touch(earlier, 1)
    last.touch([b"ab"], 2)
    assert last.needs(later) == {1}


def test_last_one_is_enough() -> None:
    last = LastTouched()
    for number in range(3):
        last.touch([b"a"], number)
    assert last.needs([b"a"]) == {2}


def test_program_replays_and_reports(invented_history: Path) -> None:
    program = Path(__file__).with_name("history.py")
    command = [sys.executable, program, invented_history, "--commits", "6", "--jobs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("tree equal") == 3
    assert "1 different integration commits" in done.stdout
