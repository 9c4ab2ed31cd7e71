import os
import threading

import pytest

from pipeline.base.git import GitError, RefMovedError, RefUpdate
from pipeline.base.git.ref_writer import RefWriter

NAME = "refs/heads/some/where"


@pytest.fixture
def commits(checkout) -> list[str]:
    for number in range(3):
        checkout.put("a.txt", f"{number}\n")
        checkout.commit()
    return checkout.says("rev-list", "HEAD").split()


@pytest.fixture
def writer(checkout):
    opened = RefWriter(checkout.path / ".git")
    yield opened
    opened.close()


def creating(name: str, oid: str) -> bytes:
    return f"update {name}\0{oid}\0{'0' * 40}\0".encode()


def pid_of(writer: RefWriter) -> int:
    assert writer._git is not None
    return writer._git.pid


def test_many_transactions_take_one_process(checkout, writer, commits) -> None:
    pids = set()
    for number in range(5):
        writer.run(creating(f"{NAME}/{number}", commits[0]), message="m", wait_ms=100)
        pids.add(pid_of(writer))
    assert len(pids) == 1
    assert len(checkout.says("for-each-ref", NAME).splitlines()) == 5


def test_the_transactions_after_a_failed_one_are_carried_out(checkout, writer, commits) -> None:
    writer.run(creating(NAME, commits[0]), message="m", wait_ms=100)
    both = creating("refs/heads/other", commits[0]) + creating(NAME, commits[1])
    with pytest.raises(GitError, match="reference already exists"):
        writer.run(both, message="m", wait_ms=100)
    assert checkout.says("for-each-ref", "--format=%(refname)", "refs/heads/other") == ""
    writer.run(creating("refs/heads/other", commits[2]), message="m", wait_ms=100)
    assert checkout.says("rev-parse", "refs/heads/other") == commits[2]
    assert checkout.says("rev-parse", NAME) == commits[0]


def test_a_process_that_was_killed_meanwhile_is_replaced(checkout, writer, commits) -> None:
    writer.run(creating(f"{NAME}/1", commits[0]), message="m", wait_ms=100)
    os.kill(pid_of(writer), 9)
    writer.run(creating(f"{NAME}/2", commits[1]), message="m", wait_ms=100)
    assert checkout.says("rev-parse", f"{NAME}/2") == commits[1]


def test_what_others_do_meanwhile_is_seen(checkout, repo, commits) -> None:
    repo.refs.update([RefUpdate(NAME, commits[0], None)])
    checkout.git("pack-refs", "--all", "--prune")
    repo.refs.update([RefUpdate(NAME, commits[1], commits[0])])
    checkout.git("update-ref", NAME, commits[2])
    with pytest.raises(RefMovedError):
        repo.refs.update([RefUpdate(NAME, commits[0], commits[1])])
    checkout.git("pack-refs", "--all", "--prune")
    checkout.git("update-ref", "-d", NAME)
    repo.refs.update([RefUpdate(f"{NAME}/below", commits[0], None)])
    checkout.git("update-ref", "-d", f"{NAME}/below")
    repo.refs.update([RefUpdate(NAME, commits[0], None)])
    assert checkout.says("rev-parse", NAME) == commits[0]


def test_each_message_gets_into_its_reflog(checkout, repo, commits) -> None:
    repo.refs.update([RefUpdate(NAME, commits[0], None)], message="one")
    repo.refs.update([RefUpdate(NAME, commits[1], commits[0])], message="two")
    assert checkout.says("reflog", "--format=%gs", NAME).splitlines() == ["two", "one"]


def test_an_old_process_is_replaced_since_its_reflog_dates_stand_still(checkout, commits) -> None:
    writer = RefWriter(checkout.path / ".git", oldest_s=-1.0)
    writer.run(creating(f"{NAME}/1", commits[0]), message="m", wait_ms=100)
    first = pid_of(writer)
    writer.run(creating(f"{NAME}/2", commits[0]), message="m", wait_ms=100)
    assert pid_of(writer) != first
    writer.close()


def test_threads_take_turns(checkout, writer, commits) -> None:
    def write(me: int) -> None:
        for number in range(5):
            writer.run(creating(f"{NAME}/{me}-{number}", commits[0]), message="m", wait_ms=100)

    threads = [threading.Thread(target=write, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(checkout.says("for-each-ref", NAME).splitlines()) == 20
