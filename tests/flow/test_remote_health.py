"""``doctor --remote`` tells what a remote cannot do, and leaves nothing on it."""

import json
from pathlib import Path
from typing import Any

import pytest
from machines import Machine, make_hub
from small_run import Small, git, make_repository

from pipeline.base.errors import ExitCode


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    make_repository(tmp_path / "one")
    return Machine(tmp_path / "one", "")


def doctor(
    machine: Small, capfd: pytest.CaptureFixture[str], *remote: str
) -> tuple[int, dict[str, Any]]:
    done = machine.cli(capfd, "doctor", "--format", "json", "--remote", *remote)
    return done.code, {one["name"]: one for one in json.loads(done.out)["checkups"]}


def test_a_good_remote_is_fit_and_as_it_was(
    machine: Machine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hub = make_hub(machine, tmp_path / "hub.git")
    before = hub.refs("refs")
    code, found = doctor(machine, capfd)
    assert code == ExitCode.OK
    assert list(found) == ["remote", "create", "swap", "atomic", "delete"]
    assert {one["fitness"] for one in found.values()} == {"ok"}
    assert hub.refs("refs") == before
    assert machine.git("fsck", "--no-dangling") == ""


def test_each_lack_is_told_with_its_remedy(
    machine: Machine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hub = make_hub(machine, tmp_path / "hub.git")
    git(hub.top, "config", "receive.advertiseAtomic", "false")
    code, found = doctor(machine, capfd, "origin")
    assert (code, found["atomic"]["fitness"]) == (ExitCode.OK, "note")
    hub.hook("update", 'case "$3" in 0000*) exit 1;; esac')
    code, found = doctor(machine, capfd)
    assert (code, found["delete"]["fitness"]) == (ExitCode.UNFIT, "bad")
    assert "doctor/" in found["delete"]["message"]
    git(hub.top, "config", "receive.hideRefs", "refs/pipeline")
    code, found = doctor(machine, capfd)
    assert (code, found["create"]["fitness"]) == (ExitCode.UNFIT, "bad")
    assert "refs_prefix: refs/heads/pipeline" in found["create"]["remedy"]


def test_a_remote_that_overwrites_is_found_out(
    machine: Machine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It accepts no second value for a ref: then a swap cannot be relied on."""
    hub = make_hub(machine, tmp_path / "hub.git")
    hub.hook("update", 'case "$2$3" in *0000000*) exit 0;; *) exit 1;; esac')
    code, found = doctor(machine, capfd)
    assert (code, found["swap"]["fitness"]) == (ExitCode.UNFIT, "bad")
    assert hub.refs() == {}


def test_a_remote_that_is_not_there_is_told(
    machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    machine.git("remote", "add", "lost", "../lost.git")
    code, found = doctor(machine, capfd, "lost")
    assert (code, list(found), found["remote"]["fitness"]) == (ExitCode.UNFIT, ["remote"], "bad")
    code, found = doctor(machine, capfd, "nowhere")
    assert (code, found["remote"]["fitness"]) == (ExitCode.UNFIT, "bad")
