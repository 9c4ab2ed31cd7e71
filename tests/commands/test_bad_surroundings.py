"""Disks, streams, variables and a git that do not play along: the console script as a process."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from projects import Project
from refusals import SCRIPT, Said, assert_helps, environment, everything, script

UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")
QUIET = ("run", "--quiet")


def can_mount() -> bool:
    """Whether a mount namespace of our own is to be had here."""
    try:
        return subprocess.run((*UNSHARE, "true"), capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


mounting = pytest.mark.skipif(not can_mount(), reason="no user and mount namespaces here")


@pytest.fixture
def one(project: Project) -> Project:
    """A project with one harmless workstream."""
    project.writes("one", "a.txt", "A\n")
    return project


def inside(project: Project, mounts: str, *, cwd: Path | None = None) -> Said:
    """Run in a mount namespace of its own, after the mounts of a piece of shell."""
    shell = f'set -e; {mounts}; exec "$0" run --quiet'
    return script(cwd=cwd or project.top, around=(*UNSHARE, "sh", "-c", shell))


@mounting
def test_read_only_file_system(one):
    before = everything(one.top)
    top = one.top
    said = inside(one, f"mount --bind {top} {top}; mount -o remount,bind,ro {top}; cd {top}")
    assert_helps(said, 3, "read-only", "next:", str(top))
    assert everything(top) == before


@mounting
def test_state_directory_that_cannot_be_written(one):
    state = one.top / ".pipeline"
    state.mkdir()
    before = one.refs()
    said = inside(one, f"mount -t tmpfs -o ro none {state}")
    assert_helps(said, 3, "read-only", "next:", str(state))
    assert one.refs() == before
    assert list(state.iterdir()) == []


@mounting
def test_slots_that_cannot_be_written(one):
    one.slots.mkdir()
    said = inside(one, f"mount -t tmpfs -o ro none {one.slots}")
    assert_helps(said, 3, "next:", str(one.slots))
    assert script(*QUIET, cwd=one.top).code == 0


@mounting
@pytest.mark.parametrize("kib", [16, 64, 160, 240, 320, 400])
def test_full_disk_for_the_state(one, kib):
    """The state's disk fills up at one moment or another; with space again it is carried on."""
    state = one.top / ".pipeline"
    state.mkdir()
    mount = f"mount -t tmpfs -o size={kib}k none {state}"
    said = inside(one, mount)
    # How much a run needs depends on how its commits are grouped, so the larger ones may do.
    if kib <= 160 or said.code != 0:
        assert_helps(said, 3, "next:", ".pipeline")
        assert "full" in said.err
    assert one.git("fsck", "--strict") == ""
    assert script(*QUIET, cwd=one.top).code == 0


@mounting
def test_full_disk_for_the_objects(one, tmp_path):
    objects = one.top / ".git" / "objects"
    kept = tmp_path / "kept"
    shutil.copytree(objects, kept)
    code = "open('a.txt', 'wb').write(__import__('os').urandom(300_000))"
    one.configure(policy={"allow_binary": True})
    one.script("one", code, files_scope=["a.txt"])
    said = inside(one, f"mount -t tmpfs -o size=200k none {objects}; cp -a {kept}/. {objects}")
    assert_helps(said, 3, "full", "next:")
    # What could be written is gone with the mount, so the journal's ref leads nowhere now.
    journals = one.top / ".git" / "refs" / "pipeline" / "journal"
    assert len(list(journals.iterdir())) == 1
    assert script(*QUIET, cwd=one.top).code == 0
    assert one.git("fsck", "--strict") == ""
    assert one.git("for-each-ref", "refs/pipeline/archive")


@mounting
def test_full_disk_for_the_slots(one):
    one.slots.mkdir()
    code = "open('a.txt', 'wb').write(b'x' * 3_000_000)"
    one.script("one", code, files_scope=["a.txt"])
    said = inside(one, f"mount -t tmpfs -o size=1m none {one.slots}")
    assert said.code in (1, 3)  # the tool's own failure, or the engine's where it comes first
    assert "Traceback" not in said.err
    assert one.git("fsck", "--strict") == ""


@mounting
def test_full_temporary_directory(one, tmp_path):
    temporary = tmp_path / "t"
    temporary.mkdir()
    said = inside(one, f"mount -t tmpfs -o size=4k none {temporary}; export TMPDIR={temporary}")
    assert_helps(said, 3, "next:")
    assert "full" in said.err or "No space" in said.err


def test_limit_of_file_size(one):
    said = script(*QUIET, cwd=one.top, around=("sh", "-c", 'ulimit -f 40; exec "$0" "$@"'))
    assert_helps(said, 3, "next:", "state.db")
    assert script(*QUIET, cwd=one.top).code == 0


