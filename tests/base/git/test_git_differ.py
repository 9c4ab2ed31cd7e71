import os
import threading

import pytest

from pipeline.base.git import FILE, GitError, TreeEntry
from pipeline.base.git.differ import Differ


@pytest.fixture
def tree(repo) -> str:
    return repo.commit_tree(repo.resolve_commit("HEAD"))


def with_file(repo, tree: str, content: bytes) -> str:
    blob = repo.objects.write("blob", content)
    return repo.trees.edit(tree, [(b"file", TreeEntry(FILE, blob))])


@pytest.fixture
def differ(repo):
    opened = Differ(repo._engine, repo.objects.loose.path)
    yield opened
    opened.close()


def pid_of(differ: Differ) -> int:
    assert differ._git is not None
    return differ._git.pid


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a line\n",
        b"end " + b"0" * 32 + b"\n" + b"no line end",
        b"0 \0 1",
        b"x" * 3_000_000,
        b"".join(b"line %d\r\n" % n for n in range(30_000)),
    ],
)
def test_a_patch_is_what_git_prints(checkout, repo, differ, tree, content) -> None:
    made = with_file(repo, tree, content)
    flags = ("--binary", "--full-index", "--no-renames", "--diff-algorithm=histogram")
    for one, two in ((tree, made), (made, tree), (tree, repo.objects.empty_tree)):
        expected = checkout.git("diff-tree", "-r", "-p", *flags, one, two)
        assert differ.text(one, two) == expected
    assert differ.text(made, made) == b""


def test_one_git_answers_many_times(repo, differ, tree) -> None:
    pids = set()
    for number in range(5):
        differ.text(tree, with_file(repo, tree, b"%d\n" % number))
        pids.add(pid_of(differ))
    assert len(pids) == 1


def test_a_git_that_died_is_replaced(repo, differ, tree) -> None:
    made = with_file(repo, tree, b"x\n")
    expected = differ.text(tree, made)
    os.kill(pid_of(differ), 9)
    assert differ.text(tree, made) == expected


def test_what_is_missing_is_an_error_and_spoils_nothing(repo, differ, tree) -> None:
    made = with_file(repo, tree, b"x\n")
    expected = differ.text(tree, made)
    lost = repo.trees.edit(tree, [(b"file", TreeEntry(FILE, "1" * 40))])
    for unreadable in ("1" * 40, lost, repo.resolve_commit("HEAD").replace("0", "1", 1)):
        with pytest.raises(GitError, match="diff-tree"):
            differ.text(tree, unreadable)
        assert differ.text(tree, made) == expected


def test_threads_get_their_own_answers(repo, differ, tree) -> None:
    wanted = {n: with_file(repo, tree, b"number %d\n" % n * 1000) for n in range(8)}
    found = {}

    def ask(number: int) -> None:
        found[number] = differ.text(tree, wanted[number])

    threads = [threading.Thread(target=ask, args=(number,)) for number in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, text in found.items():
        assert text.count(b"+number %d\n" % number) == 1000
