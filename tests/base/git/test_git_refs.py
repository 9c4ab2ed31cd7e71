import os
import subprocess
import sys
import threading

import pytest

from pipeline.base.errors import BugError
from pipeline.base.git import (
    Identity,
    RefInTheWayError,
    RefLockedError,
    RefMovedError,
    RefNameError,
    RefUpdate,
    Repository,
    is_ref_name,
)

NAME = "refs/pipeline/run/state"
ZERO = "0" * 40


@pytest.fixture
def commits(repo: Repository) -> list[str]:
    head = repo.resolve_commit("HEAD")
    made = [head]
    for n in range(3):
        who = Identity("N", "n@example.com", 1_700_000_000 + n)
        tree = repo.commit_tree(head)
        made.append(
            repo.commit(tree=tree, parents=[made[-1]], message=f"{n}", author=who, committer=who)
        )
    return made


def test_make_move_check_and_remove(repo, commits) -> None:
    repo.refs.update([RefUpdate(NAME, commits[0], None)])
    assert repo.refs.read(NAME) == commits[0]
    repo.refs.update([RefUpdate(NAME, commits[1], commits[0])])
    repo.refs.update([RefUpdate(NAME, commits[1], commits[1])])
    assert repo.refs.list("refs/pipeline") == {NAME: commits[1]}
    repo.refs.update([RefUpdate(NAME, None, commits[1])])
    assert repo.refs.read(NAME) is None


def test_a_zero_id_means_that_the_ref_must_not_exist(repo, commits) -> None:
    repo.refs.update([RefUpdate(NAME, commits[0], ZERO)])
    with pytest.raises(RefMovedError) as caught:
        repo.refs.update([RefUpdate(NAME, commits[1], ZERO)])
    assert (caught.value.expected, caught.value.actual) == (None, commits[0])


@pytest.mark.parametrize("new", ["set", "removed", "checked"])
def test_a_ref_that_moved_is_left_alone_and_its_value_told(repo, commits, new) -> None:
    repo.refs.update([RefUpdate(NAME, commits[0], None)])
    target = {"set": commits[2], "removed": None, "checked": commits[1]}[new]
    with pytest.raises(RefMovedError) as caught:
        repo.refs.update([RefUpdate(NAME, target, commits[1])])
    assert caught.value.name == NAME
    assert (caught.value.expected, caught.value.actual) == (commits[1], commits[0])
    assert repo.refs.read(NAME) == commits[0]


def test_a_ref_that_is_gone_is_not_made_again(repo, commits) -> None:
    with pytest.raises(RefMovedError) as caught:
        repo.refs.update([RefUpdate(NAME, commits[1], commits[0])])
    assert caught.value.actual is None
    assert repo.refs.read(NAME) is None


def test_all_refs_move_or_none(repo, commits) -> None:
    repo.refs.update([RefUpdate(NAME, commits[0], None)])
    with pytest.raises(RefMovedError):
        repo.refs.update(
            [
                RefUpdate("refs/pipeline/first", commits[1], None),
                RefUpdate(NAME, commits[2], commits[1]),
                RefUpdate("refs/pipeline/last", commits[1], None),
            ]
        )
    assert repo.refs.list("refs/pipeline") == {NAME: commits[0]}


@pytest.mark.parametrize(
    ("taken", "wanted"),
    [
        ("refs/heads/ws", "refs/heads/ws/plan/one"),
        ("refs/heads/ws/plan/one", "refs/heads/ws"),
    ],
)
def test_a_name_in_the_way_is_named(checkout, repo, commits, taken, wanted) -> None:
    checkout.git("update-ref", taken, commits[0])
    with pytest.raises(RefInTheWayError) as caught:
        repo.refs.update([RefUpdate(wanted, commits[0], None)])
    assert (caught.value.name, caught.value.in_the_way) == (wanted, taken)


def test_packed_refs_count_like_loose_ones(checkout, repo, commits) -> None:
    repo.refs.update([RefUpdate(NAME, commits[0], None)])
    checkout.git("pack-refs", "--all", "--prune")
    assert repo.refs.read(NAME) == commits[0]
    with pytest.raises(RefMovedError):
        repo.refs.update([RefUpdate(NAME, commits[1], None)])
    repo.refs.update([RefUpdate(NAME, None, commits[0])])
    assert repo.refs.list("refs/pipeline") == {}


def test_a_symbolic_ref_is_replaced_and_not_followed(checkout, repo, commits) -> None:
    main = repo.refs.read("refs/heads/main")
    checkout.git("symbolic-ref", NAME, "refs/heads/main")
    repo.refs.update([RefUpdate(NAME, commits[2], main)])
    assert repo.refs.read("refs/heads/main") == main
    assert repo.refs.read(NAME) == commits[2]


def test_a_listing_goes_by_whole_parts_of_names(repo, commits) -> None:
    names = ["refs/heads/ws/a", "refs/heads/wsx", "refs/heads/ws-y"]
    repo.refs.update(RefUpdate(name, commits[0], None) for name in names)
    assert list(repo.refs.list("refs/heads/ws")) == ["refs/heads/ws/a"]
    assert list(repo.refs.list("refs/heads/ws/", "refs/heads/wsx")) == names[:2]
    assert "refs/heads/main" in repo.refs.list()
    assert repo.refs.read("refs/heads/ws") is None