def test_database_newer_than_the_code(one):
    assert script(*QUIET, cwd=one.top).code == 0
    database = one.layout.database
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    before = everything(one.top)
    one.writes("one", "a.txt", "B\n")
    before |= {path: state for path, state in everything(one.top).items() if "workstreams" in path}
    for verb in (QUIET, ("runs",), ("show-run",)):
        assert_helps(script(*verb, cwd=one.top), 3, "newer", "next:")
    changed = {
        path
        for path, state in everything(one.top).items()
        if before.get(path) != state and not path.endswith(("state.db-shm", "state.db-wal"))
    }
    assert not {path for path in changed if "run.lock" not in path}


def test_corrupt_database_stands_in_nobodys_way(one):
    """Also without ``--fresh``, where the first look is a reader's."""
    assert script(*QUIET, cwd=one.top).code == 0
    one.layout.database.write_bytes(b"garbage" * 1000)
    said = script("runs", cwd=one.top)
    assert_helps(said, 3, "damaged", "pipeline run")
    assert_helps(script(*QUIET, cwd=one.top), 0, "moved to")
    assert script("runs", cwd=one.top).code == 0


@pytest.mark.parametrize("damage", ["garbage", "header", "page", "cut"])
def test_corrupt_database_is_moved_aside_and_told_of(one, damage):
    assert script(*QUIET, cwd=one.top).code == 0
    database = one.layout.database
    whole = database.read_bytes()
    broken = {
        "garbage": os.urandom(9000),
        "header": b"SQLite format 3\0" + whole[16:100].replace(b"\0", b"\xff") + whole[100:],
        "page": whole[:4096] + os.urandom(4096) + whole[8192:],
        "cut": whole[:5000],
    }[damage]
    database.write_bytes(broken)
    said = script(*QUIET, "--fresh", cwd=one.top)
    assert said.code == 0, said.err
    assert "moved to" in said.err
    assert "state.db.corrupt-" in said.err
    (aside,) = [
        path
        for path in database.parent.glob("state.db.corrupt-*")
        if not path.name.endswith(("-wal", "-shm"))
    ]
    assert aside.read_bytes() == broken
    assert script("show-run", cwd=one.top).code == 0


def test_variables_of_a_hook_play_no_part(one, tmp_path):
    other = tmp_path / "other"
    subprocess.run(["git", "init", "--quiet", other], check=True)
    env = environment(
        GIT_DIR=str(other / ".git"),
        GIT_WORK_TREE=str(other),
        GIT_INDEX_FILE=str(other / "index"),
        GIT_OBJECT_DIRECTORY=str(other / "objects"),
        GIT_PREFIX="sub/",
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0="core.bare",
        GIT_CONFIG_VALUE_0="true",
        GIT_CEILING_DIRECTORIES="/",
        GIT_NAMESPACE="x",
        GIT_EXTERNAL_DIFF="/bin/false",
        GIT_SSH_COMMAND="/bin/false",
        GIT_TRACE="1",
    )
    before = everything(other)
    assert script(*QUIET, cwd=one.top, env=env).code == 0
    assert everything(other) == before
    assert one.git("for-each-ref", "refs/heads/pipeline") != ""


def test_hostile_configuration_of_the_repository(one, tmp_path):
    mark, evil = tmp_path / "mark", tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {mark}\nexit 1\n")
    evil.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in ("reference-transaction", "post-index-change", "pre-commit", "post-checkout"):
        shutil.copy(evil, hooks / hook)
    included = tmp_path / "included"
    included.write_text(f'[core]\n\tpager = {evil}\n[filter "x"]\n\tclean = {evil}\n')
    for key, value in {
        "core.hooksPath": str(hooks),
        "core.fsmonitor": str(evil),
        "core.editor": str(evil),
        "core.sshCommand": str(evil),
        "core.alternateRefsCommand": str(evil),
        "alias.rev-parse": f"!{evil}",
        "diff.external": str(evil),
        "merge.default": "x",
        "merge.x.driver": str(evil),
        "filter.x.smudge": str(evil),
        "filter.x.required": "true",
        "gpg.program": str(evil),
        "commit.gpgSign": "true",
        "include.path": str(included),
        f"includeIf.gitdir:{one.top}/.path": str(included),
        "core.attributesFile": str(tmp_path / "attributes"),
        "credential.helper": f"!{evil}",
    }.items():
        one.git("config", key, value)
    (tmp_path / "attributes").write_text("* filter=x diff=x merge=x\n")
    before = (one.top / ".git" / "config").read_bytes()
    said = script(*QUIET, cwd=one.top)
    assert said.code == 0, said.err
    assert not mark.exists()
    assert (one.top / ".git" / "config").read_bytes() == before


