"""The record of runs on several machines: moved forward, verified, never overwritten."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from journal_dumps import dump
from machines import Hub, Machine, Shared, join, make_hub
from small_run import git, go, make_repository

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git import Repository
from pipeline.base.git.remotes import RemoteError
from pipeline.base.schema import fast_check
from pipeline.flow.sync import require_expected
from pipeline.flow.sync_outcome import Received, Sent
from pipeline.flow.sync_refs import look_at, run_of
from pipeline.model.config import Config, PublishConfig
from pipeline.store.journal import unfold
from pipeline.store.lock import RunLock

OFF = {"enabled": False}
RUN = "01m7zbndxc0s5ys6qtqjtht97q"


@pytest.fixture(scope="session")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """A machine with a run, and a remote that does not know of it."""
    folder = tmp_path_factory.mktemp("apart")
    top = folder / "one"
    make_repository(top)
    config = (top / "pipeline.yaml").read_text()
    (top / "pipeline.yaml").write_text(json.dumps({**json.loads(config), "journal": OFF}))
    made = Shared(folder, go(top))
    (top / "pipeline.yaml").write_text(config)
    made.machine("one").sql("UPDATE runs SET state = 'interrupted'")  # as one that goes on
    make_hub(made.machine("one"), made.hub.top)
    return made


@pytest.fixture(scope="session")
def synced(apart: Shared, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Two machines and a remote that all know the run."""
    made = apart.copy_to(tmp_path_factory.mktemp("synced"))
    made.machine("one").sync()
    join(made.hub, made.folder / "two").sync(rebuilds=True)
    return made


@pytest.fixture
def alone(apart: Shared, tmp_path: Path) -> Shared:
    return apart.copy_to(tmp_path)


@pytest.fixture
def three(synced: Shared, tmp_path: Path) -> tuple[Machine, Machine, Hub]:
    made = synced.copy_to(tmp_path)
    return made.machine("one"), made.machine("two"), made.hub


def test_a_run_comes_to_another_machine_as_it_was(three: tuple[Machine, Machine, Hub]) -> None:
    one, two, hub = three
    assert dump(two.top) == dump(one.top)
    assert one.refs() == two.refs() == hub.refs()
    assert two.layout.events_file(one.run_id).read_bytes() == (
        one.layout.events_file(one.run_id).read_bytes()
    )


def test_again_changes_nothing(three: tuple[Machine, Machine, Hub]) -> None:
    one, two, hub = three
    before = hub.refs(), one.refs("refs"), two.refs("refs")
    for machine in (one, two, one):
        report = machine.sync()
        assert (report.runs, report.same, report.is_well) == ((), 1, True)
        assert report.to_rebuild == ()
    assert before == (hub.refs(), one.refs("refs"), two.refs("refs"))


def test_a_run_that_has_ended_is_one_ref_everywhere(three: tuple[Machine, Machine, Hub]) -> None:
    one, two, hub = three
    assert len(hub.refs()) > 3
    one.sql("UPDATE runs SET state = 'partial'")
    one.happen("the end")
    assert one.sync_run().sent is Sent.FOLDED
    assert list(hub.refs()) == [f"refs/pipeline/archive/{one.run_id}"]
    assert two.sync_run(rebuilds=True).received is Received.UPDATED
    assert one.refs() == two.refs() == hub.refs()
    assert dump(two.top) == dump(one.top)
    assert two.git("fsck", "--connectivity-only", "--no-dangling") == ""


def test_a_folded_run_that_is_carried_on_has_its_refs_again(
    three: tuple[Machine, Machine, Hub],
) -> None:
    one, two, hub = three
    live = hub.refs().keys()
    one.sql("UPDATE runs SET state = 'partial'")
    one.happen("the end")
    one.sync()
    two.sync(rebuilds=True)
    two.sql("UPDATE runs SET state = 'running'")
    with Repository.discover(two.top) as repo:
        unfold(repo, two.layout, two.run_id)
    assert two.sync().is_well
    assert len(hub.refs()) == 1  # nothing has happened yet
    two.happen("it goes on")
    assert two.sync_run().sent is Sent.UPDATED
    assert hub.refs().keys() == live
    assert one.sync_run(rebuilds=True).received is Received.UPDATED
    assert one.refs() == two.refs() == hub.refs()