@pytest.mark.parametrize("prefix", ["--shell", "heads", "", "refs/heads/*", "refs/../x"])
def test_only_prefixes_of_ref_names_are_listed(repo, prefix) -> None:
    with pytest.raises(RefNameError):
        repo.refs.list(prefix)


@pytest.mark.parametrize("name", ["", "HEAD", "refs/../x", "--all", "refs/heads/*"])
def test_there_is_nothing_at_what_is_no_name(repo, name) -> None:
    assert repo.refs.read(name) is None


def test_the_reflog_says_why(checkout, repo, commits) -> None:
    checkout.git("config", "core.logAllRefUpdates", "always")
    repo.refs.update([RefUpdate(NAME, commits[0], None)], message="land\nws-1\0")
    assert checkout.says("reflog", "show", "--format=%gs", NAME) == "land ws-1"


@pytest.mark.parametrize("oid", ["", "HEAD", "1" * 39, "1" * 64, "g" * 40, "1" * 40 + "\n"])
def test_what_is_no_object_id_never_reaches_git(repo, oid) -> None:
    with pytest.raises(BugError):
        repo.refs.update([RefUpdate(NAME, oid, None)])
    with pytest.raises(BugError):
        repo.refs.update([RefUpdate(NAME, "1" * 40, oid)])


def test_updates_that_make_no_sense_are_refused(repo, commits) -> None:
    with pytest.raises(BugError, match="known value"):
        repo.refs.update([RefUpdate(NAME, None, None)])
    with pytest.raises(BugError, match="twice"):
        repo.refs.update([RefUpdate(NAME, commits[0], None)] * 2)
    with pytest.raises(RefNameError):
        repo.refs.update([RefUpdate("refs/pipeline/a\0b", commits[0], None)])
    repo.refs.update([])


TAILS = r"a a/b - -a @ a.b .a a.lock a.lock/b a..b a. /a a~ a^ a: a? a* a[ a\ a@{b a/ a/."


@pytest.mark.parametrize(
    "name",
    [
        *(f"refs/heads/{tail}" for tail in TAILS.split()),
        *(f"refs/x/a{odd}" for odd in (" b", "\t", "\n", "\x7f", "\u00e4")),
        "refs/a",
        "/refs/x",
    ],
)
def test_names_are_judged_as_git_judges_them(name) -> None:
    done = subprocess.run(["git", "check-ref-format", name], check=False)
    assert is_ref_name(name) == (done.returncode == 0)


@pytest.mark.parametrize("name", ["HEAD", "refs", "main", "heads/main"])
def test_only_full_names_are_names(name) -> None:
    assert not is_ref_name(name)


def test_a_lock_that_a_killed_git_left_is_named_and_can_be_healed(repo, commits) -> None:
    repo.refs.update([RefUpdate(NAME, commits[0], None)])
    lock = repo.common_dir / f"{NAME}.lock"
    foreign = repo.common_dir / "refs/heads/main.lock"
    lock.touch()
    foreign.touch()
    fast = Repository.discover(repo.top)
    fast.refs.lock_wait_ms = 50
    with fast, pytest.raises(RefLockedError, match=r"state\.lock"):
        fast.refs.update([RefUpdate(NAME, commits[1], commits[0])])
    assert repo.refs.heal_locks("refs/pipeline") == (lock,)
    repo.refs.update([RefUpdate(NAME, commits[1], commits[0])])
    assert foreign.exists()


def test_one_of_many_writers_wins_each_round(repo, commits) -> None:
    """Eight threads count by compare-and-swap; the count is the number of times one won."""
    who = Identity("N", "n@example.com", 1_700_000_000)
    tree = repo.commit_tree(commits[0])
    repo.refs.update([RefUpdate(NAME, commits[0], None)])
    won: list[str] = []

    def count(me: int) -> None:
        for _ in range(6):
            now = repo.refs.read(NAME)
            mine = repo.commit(
                tree=tree, parents=[now], message=f"by {me}", author=who, committer=who
            )
            try:
                repo.refs.update([RefUpdate(NAME, mine, now)])
            except RefMovedError:
                continue
            won.append(mine)

    threads = [threading.Thread(target=count, args=(me,)) for me in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    line = repo.first_parents(commits[0], repo.refs.read(NAME))
    assert won
    assert {commit.oid for commit in line} == set(won)
    assert len(line) == len(won)


def test_no_hook_runs_when_refs_move(checkout, repo, commits, tmp_path) -> None:
    proof = tmp_path / "ran"
    hook = checkout.path / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!{sys.executable}\nopen({os.fspath(proof)!r}, 'w')\n")
    hook.chmod(0o755)
    repo.refs.update([RefUpdate(NAME, commits[0], None)])
    assert not proof.exists()
    checkout.git("update-ref", "refs/x/y", commits[0])
    assert proof.exists()  # the trap works


def test_objects_are_durable_before_a_ref_names_them(repo, commits) -> None:
    repo.refs.update([RefUpdate(NAME, commits[3], None)])
    assert repo.objects.loose.flush() == 0
