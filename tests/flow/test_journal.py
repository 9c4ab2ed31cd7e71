"""The journal in git makes the database again, equal to the lost one, in any clone."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from journal_dumps import dump
from small_run import ENDS, Small, git, go, make_repository, stop_midway

from pipeline.base.errors import UnfitError
from pipeline.base.git import Repository
from pipeline.base.schema import violations
from pipeline.cli import main
from pipeline.flow.journaling import settle_behind
from pipeline.flow.rebuilding import rebuild_runs
from pipeline.flow.replay import replay
from pipeline.flow.verify import verify
from pipeline.flow.worktrees import status_of
from pipeline.model.states import RunState
from pipeline.store.journal import read
from pipeline.store.lock import RunLock

GOLDEN = sorted((Path(__file__).parents[1] / "data" / "journals").glob("*.bundle"))
SECRET = "sk-kept-in-no-journal-1234"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A run that ended in every way, and one that was stopped after the first landing."""
    top = tmp_path_factory.mktemp("journal") / "made"
    make_repository(top)
    go(top)
    return Small(top, stop_midway(top))


def clone(small: Small, to: Path) -> Small:
    """Another clone that has fetched our refs and nothing else of ours."""
    git(to.parent, "clone", "--quiet", str(small.top), str(to))
    git(to, "fetch", "--quiet", "origin", "+refs/pipeline/*:refs/pipeline/*")
    return Small(to, small.run_id)


def outcomes(small: Small) -> dict[str, str]:
    with Repository.discover(small.top) as repo:
        return {one.run_id: one.outcome for one in rebuild_runs(repo, small.layout)}


def unsound(small: Small) -> list[str]:
    """What replay and verification have against all runs."""
    found = []
    with small.records as records, Repository.discover(small.top) as repo:
        for run in records.runs(kind="run"):
            for look in (replay, verify):
                told = look(records, repo, small.layout, run.run_id)
                found += [what for check in told.checks for what in check.disagreements]
    return found


def files(small: Small) -> dict[str, bytes]:
    """All files of runs but logs, which are only kept in part; the checkout's place is none."""
    top = small.layout.runs
    return {
        str(path.relative_to(top)): path.read_bytes().replace(str(small.top).encode(), b"TOP")
        for path in sorted(top.rglob("*"))
        if path.is_file() and "tool_outputs" not in path.parts
    }


def refs(small: Small) -> list[str]:
    return small.git("for-each-ref", "--format=%(refname)", "refs/pipeline").split()


def test_everything_comes_back_in_another_clone(made, tmp_path):
    other = clone(made, tmp_path / "other")
    assert set(outcomes(other).values()) == {"added"}
    assert dump(other.top) == dump(made.top)
    assert files(other) == files(made)
    assert unsound(other) == []
    assert set(outcomes(other).values()) == {"unchanged"}


def test_run_that_was_stopped_goes_on_in_another_clone(made, tmp_path):
    other = clone(made, tmp_path / "other")
    outcomes(other)
    git(other.top, "config", "user.name", "x")
    assert go(other.top) == made.run_id
    assert {ws: other.ws(ws).state for ws in ENDS} == ENDS
    assert unsound(other) == []
    # What is back where it began is a run that goes on, there as well.
    git(made.top, "fetch", "--quiet", str(other.top), "+refs/pipeline/*:refs/incoming/*")
    back = clone(made, tmp_path / "back")
    outcomes(back)
    git(back.top, "fetch", "--quiet", str(other.top), "+refs/pipeline/*:refs/pipeline/*")
    assert outcomes(back)[made.run_id] == "extended"
    assert dump(back.top) == dump(other.top)
    assert unsound(back) == []


def test_refs_of_a_run_that_ended_are_one(made, tmp_path):
    small = Small(tmp_path / "here", "")
    make_repository(small.top, journal=False)
    small.run_id = go(small.top)
    before = small.git("for-each-ref", "refs/pipeline/state", "refs/pipeline/run")
    assert len(before.splitlines()) == 5 and unsound(small) == []
    with small.records as records, Repository.discover(small.top) as repo:
        streams = records.workstreams(small.run_id)
        seen = status_of(repo, small.layout, streams)
        run = records.run(small.run_id)
        assert settle_behind(repo, small.layout, records, run, 1000)
        assert not settle_behind(repo, small.layout, records, run, 1000)
        assert status_of(repo, small.layout, streams) == seen
    assert refs(small) == [small.layout.archive_ref(small.run_id)]
    assert unsound(small) == []
    oids = {line.split()[0] for line in before.splitlines()}
    reachable = small.git("rev-list", refs(small)[0]).split()
    assert oids <= set(reachable)
    small.git("branch", "-D", *small.git("for-each-ref", "--format=%(refname:short)",
              "refs/heads/ws", "refs/heads/pipeline").split())  # fmt: skip
    small.git("reflog", "expire", "--expire=now", "--all")
    small.git("gc", "--quiet", "--prune=now")
    assert unsound(small) == []


def test_without_a_journal_there_are_no_refs_of_it(tmp_path):
    make_repository(tmp_path / "here", journal=False)
    small = Small(tmp_path / "here", go(tmp_path / "here"))
    assert not [name for name in refs(small) if "/journal/" in name or "/archive/" in name]