def test_what_happens_on_one_machine_comes_to_the_other(
    three: tuple[Machine, Machine, Hub],
) -> None:
    one, two, hub = three
    two.happen("carried on here")
    assert two.sync_run().sent is Sent.UPDATED
    assert one.sync_run().received is Received.UPDATED
    assert one.sync().to_rebuild == (one.run_id,)  # as long as the database is behind
    assert one.sync(rebuilds=True).rebuilt == (one.run_id,)
    assert one.sync().to_rebuild == ()
    assert one.refs() == two.refs() == hub.refs()


def test_a_run_that_was_carried_on_in_two_places_is_left_alone_by_both(
    three: tuple[Machine, Machine, Hub],
) -> None:
    one, two, hub = three
    one.happen("here")
    two.happen("there")
    assert one.sync_run().sent is Sent.UPDATED
    remote, mine = hub.refs(), dump(two.top)
    found = two.sync_run()
    assert (found.received, found.sent) == (Received.DIVERGED, Sent.NOTHING)
    heads = two.refs("refs/pipeline/journal"), hub.refs("refs/pipeline/journal")
    for head in (value for refs in heads for value in refs.values()):
        assert head[:12] in found.detail
    assert (hub.refs(), dump(two.top)) == (remote, mine)
    assert heads[0] != heads[1]


def test_two_machines_at_once_one_wins_and_nothing_is_lost(
    three: tuple[Machine, Machine, Hub],
) -> None:
    one, two, hub = three
    for machine in (one, two):
        machine.happen(f"on {machine.top.name}")
        machine.sync(sends=False)  # writes its journal
    # Whoever comes first waits for the other: both have looked before either has written.
    hub.hook("pre-receive", "touch seen.$PPID; for i in 1 2 3 4 5 6 7 8 9 10; do "
             "[ $(ls seen.* | wc -l) -ge 2 ] && exit 0; sleep 0.1; done")  # fmt: skip
    both = [machine.start("sync", "--push-only") for machine in (one, two)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], said
    (remote,) = hub.refs("refs/pipeline/journal").values()
    heads = [m.refs("refs/pipeline/journal").popitem()[1] for m in (one, two)]
    assert remote in heads
    assert heads[0] != heads[1]
    loser = [one, two][[process.returncode for process in both].index(1)]
    assert "stale" in said[[process.returncode for process in both].index(1)]
    assert loser.sync_run().received is Received.DIVERGED


@pytest.mark.parametrize("moment", ["pre-receive", "post-receive"])
def test_a_killed_synchronisation_converges(alone: Shared, tmp_path: Path, moment: str) -> None:
    one, hub = alone.machine("one"), alone.hub
    hub.hook(
        moment,
        "test -e victim && victim=$(cat victim) && rm victim && kill -9 $victim; sleep 0.2",
    )
    process = one.start("sync")
    (hub.top / "victim").write_text(str(process.pid))
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    report = one.sync()
    assert report.is_well
    assert hub.refs() == one.refs()
    two = join(hub, tmp_path / "two")
    assert two.sync(rebuilds=True).is_well
    assert dump(two.top) == dump(one.top)


def test_what_a_killed_fetch_left_is_forgotten(three: tuple[Machine, Machine, Hub]) -> None:
    _, two, hub = three
    fresh = join(hub, two.top.with_name("three"))
    fresh.git("fetch", "-q", "origin", "+refs/pipeline/*:refs/pipeline-incoming/*")
    fresh.git("update-ref", f"refs/pipeline-incoming/state/{two.run_id}/evil", "main")
    assert fresh.sync_run().received is Received.NEW
    assert fresh.refs() == hub.refs()
    assert fresh.refs("refs/pipeline-incoming") == {}