def fake_git(folder: Path, text: str) -> Path:
    folder.mkdir()
    git = folder / "git"
    git.write_text(f"#!/bin/sh\n{text}\n")
    git.chmod(0o755)
    return folder


def test_git_that_is_missing_old_or_broken(one, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    before = everything(one.top)
    said = script(*QUIET, cwd=one.top, env=environment(PATH=str(empty)))
    assert_helps(said, 3, "git", "next:")
    for name, text, words in (
        ("old", "echo git version 2.30.2", ("2.30", "2.39", "next:")),
        ("odd", "echo hello", ("git",)),
        ("failing", "exit 1", ("git",)),
    ):
        folder = fake_git(tmp_path / name, text)
        env = environment(PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")
        assert_helps(script(*QUIET, cwd=one.top, env=env), 3, *words)
    assert everything(one.top) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"HOME": None, "XDG_CACHE_HOME": None},
        {"HOME": "/nonexistent", "XDG_CACHE_HOME": None},
        {"HOME": "relative"},
        {"TMPDIR": "/nonexistent"},
        {"TMPDIR": ""},
        {"LANG": "C", "LC_ALL": "C"},
        {"LC_ALL": "no_SUCH.locale"},
        {"PYTHONIOENCODING": "ascii"},
        {"NO_COLOR": "1", "TERM": "dumb"},
        {"TERM": None},
        {"CI": "true"},
        {"PYTHONWARNINGS": "error"},
    ],
    ids=str,
)
def test_odd_variables(one, changes):
    one.writes("two", "b.txt", "B\n", title="Übung ✓")
    said = script("run", cwd=one.top, env=environment(**changes))
    assert said.code == 0, said.err
    assert "\x1b" not in said.out + said.err
    assert "Traceback" not in said.err


def test_closed_standard_streams(one):
    for redirect in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        one.writes("one", "a.txt", f"A {redirect}\n")
        done = subprocess.run(
            ["sh", "-c", f'"$0" run {redirect}', SCRIPT],
            cwd=one.top,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (redirect, done.stderr)
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("status", [0, 1])
def test_reader_that_goes_away(one, status):
    """``| head`` ends early: no traceback, and the run's own exit code."""
    if status:
        one.script("bad", "raise SystemExit(1)", files_scope=["b.txt"])
    for how in ("run | :", "run 2>&1 | :", "run --format json | :"):
        shell = f'set -o pipefail; "$0" {how}'
        done = subprocess.run(
            ["bash", "-c", shell, SCRIPT], cwd=one.top, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == status, (how, done.stderr)
        assert b"BrokenPipe" not in done.stderr
        assert b"Traceback" not in done.stderr
    shell = 'set -o pipefail; "$0" show-events | head -1'
    done = subprocess.run(
        ["bash", "-c", shell, SCRIPT], cwd=one.top, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert done.stderr == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_run_that_is_carried_on(project, tmp_path, number):
    started, go = tmp_path / "started", tmp_path / "go"
    code = (
        f"import os, time\nopen({str(started)!r}, 'w')\n"
        f"while not os.path.exists({str(go)!r}): time.sleep(0.05)\nopen('a.txt', 'w').write('A')"
    )
    project.script("one", code, files_scope=["a.txt"])
    running = subprocess.Popen(
        [SCRIPT, "run"], cwd=project.top, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while not started.exists():
        time.sleep(0.02)
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert b"next:" in err
    go.touch()
    assert script(*QUIET, cwd=project.top).code == 0
    with project.records() as records:
        assert len(records.runs()) == 1


def test_time_limit_interrupts_and_costs_nobody_an_attempt(project, tmp_path):
    go = tmp_path / "go"
    code = (
        f"import os, time\nif not os.path.exists({str(go)!r}): time.sleep(60)\n"
        "open('a.txt', 'w').write('A')"
    )
    project.script("one", code, files_scope=["a.txt"])
    for _ in range(2):
        said = script("run", "--timeout", "1", "--quiet", cwd=project.top)
        assert_helps(said, 130, "time limit", "next:")
    go.touch()
    said = script(*QUIET, cwd=project.top)
    assert said.code == 0, said.out


def test_huge_files_do_not_blow_memory(project):
    """200 MB in the repository: the engine's memory stays far below that."""
    big = project.top / "big.bin"
    with big.open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    project.commit({"d.txt": "d\n"})
    touch = "import os; os.utime('big.bin'); open('d.txt', 'w').write('D')"
    project.script("one", touch, files_scope=["d.txt"])
    code = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)"
    )
    said = script(*QUIET, cwd=project.top, around=(sys.executable, "-c", code), timeout=120)
    assert said.code == 0, said.err + said.out
    assert int(said.out.split()[-1]) < 150 * 1024
