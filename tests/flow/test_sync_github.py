"""The record of runs on a server like GitHub: a token from the environment, faults that pass."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from machines import Machine
from small_run import go, make_repository

if TYPE_CHECKING:
    from fakehub.starting import Fake

READER = "ghs_reader0123456789"


@pytest.fixture
def machine(tmp_path: Path, github: "Fake", monkeypatch: pytest.MonkeyPatch) -> Machine:
    make_repository(tmp_path / "one")
    made = Machine(tmp_path / "one", go(tmp_path / "one"))
    made.git("remote", "add", "origin", github.git_url)
    monkeypatch.setenv("GITHUB_SERVER_URL", github.url)
    monkeypatch.setenv("GITHUB_TOKEN", github.token)
    return made


def test_a_record_goes_to_github_and_comes_back(
    machine: Machine, github: "Fake", tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    github.fail("POST", "git-receive-pack", "cut after")  # done there, but the answer is lost
    done = machine.cli(capfd, "sync", "--format", "json")
    found = json.loads(done.out)
    assert (done.code, found["is_well"], found["problem"]) == (0, True, ""), done
    name = f"refs/pipeline/archive/{machine.run_id}"
    assert github.state()["refs"][name] == machine.refs()[name]
    machine.git("update-ref", "-d", name)
    (machine.top / ".pipeline" / "state.db").rename(tmp_path / "lost.db")
    assert machine.cli(capfd, "sync", "--fetch-only", "--rebuild").code == 0
    assert machine.cli(capfd, "verify").code == 0
    assert github.token not in (machine.top / ".git" / "config").read_text()


def test_a_token_that_may_only_read_is_told_and_never_shown(
    machine: Machine,
    github: "Fake",
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    github.add_token(READER, rights={"contents": "read"})
    monkeypatch.setenv("GITHUB_TOKEN", READER)
    refs = github.state()["refs"]
    done = machine.cli(capfd, "sync", "--format", "json")
    found = json.loads(done.out)
    assert (done.code, found["is_well"]) == (3, False)
    assert "denies access" in found["problem"]
    told = machine.cli(capfd, "doctor", "--remote")
    assert told.code == 3
    assert "may write its contents" in told.out
    assert READER not in done.out + done.err + told.out + told.err
    assert READER in os.environ["GITHUB_TOKEN"]
    assert github.state()["refs"] == refs