def tamper(hub: Hub, path: str, content: bytes) -> str:
    """Put a commit onto the remote's journal in which one file is another."""
    ref = f"refs/pipeline/journal/{hub.run_id}"
    head = hub.refs()[ref]
    names = {f"GIT_{who}_NAME": "x" for who in ("AUTHOR", "COMMITTER")}
    environ = {**os.environ, **names, "GIT_INDEX_FILE": str(hub.top / "index"), "EMAIL": "x@x"}

    def run(*arguments: str, stdin: bytes = b"") -> str:
        command = ["git", *arguments]
        done = subprocess.run(
            command, cwd=hub.top, env=environ, input=stdin, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    blob = run("hash-object", "-w", "--stdin", stdin=content)
    run("read-tree", head)
    run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    commit = run("commit-tree", run("write-tree"), "-p", head, "-m", "more")
    run("update-ref", ref, commit)
    return commit


def test_a_journal_that_was_tampered_with_is_refused(three: tuple[Machine, Machine, Hub]) -> None:
    _one, two, hub = three
    before = two.refs("refs"), dump(two.top)
    tamper(hub, "run.jsonl", b'{"table":"runs","row":{}}\n')
    found = two.sync_run(rebuilds=True)
    assert found.received is Received.REFUSED
    assert found.sent is Sent.NOTHING
    assert two.run_id in found.detail
    assert (two.refs("refs"), dump(two.top)) == before


def test_a_fresh_clone_takes_nothing_of_a_run_whose_journal_is_refused(
    alone: Shared, tmp_path: Path
) -> None:
    one, hub = alone.machine("one"), alone.hub
    one.sync()
    tamper(hub, "logs/evil", b"x")
    two = join(hub, tmp_path / "two")
    assert two.sync_run().received is Received.REFUSED
    assert two.refs() == {}


@pytest.mark.parametrize("kind", ["state", "run"])
def test_work_that_the_journal_does_not_tell_of_is_not_taken(
    three: tuple[Machine, Machine, Hub], kind: str
) -> None:
    one, two, hub = three
    two.happen("so that there is something to fetch")
    two.sync()
    before = one.refs("refs")
    name = next(ref for ref in hub.refs() if f"/{kind}/" in ref)
    evil = git(hub.top, "commit-tree", f"{hub.refs()[name]}^{{tree}}", "-p", "main", "-m", "evil")
    hub.git("update-ref", name, evil)
    found = one.sync_run()
    assert found.received is Received.INCOMPLETE
    assert evil[:12] in found.detail
    assert one.refs("refs") == before


def test_a_run_without_its_work_is_told_of(alone: Shared, tmp_path: Path) -> None:
    one, hub = alone.machine("one"), alone.hub
    one.sync()
    for name in hub.refs("refs/pipeline/state"):
        hub.git("update-ref", "-d", name)
    hub.git("gc", "--quiet", "--prune=now")
    two = join(hub, tmp_path / "two")
    assert two.sync_run().received is Received.INCOMPLETE
    assert one.sync_run().sent is Sent.UPDATED  # who has it puts it there again
    assert two.sync_run().received is Received.NEW


def test_refs_that_are_nothing_of_ours_are_left_alone_and_told(
    three: tuple[Machine, Machine, Hub],
) -> None:
    _one, two, hub = three
    odd = [
        "refs/pipeline/notes/x",
        f"refs/pipeline/state/1{RUN[1:]}",
        f"refs/pipeline/journal/{RUN.upper()}",
        f"refs/pipeline/state/{RUN}/A",
    ]
    for name in odd:
        hub.git("update-ref", name, "main")
    hub.git("update-ref", f"refs/heads/pipeline/{RUN}", "main")  # an integration branch
    report = two.sync()
    assert sorted(report.left_alone) == sorted(odd)
    assert report.is_well
    assert not set(odd) & two.refs().keys()


def test_the_record_can_lie_in_branches(alone: Shared, tmp_path: Path) -> None:
    one, hub = alone.machine("one"), alone.hub
    assert one.sync_run(prefix="refs/heads/pipeline").sent is Sent.NEW
    assert hub.refs() == {}
    moved = {f"refs/heads/pipeline/{name[14:]}": oid for name, oid in one.refs().items()}
    assert hub.refs("refs/heads/pipeline") == moved
    two = join(hub, tmp_path / "two")
    assert two.sync_run().received is Received.NEW  # looked for below both
    assert two.refs() == one.refs()


def test_a_server_that_does_not_take_such_refs_is_explained(alone: Shared) -> None:
    one, hub = alone.machine("one"), alone.hub
    hub.git("config", "receive.hideRefs", "refs/pipeline")
    report = one.sync()
    (run,) = report.runs
    assert run.sent is Sent.REFUSED
    assert "hidden ref" in run.detail
    assert "refs_prefix: refs/heads/pipeline" in report.notes[0]
    assert hub.refs("refs/heads") == {"refs/heads/main": one.git("rev-parse", "main")}
    assert one.sync(prefix="refs/heads/pipeline").is_well


def test_another_repository_than_the_expected_one_is_refused(
    alone: Shared, capfd: pytest.CaptureFixture[str]
) -> None:
    one, hub = alone.machine("one"), alone.hub
    with pytest.raises(InputError, match="octo/shop"):
        one.sync(repository="octo/shop")
    config = json.loads((one.top / "pipeline.yaml").read_text())
    config["publish"] = {"repository": "octo/shop"}
    (one.top / "pipeline.yaml").write_text(json.dumps(config))
    one.git("remote", "set-url", "origin", "https://bot:secret99@github.com/octo/fork.git")
    done = one.cli(capfd, "sync")
    assert done.code == 2
    assert "https://github.com/octo/fork.git" in done.err
    assert "secret99" not in done.err
    assert hub.refs() == {}
    one.git("remote", "set-url", "origin", "git@github.com:Octo/Shop.git")
    with Repository.discover(one.top) as repo:
        require_expected(repo, Config(publish=PublishConfig(repository="octo/shop")), "origin")


def test_an_unreachable_remote_changes_nothing(
    alone: Shared, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one, hub = alone.machine("one"), alone.hub
    one.sync(sends=False)  # the journal is written
    before = one.refs("refs")
    hub.top.rename(tmp_path / "elsewhere")
    with pytest.raises(RemoteError):
        one.sync()
    done = one.cli(capfd, "sync", "--format", "json")
    assert done.code == 3
    assert one.refs("refs") == before


def test_sending_goes_on_beside_a_live_run_and_receiving_does_not(alone: Shared) -> None:
    one, _hub = alone.machine("one"), alone.hub
    one.sync(sends=False)
    with RunLock(one.layout, command="pipeline run"):
        with pytest.raises(UnfitError, match="push-only"):
            one.sync()
        assert one.sync_run(receives=False).sent is Sent.NEW


def test_sending_alone_tells_of_what_it_cannot_overwrite(
    three: tuple[Machine, Machine, Hub],
) -> None:
    one, two, hub = three
    two.happen("there")
    two.sync()
    remote = hub.refs()
    assert one.sync_run(receives=False).sent is Sent.STALE
    one.happen("here")
    assert one.sync_run(receives=False).sent is Sent.STALE
    assert hub.refs() == remote


@pytest.mark.parametrize("kind", ["state", "run"])
def test_a_ref_that_is_ahead_of_its_journal_is_sent_as_the_journal_knows_it(
    alone: Shared, kind: str
) -> None:
    one, hub = alone.machine("one"), alone.hub
    one.sync(sends=False)
    end = "/top" if kind == "state" else ""
    name = f"refs/pipeline/{kind}/{one.run_id}{end}"
    known = one.refs()[name]
    ahead = git(one.top, "commit-tree", f"{known}^{{tree}}", "-p", known, "-m", "ahead")
    one.git("update-ref", name, ahead)
    assert one.sync_run().sent is Sent.NEW
    assert hub.refs()[name] == known
    assert join(hub, alone.folder / "two").sync_run().received is Received.NEW
    assert one.refs()[name] == ahead


def test_runs_are_chosen_by_the_beginning_of_their_ids(alone: Shared) -> None:
    one, _hub = alone.machine("one"), alone.hub
    with pytest.raises(InputError, match="0zzz"):
        one.sync(runs=("0zzz",))
    one.sync(sends=False)
    assert one.sync(runs=(one.run_id[:8],)).runs[0].sent is Sent.NEW


def test_names_are_sorted_by_shape() -> None:
    assert run_of(f"journal/{RUN}") == run_of(f"state/{RUN}/a.b-c") == RUN
    for odd in ("", "journal", f"journal/{RUN}/x", f"lease/{RUN}/a", f"state/{RUN}/a.lock",
                f"state/{RUN}/{'a' * 65}", "journal/9" + RUN[1:]):  # fmt: skip
        assert run_of(odd) == ""
    place = look_at({f"refs/pipeline/run/{RUN}": "1", "refs/pipelines/x": "2"}, "refs/pipeline")
    assert (list(place.runs), place.odd) == ([RUN], ())


def test_json_says_what_text_says(alone: Shared, capfd: pytest.CaptureFixture[str]) -> None:
    one, _hub = alone.machine("one"), alone.hub
    done = one.cli(capfd, "sync", "--format", "json")
    found = json.loads(done.out)
    assert fast_check("sync.v1.json")(found)
    assert (done.code, found["is_well"]) == (0, True)
    assert found["runs"] == [{"run_id": one.run_id, "received": "", "sent": "new", "detail": ""}]
    said = one.cli(capfd, "sync").out
    assert re.search("1 run the same on both sides", said)