def test_what_cannot_be_written_is_told_once_and_written_later(tmp_path):
    small = Small(tmp_path / "here", "")
    make_repository(small.top)
    small.git("update-ref", "refs/pipeline/journal", "main")  # where a directory should be
    small.run_id = go(small.top)
    assert {ws: small.ws(ws).state for ws in ENDS} == ENDS
    with small.records as records:
        told = [e for e in records.events(small.run_id) if e.type == "journal_failed"]
        assert [e.level for e in told] == ["warning"]
        assert [e.code for e in records.errors(small.run_id) if e.code == "journal"] == ["journal"]
    small.git("update-ref", "-d", "refs/pipeline/journal")
    second = go(small.top)
    assert refs(small) == sorted(small.layout.archive_ref(run) for run in (small.run_id, second))
    other = clone(small, tmp_path / "other")
    outcomes(other)
    assert dump(other.top) == dump(small.top)


def test_killed_run_whose_database_is_lost_is_carried_on(tmp_path):
    small = Small(tmp_path / "here", "")
    make_repository(small.top)
    bundle = small.top / "workstreams" / "stray.json"
    slow = json.loads(bundle.read_text())
    flag = tmp_path / "flag"
    slow["tool_args"]["command"][2] = f"test -e {flag} || {{ touch {flag}; sleep 30; }}"
    bundle.write_text(json.dumps(slow))
    argv = [sys.executable, "-c", "import sys; from pipeline.cli import main; sys.exit(main())"]
    process = subprocess.Popen(
        [*argv, "run", "--jobs", "2", "--quiet", "--repo", str(small.top)],
        env=dict(os.environ),
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 60
        while not (journal := [n for n in refs(small) if "/journal/" in n]):
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    small.run_id = journal[0].rpartition("/")[2]
    shutil.rmtree(small.layout.state_dir)
    assert outcomes(small) == {small.run_id: "added"}
    with small.records as records:
        assert records.run(small.run_id).state is RunState.RUNNING
        assert records.open_attempts()
    assert go(small.top) == small.run_id
    assert {ws: small.ws(ws).state for ws in ENDS} == {**ENDS, "stray": "failed"}
    assert unsound(small) == []


def test_nothing_is_rebuilt_under_a_live_engine(made, tmp_path):
    other = clone(made, tmp_path / "other")
    with RunLock(other.layout, command="a test"), pytest.raises(UnfitError, match="a test"):
        outcomes(other)


def test_journal_that_was_put_there_is_refused_and_others_are_taken(made, tmp_path, capfd):
    other = clone(made, tmp_path / "other")
    archive, journal = (
        next(name for name in refs(other) if f"/{kind}/" in name) for kind in ("archive", "journal")
    )
    other.git("update-ref", journal, archive)
    done = other.cli(capfd, "rebuild", "--format", "json")
    value = json.loads(done.out)
    assert done.code == 1 and list(violations("rebuild.v1.json", value)) == []
    found = {run["run_id"]: run["outcome"] for run in value["runs"]}
    assert found[made.run_id] == "refused" and sorted(found.values()) == ["added", "refused"]
    done = other.cli(capfd, "rebuild", "01")
    assert done.code == 2 and "More than one" in done.err
    assert "There is no journal" in other.cli(capfd, "rebuild", "zzz").err


def test_secrets_of_the_environment_reach_no_journal(project, monkeypatch):
    monkeypatch.setenv("MODEL_KEY", SECRET)
    code = "import os; print(os.environ['KEY']); open('new.txt', 'w').write('A'); 1/0"
    project.configure(
        tools={
            "scribe": {
                "driver": "agent",
                "type": "ai",
                "command": [sys.executable, "-S", "-c", code],
                "env": {"KEY": "env:MODEL_KEY"},
            }
        }
    )
    project.bundle("one", tool="scribe", files_create=["new.txt"], tasks=["Print the key."])
    done = project.run()
    (archive,) = project.git("for-each-ref", "--format=%(refname)", "refs/pipeline").split()
    names = project.git("ls-tree", "-r", "--name-only", archive).split()
    assert any(name.startswith("logs/one-") for name in names), done
    everything = project.git("log", "--format=%B", "-p", "--text", archive)
    assert "[redacted]" in everything and SECRET not in everything


def test_program_that_was_recorded_comes_back(tmp_path):
    small = Small(tmp_path / "here", "")
    make_repository(small.top)
    assert main(["exec", "--repo", str(small.top), "--", "true"]) == 0
    go(small.top)
    assert len(refs(small)) == 2
    other = clone(small, tmp_path / "other")
    outcomes(other)
    assert dump(other.top) == dump(small.top)


@pytest.mark.parametrize("bundle", GOLDEN, ids=lambda path: path.name)
def test_journals_of_every_released_format_are_read_and_replayed(bundle, tmp_path):
    small = Small(tmp_path / "golden", "")
    git(tmp_path, "clone", "--quiet", "--branch=main", str(bundle), str(small.top))
    git(small.top, "fetch", "--quiet", str(bundle), "+refs/pipeline/*:refs/pipeline/*")
    assert sorted(outcomes(small).values()) == ["added", "added"]
    assert [what for what in unsound(small) if "events.jsonl" not in what] == []
    with Repository.discover(small.top) as repo:
        journals = [
            read(repo, commit)
            for commit in small.git(
                "for-each-ref",
                "--format=%(objectname)",
                "refs/pipeline/archive",
                "refs/pipeline/journal",
            ).split()
        ]
        assert [journal.is_folded for journal in journals] == [True, False]
    with small.records as records:
        assert {run.state for run in records.runs()} == {RunState.PARTIAL, RunState.INTERRUPTED}


def test_there_is_a_golden_journal() -> None:
    assert GOLDEN
