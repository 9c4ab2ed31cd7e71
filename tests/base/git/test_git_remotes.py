"""Remotes: compare-and-swap that cannot overwrite, outcomes that are true, no credential told."""

import base64
import dataclasses
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Checkout
from smart_http import Server, serve

from pipeline.base.errors import BugError, ExitCode, InputError
from pipeline.base.git import RefNameError, Repository
from pipeline.base.git.remote_access import clean_words, is_for, without_credentials
from pipeline.base.git.remotes import (
    NOT_ATOMIC,
    Patience,
    RefOutcome,
    RefUpdate,
    RemoteError,
    Remotes,
)

A, B, C = "refs/pipeline/a", "refs/pipeline/b", "refs/pipeline/c"
NO_PAUSE = Patience(tries=3, first_pause_s=0.0, longest_pause_s=0.0, look_s=20, transfer_s=20)
TOKEN = "ghs_0123456789abcdef"


def states(outcomes: tuple[RefOutcome, ...]) -> list[str]:
    return [one.state for one in outcomes]


class Bare:
    """A bare repository to push to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        subprocess.run(["git", "init", "-q", "--bare", str(path)], check=True)

    def git(self, *args: str) -> str:
        return subprocess.run(
            ["git", *args], cwd=self.path, capture_output=True, check=True, text=True
        ).stdout.strip()

    def refs(self) -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split() for line in lines)

    def hook(self, name: str, script: str) -> None:
        path = self.path / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare(tmp_path / "served" / "shop.git")


@pytest.fixture
def remote(checkout: Checkout, repo: Repository, bare: Bare) -> Remotes:
    checkout.git("remote", "add", "origin", str(bare.path))
    repo.remotes.patience = NO_PAUSE
    return repo.remotes


@pytest.fixture
def commits(checkout: Checkout) -> list[str]:
    return [checkout.commit(f"commit {n}") for n in range(3)]


@pytest.fixture
def server(bare: Bare) -> Iterator[Server]:
    bare.git("config", "http.receivepack", "true")
    with serve(bare.path.parent) as found:
        yield found


def over_http(
    checkout: Checkout, repo: Repository, server: Server, *, url: str = "", **environ: str
) -> Remotes:
    """Remotes that know the served repository as ``http``."""
    checkout.git("remote", "add", "http", url or f"{server.url}/shop.git")
    found = Remotes(
        repo.common_dir, repo.object_format, repo.objects.flush, environ={**os.environ, **environ}
    )
    found.patience = NO_PAUSE
    return found


def test_a_ref_is_made_moved_and_removed_by_compare_and_swap(
    remote: Remotes, bare: Bare, commits: list[str]
) -> None:
    first, second, _ = commits
    assert states(remote.push("origin", [RefUpdate(A, first, "")])) == ["ok"]
    assert states(remote.push("origin", [RefUpdate(A, second, first)])) == ["ok"]
    assert remote.refs("origin", "refs/pipeline/*") == bare.refs() == {A: second}
    assert states(remote.push("origin", [RefUpdate(A, "", second)])) == ["ok"]
    assert bare.refs() == {}


def test_what_is_not_expected_is_never_overwritten(
    remote: Remotes, bare: Bare, commits: list[str]
) -> None:
    first, second, third = commits
    remote.push("origin", [RefUpdate(A, second, "")])
    lost = [
        RefUpdate(A, third, ""),  # must not exist; a plain push would fast-forward
        RefUpdate(A, third, first),
        RefUpdate(A, first, third),
        RefUpdate(A, "", first),
        RefUpdate(B, third, first),  # is not there
    ]
    for update in lost:
        assert states(remote.push("origin", [update])) == ["stale"], update
    assert bare.refs() == {A: second}


def test_a_tracking_ref_that_a_fetch_moved_gives_no_leave_to_overwrite(
    checkout: Checkout, remote: Remotes, bare: Bare, commits: list[str]
) -> None:
    first, second, third = commits
    remote.push("origin", [RefUpdate("refs/heads/x", second, "")])
    checkout.git("fetch", "-q", "origin")
    assert checkout.says("rev-parse", "refs/remotes/origin/x") == second
    assert states(remote.push("origin", [RefUpdate("refs/heads/x", third, first)])) == ["stale"]
    assert bare.refs() == {"refs/heads/x": second}


def test_the_same_object_pushed_by_both_is_unchanged(remote: Remotes, commits: list[str]) -> None:
    first = commits[0]
    remote.push("origin", [RefUpdate(A, first, "")])
    assert states(remote.push("origin", [RefUpdate(A, first, "")])) == ["unchanged"]
    assert states(remote.push("origin", [RefUpdate(A, first, commits[1])])) == ["unchanged"]
    assert states(remote.push("origin", [RefUpdate(B, "", commits[1])])) == ["unchanged"]


def test_whatever_is_there_may_be_asked_for(
    remote: Remotes, bare: Bare, commits: list[str]
) -> None:
    first, second, _ = commits
    remote.push("origin", [RefUpdate(A, second, "")])
    assert states(remote.push("origin", [RefUpdate(A, first, None)])) == ["ok"]
    assert bare.refs() == {A: first}
    assert states(remote.push("origin", [RefUpdate(A, "", None)])) == ["ok"]
    assert bare.refs() == {}


def test_an_atomic_push_moves_all_or_none(remote: Remotes, bare: Bare, commits: list[str]) -> None:
    first, second, _ = commits
    remote.push("origin", [RefUpdate(A, first, "")])
    both = [RefUpdate(B, second, ""), RefUpdate(A, second, "")]
    outcomes = remote.push("origin", both)
    assert states(outcomes) == ["stale", "stale"]
    assert A in outcomes[0].reason
    assert bare.refs() == {A: first}
    assert states(remote.push("origin", both, is_atomic=False)) == ["ok", "stale"]


def test_without_atomic_pushes_nothing_is_removed_before_all_else_landed(
    remote: Remotes, bare: Bare, commits: list[str]
) -> None:
    first, second, third = commits
    remote.push("origin", [RefUpdate(A, first, ""), RefUpdate(B, first, "")])
    bare.git("config", "receive.advertiseAtomic", "false")
    lost = remote.push("origin", [RefUpdate(A, "", first), RefUpdate(B, third, second)])
    assert states(lost) == ["stale", "stale"]
    assert bare.refs() == {A: first, B: first}
    done = remote.push("origin", [RefUpdate(A, "", first), RefUpdate(B, third, first)])
    assert states(done) == ["ok", "ok"]
    assert {one.reason for one in done} == {NOT_ATOMIC}
    assert bare.refs() == {B: third}


def test_what_a_server_does_not_take_is_refused_in_its_words(
    remote: Remotes, bare: Bare, commits: list[str]
) -> None:
    bare.git("config", "receive.hideRefs", "refs/pipeline")
    hidden, taken = remote.push(
        "origin",
        [RefUpdate(A, commits[0], ""), RefUpdate("refs/heads/pipeline/a", commits[0], "")],
        is_atomic=False,
    )
    assert (hidden.state, taken.state) == ("refused", "ok")
    assert "hidden ref" in hidden.reason
    bare.hook("pre-receive", "exit 1")
    (declined,) = remote.push("origin", [RefUpdate("refs/heads/y", commits[0], "")])
    assert (declined.state, declined.reason) == ("refused", "pre-receive hook declined")


def test_a_name_in_the_way_is_refused_and_no_lost_race(remote: Remotes, commits: list[str]) -> None:
    remote.push("origin", [RefUpdate(A, commits[0], "")])
    (below,) = remote.push("origin", [RefUpdate(f"{A}/x", commits[0], "")])
    assert below.state == "refused"


def test_a_lock_that_goes_away_is_waited_for(
    remote: Remotes, bare: Bare, commits: list[str]
) -> None:
    lock = bare.path / f"{A}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    assert states(remote.push("origin", [RefUpdate(A, commits[0], "")])) == ["refused"]
    # The first try of the next push meets the lock, and takes it away for the second.
    bare.hook("pre-receive", f"test -e seen && rm -f {lock}; touch seen; exit 0")
    assert states(remote.push("origin", [RefUpdate(A, commits[0], "")])) == ["ok"]


def test_one_of_many_machines_wins_a_ref(
    new_checkout: Callable[..., Checkout], bare: Bare, opened: Callable[[Path], Repository]
) -> None:
    results: list[tuple[str, str]] = []

    def race(number: int, remotes: Remotes, commit: str) -> None:
        (outcome,) = remotes.push("origin", [RefUpdate(A, commit, "")])
        results.append((outcome.state, commit))

    racers = []
    for number in range(4):
        own = new_checkout(f"clone-{number}")
        commit = own.commit(f"from {number}")
        own.git("remote", "add", "origin", str(bare.path))
        remotes = opened(own.path).remotes
        racers.append(threading.Thread(target=race, args=(number, remotes, commit)))
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    won = [commit for state, commit in results if state == "ok"]
    assert sorted(state for state, _ in results) == ["ok", "stale", "stale", "stale"]
    assert bare.refs() == {A: won[0]}


@pytest.mark.parametrize("oid", ["", "0", "HEAD", "g" * 40, "a" * 39, "refs/heads/main"])
def test_what_is_no_object_id_never_reaches_a_refspec(
    remote: Remotes, bare: Bare, commits: list[str], oid: str
) -> None:
    remote.push("origin", [RefUpdate(A, commits[0], "")])
    with pytest.raises(BugError):
        remote.push("origin", [RefUpdate(A, oid, "")])
    if oid:
        with pytest.raises(BugError):
            remote.push("origin", [RefUpdate(A, commits[1], oid)])
    assert bare.refs() == {A: commits[0]}


def test_odd_names_are_refused_before_git_sees_them(remote: Remotes, commits: list[str]) -> None:
    for ref in ("main", "refs/pipeline/../x", "refs/pipeline/a:refs/b", "--mirror", "refs/*"):
        with pytest.raises(RefNameError):
            remote.push("origin", [RefUpdate(ref, commits[0], "")])
        with pytest.raises(RefNameError):
            remote.fetch("origin", [f"refs/heads/main:{ref}"])
    for name in ("--upload-pack=x", "nowhere", "", "ext::sh -c date", "."):
        with pytest.raises(InputError):
            remote.refs(name)


def test_fetching_moves_only_what_it_was_told(
    checkout: Checkout, remote: Remotes, repo: Repository, bare: Bare, commits: list[str]
) -> None:
    updates = [RefUpdate(A, commits[0], ""), RefUpdate("refs/heads/main", commits[2], "")]
    remote.push("origin", [*updates, RefUpdate("refs/tags/v1", commits[1], "")])
    before = repo.refs.list()
    remote.fetch("origin", ["+refs/pipeline/*:refs/incoming/*"])
    assert repo.refs.list() == {**before, "refs/incoming/a": commits[0]}
    assert not (checkout.path / ".git" / "FETCH_HEAD").exists()


def test_a_broken_object_is_not_fetched(
    checkout: Checkout, remote: Remotes, repo: Repository, bare: Bare
) -> None:
    tree = b"100644 .git\0" + bytes.fromhex("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
    subprocess.run(["git", "hash-object", "-w", "--stdin"], cwd=bare.path, input=b"", check=True)
    made = subprocess.run(
        ["git", "hash-object", "-w", "-t", "tree", "--literally", "--stdin"],
        cwd=bare.path, input=tree, capture_output=True, check=True,
    ).stdout.decode().strip()  # fmt: skip  # one call in rows
    bare.git("update-ref", A, made)
    with pytest.raises(RemoteError, match=r"hasDotgit|\.git"):
        remote.fetch("origin", [f"{A}:refs/incoming/a"])
    assert repo.refs.read("refs/incoming/a") is None


def test_a_ref_that_went_away_is_told_apart(remote: Remotes, bare: Bare) -> None:
    with pytest.raises(RemoteError) as told:
        remote.fetch("origin", [f"{A}:refs/incoming/a"])
    assert told.value.kind == "gone"


def test_a_remote_that_is_not_there_is_an_unfit_surrounding(
    checkout: Checkout, remote: Remotes, tmp_path: Path, commits: list[str]
) -> None:
    checkout.git("remote", "add", "lost", str(tmp_path / "lost"))
    for ask in (
        lambda: remote.refs("lost"),
        lambda: remote.fetch("lost", [f"{A}:{A}"]),
        lambda: remote.push("lost", [RefUpdate(A, commits[0], "")]),
    ):
        with pytest.raises(RemoteError) as told:
            ask()
        assert told.value.kind == "absent"
        assert told.value.exit_code is ExitCode.UNFIT


def test_hooks_and_programs_of_the_repository_do_not_run(
    checkout: Checkout, remote: Remotes, commits: list[str], tmp_path: Path
) -> None:
    trap = tmp_path / "trapped"
    for name in ("pre-push", "reference-transaction", "post-fetch"):
        hook = checkout.path / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {trap}\n")
        hook.chmod(0o755)
    checkout.git("config", "core.fsmonitor", f"touch {trap}")
    checkout.git("config", "remote.origin.mirror", "true")
    assert states(remote.push("origin", [RefUpdate(A, commits[0], "")])) == ["ok"]
    remote.fetch("origin", [f"{A}:refs/incoming/a"])
    assert not trap.exists()
    checkout.git("remote", "add", "helper", f"ext::touch {trap}")
    with pytest.raises(RemoteError):
        remote.refs("helper")
    assert not trap.exists()


def test_over_http_with_a_token_from_the_environment(
    checkout: Checkout, repo: Repository, server: Server, bare: Bare, commits: list[str]
) -> None:
    basic = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    server.wanted = f"AUTHORIZATION: basic {basic}".partition(": ")[2]
    remotes = over_http(
        checkout, repo, server, GITHUB_SERVER_URL=server.url, PIPELINE_GITHUB_TOKEN=TOKEN
    )
    # As checkout actions leave it: a header of the repository's own, which would make two.
    checkout.git("config", f"http.{server.url}/.extraheader", "AUTHORIZATION: basic b2xk")
    assert states(remotes.push("http", [RefUpdate(A, commits[0], "")])) == ["ok"]
    assert states(remotes.push("http", [RefUpdate(A, commits[1], "")])) == ["stale"]
    remotes.fetch("http", [f"{A}:refs/incoming/a"])
    assert bare.refs() == {A: commits[0]}
    assert TOKEN not in (checkout.path / ".git" / "config").read_text()


def test_a_token_goes_to_its_own_server_alone(
    checkout: Checkout, repo: Repository, server: Server
) -> None:
    remotes = over_http(checkout, repo, server, GITHUB_TOKEN=TOKEN)
    remotes.refs("http")
    assert {given for *_, given in server.seen} == {""}
    remotes.trust(server.url)
    remotes.refs("http")
    assert server.seen[-1][2] != ""
    assert is_for("https://github.com/o/r", "https://github.com")
    assert is_for("https://user@GitHub.com:443/o/r.git", "https://github.com")
    for url in (
        "https://github.com.evil.example/o/r",
        "https://github.com@evil.example/o/r",
        "http://github.com/o/r",
        "https://github.com:8443/o/r",
        "git@github.com:o/r.git",
        "https://[bad/o",
    ):
        assert not is_for(url, "https://github.com"), url
    assert not is_for("http://ghe.example/o/r", "http://ghe.example")


def test_no_credential_is_told_and_none_is_an_argument(
    checkout: Checkout, repo: Repository, server: Server, tmp_path: Path
) -> None:
    server.wanted = "basic nothing"
    secret = server.url.replace("://", "://bot:hunter2secret@") + "/shop.git"
    remotes = over_http(
        checkout, repo, server, url=secret, GITHUB_SERVER_URL=server.url, GH_TOKEN=TOKEN
    )
    told = []
    for ask in (
        lambda: remotes.refs("http"),
        lambda: remotes.push("http", [RefUpdate(A, "", None)]),
    ):
        with pytest.raises(RemoteError) as raised:
            ask()
        assert raised.value.kind == "denied"
        told.append(str(raised.value))
    assert "hunter2secret" not in "".join(told)
    assert TOKEN not in "".join(told)
    assert remotes.url("http") == f"{server.url}/shop.git"
    spelled = base64.b64encode(f"x-access-token:{TOKEN}".encode())
    said = clean_words(b"bad " + spelled + b"\x1b[31m at https://u:p@h/x", {"GH_TOKEN": TOKEN})
    assert said == "bad [redacted][31m at https://h/x"
    assert without_credentials("ssh://git@host/x") == "ssh://git@host/x"
    assert without_credentials("git@host:x") == "git@host:x"


def test_what_passes_is_tried_again_and_what_does_not_is_not(
    checkout: Checkout, repo: Repository, server: Server, commits: list[str]
) -> None:
    remotes = over_http(checkout, repo, server)
    server.failures = [503, 502]
    assert states(remotes.push("http", [RefUpdate(A, commits[0], "")])) == ["ok"]
    server.failures = [503]
    assert remotes.refs("http") == {A: commits[0]}
    server.failures, server.seen = [404] * 9, []
    with pytest.raises(RemoteError) as told:
        remotes.refs("http")
    assert (told.value.kind, len(server.seen)) == ("absent", 1)
    server.failures = [503] * 99
    with pytest.raises(RemoteError) as told:
        remotes.push("http", [RefUpdate(A, commits[1], commits[0])])
    assert told.value.kind == "unreachable"


def test_an_answer_that_was_lost_is_settled_by_looking(
    checkout: Checkout, repo: Repository, server: Server, bare: Bare, commits: list[str]
) -> None:
    remotes = over_http(checkout, repo, server)
    server.lose_pushes = 1
    two = [RefUpdate(A, commits[0], ""), RefUpdate(B, commits[1], "")]
    assert states(remotes.push("http", two)) == ["ok", "ok"]
    assert server.lose_pushes == 0
    assert bare.refs() == {A: commits[0], B: commits[1]}
    server.lose_pushes = 1
    assert states(remotes.push("http", [RefUpdate(A, "", commits[0])])) == ["ok"]
    assert bare.refs() == {B: commits[1]}


@pytest.mark.skipif(sys.platform == "win32", reason="the lock of worktrees is POSIX")
def test_fetching_waits_for_whoever_makes_a_worktree(
    remote: Remotes, repo: Repository, commits: list[str]
) -> None:
    from pipeline.base.git.worktree_lock import worktree_lock

    remote.push("origin", [RefUpdate(A, commits[0], "")])
    remote.patience = dataclasses.replace(NO_PAUSE, look_s=0.05)
    with worktree_lock(repo.common_dir), pytest.raises(Exception, match="held by another process"):
        remote.fetch("origin", [f"{A}:refs/incoming/a"])
    remote.patience = NO_PAUSE
    remote.fetch("origin", [f"{A}:refs/incoming/a"])


def test_more_than_one_url_to_push_to_is_refused(checkout: Checkout, remote: Remotes) -> None:
    checkout.git("remote", "set-url", "--add", "--push", "origin", "/one")
    checkout.git("remote", "set-url", "--add", "--push", "origin", "/two")
    with pytest.raises(InputError, match="2 URLs"):
        remote.url("origin")
