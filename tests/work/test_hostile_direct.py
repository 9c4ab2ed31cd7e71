"""Scripts that play a hostile tool: each runs in a slot by the real command path and is judged.

``truth`` of a case lists paths that must be reported and zones that it attacks. A zone that the
slot keeps apart is unchanged afterwards, byte for byte; a zone that was touched is reported.
"""

import hashlib
import json
import os
import shlex
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.model.check import ToolProfile
from pipeline.model.config import CaptureConfig
from pipeline.model.edit import Captured, ToolReport
from pipeline.model.patch import Objection, Reason
from pipeline.model.scope import Scope
from pipeline.model.workstream import Workstream
from pipeline.store.layout import Layout
from pipeline.work.borrowed_git import Head
from pipeline.work.capture import capture
from pipeline.work.editors import EditRequest, find_editor
from pipeline.work.guard import ControlPlane, stray_objections
from pipeline.work.slots import SlotPool

pytestmark = pytest.mark.slow

CASES = Path(__file__).parent.parent / "data" / "hostile" / "direct"
ZONES = {"CTL", "OUT", "SIB", "MAIN", "HOME", "PROC", "GITFILE"}
# Cases that write to the person's files by their absolute names: no slot keeps that apart.
TOUCHING = {"main-worktree": "MAIN", "info-exclude": "CTL", "clean-filter": "CTL"}
SCOPE = Scope(("src/**",), ("src/new.py",))


@dataclass(frozen=True)
class Judged:
    report: ToolReport
    captured: Captured
    objections: tuple[Objection, ...]

    @property
    def paths(self) -> set[bytes]:
        objected = {one.path for one in self.objections if one.path is not None}
        return {change.path for change in self.captured.changes} | objected

    @property
    def blocking(self) -> list[Objection]:
        return [one for one in self.objections if one.is_blocking]

    @property
    def is_in_scope(self) -> bool:
        return all(
            SCOPE.may_modify(change.path) if change.before else SCOPE.may_create(change.path)
            for change in self.captured.changes
        )

    @property
    def is_refused(self) -> bool:
        return bool(self.blocking) or not self.is_in_scope or not self.captured.changes

    def zones(self) -> set[str]:
        return {one.message.partition(":")[0] for one in self.blocking} & ZONES


@dataclass(frozen=True)
class World:
    """A person's repository with everything around it."""

    run: Callable[[str], Judged]
    places: dict[str, Path]

    def digests(self) -> dict[str, str]:
        return {name: digest(path) for name, path in self.places.items()}


def digest(top: Path) -> str:
    """All names, modes and bytes below a folder."""
    parts = []
    for path in sorted(top.rglob("*")):
        mode = path.lstat().st_mode
        data = b""
        if stat.S_ISREG(mode):
            data = path.read_bytes()
        elif stat.S_ISLNK(mode):
            data = os.fsencode(path.readlink())
        parts.append(repr((str(path.relative_to(top)), mode, data)))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@pytest.fixture
def world(project, tmp_path: Path) -> Iterator[World]:
    git = project.git
    home, out, sib = tmp_path / "home", tmp_path / "out", tmp_path / "sib"
    (home / ".ssh").mkdir(parents=True)
    (home / ".gitconfig").write_text("[user]\n\tname = person\n")
    (home / ".ssh/config").write_text("Host *\n")
    out.mkdir()
    (out / "target.txt").write_text("target\n")
    git(project.top, "branch", "keep")
    git(project.top, "tag", "v1")
    git(project.top, "worktree", "add", "-q", "-b", "sibb", str(sib))
    layout = Layout(project.top, project.repo.common_dir, worktrees=project.slots)
    places = {"MAIN": project.top, "SIB": sib, "OUT": out, "HOME": home}
    with SlotPool(project.repo, project.slots, limit=4) as pool, project.repo.scratch() as scratch:
        with pool.take(project.tree) as first, pool.take(project.tree) as second:
            places["IDLE"] = max(first.directory, second.directory)
        guard = ControlPlane(project.repo, layout, pool, home=home, outside=[out])
        variables = {name: str(path) for name, path in places.items() if name != "HOME"}
        variables["THEIR_HOME"] = str(home)

        def run(script: str) -> Judged:
            for name in ("main", "sib", "out"):
                script = script.replace(f"$PWD/../{name}", str(tmp_path / name))
                script = script.replace(f"../{name}", str(tmp_path / name))
            script = script.replace("/tmp/outside/dx/out", str(out))
            file = tmp_path / "script.sh"
            file.write_text(script)
            with pool.take(
                project.tree, with_git=True, head=Head("task", project.commit), owner="test"
            ) as slot:
                assert slot.directory != places["IDLE"] or len(pool.idle()) == 1
                variables["IDLE"] = str(pool.idle()[0].directory)
                places["IDLE"] = pool.idle()[0].directory
                profile = ToolProfile(
                    "hostile",
                    command=("sh", str(file)),
                    env={**variables, "BASE": project.commit},
                    timeout_s=60,
                )
                before = guard.before()
                request = EditRequest(
                    ws=Workstream("x", tool="hostile"),
                    profile=profile,
                    start_tree=project.tree,
                    scratch=scratch,
                    slot=slot,
                    logs=tmp_path / "logs" / "edit",
                    environ=os.environ,
                )
                report = find_editor("command").edit(request).report
                captured = capture(slot, scratch, CaptureConfig())
                objections = (
                    *captured.objections,
                    *guard.after(before),
                    *stray_objections(report),
                )
            return Judged(report, captured, objections)

        yield World(run, places)


def case_names() -> list[str]:
    return sorted(path.stem for path in CASES.glob("*.sh"))


def test_the_cases_are_there() -> None:
    assert len(case_names()) == 34


@pytest.mark.parametrize("name", case_names())
def test_a_hostile_script_gets_its_verdict(world: World, name: str) -> None:
    case = json.loads((CASES / f"{name}.json").read_text())
    truth = {one for one in case["truth"] if one not in ZONES}
    before = world.digests()
    judged = world.run((CASES / f"{name}.sh").read_text())

    assert {path.encode("utf-8", "surrogateescape") for path in truth} <= judged.paths
    if case["name"] == "control-inscope":
        assert judged.objections == () and not judged.is_refused
    elif case["name"] in ("symlink-left", "new-gitignore"):
        assert judged.captured.changes  # in scope: refused by the policy on modes and names
    else:
        assert judged.is_refused
    attacked = set(case["truth"]) & ZONES
    if attacked and case["name"] != "hardlink":
        assert judged.zones(), judged.objections
    after = world.digests()
    touched = TOUCHING.get(case["name"])
    changed = {place for place in before if before[place] != after[place]}
    if touched:
        assert touched in judged.zones()
        assert changed == {"MAIN"}
    else:
        assert changed <= {"OUT"}
    assert ("OUT" in changed) <= ("OUT" in judged.zones())


COMMIT = "git -C $MAIN -c user.name=a -c user.email=a@a commit-tree -m x $BASE^{tree}"
DISGUISED = "touch -r Makefile $OUT/t; sed -i s/line/LINE/ Makefile; touch -r $OUT/t Makefile"
DAEMON = "setsid sh -c 'sleep 60; echo late >> src/app.py' >/dev/null 2>&1 &\nexit 0"
OWN_TOUCHING = {
    "a hook": ("printf '#!/bin/sh\n' > $MAIN/.git/hooks/pre-commit", "CTL"),
    "a branch moved": (f"git -C $MAIN update-ref refs/heads/keep $({COMMIT})", "CTL"),
    "a tag removed": ("git -C $MAIN tag -d v1", "CTL"),
    "a branch packed away": ("git -C $MAIN branch -D keep; git -C $MAIN pack-refs --all", "CTL"),
    "a replacement": (f"git -C $MAIN replace $BASE $({COMMIT})", "CTL"),
    "the configuration": ("git -C $MAIN config core.hooksPath /tmp/x", "CTL"),
    "the head": ("git -C $MAIN symbolic-ref HEAD refs/heads/keep", "CTL"),
    "the index": ("git -C $MAIN update-index --skip-worktree pyproject.toml", "CTL"),
    "alternates": ("echo /tmp/objects > $MAIN/.git/objects/info/alternates", "CTL"),
    "another worktree's head": ("git -C $SIB checkout -q --detach", "CTL"),
    "a file in the checkout": ("echo evil >> $MAIN/src/app.py", "MAIN"),
    "the same size and time": (f"cd $MAIN; {DISGUISED}", "MAIN"),
    "a new file in the checkout": ("echo evil > $MAIN/src/conftest.py", "MAIN"),
    "a mode in the checkout": ("chmod +x $MAIN/src/app.py", "MAIN"),
    "a file of another worktree": ("echo evil >> $SIB/src/app.py", "SIB"),
    "an idle slot": ("echo evil >> $IDLE/tree/src/app.py", "SIB"),
    "an idle slot's home": ("echo evil > $IDLE/home/.gitconfig", "SIB"),
    "the home": ("echo evil >> $THEIR_HOME/.gitconfig", "HOME"),
    "keys": ("echo evil > $THEIR_HOME/.ssh/authorized_keys", "HOME"),
    "a start-up file": ("echo evil > $THEIR_HOME/.bashrc", "HOME"),
    "a watched folder": ("echo evil > $OUT/deep", "OUT"),
    "a daemon": (DAEMON, "PROC"),
    "an open file": ("(exec 3>>src/app.py; sleep 60) &\nexit 0", "PROC"),
}  # fmt: skip  # a table


@pytest.mark.parametrize("name", OWN_TOUCHING)
def test_a_zone_that_was_touched_is_named(world: World, name: str) -> None:
    script, zone = OWN_TOUCHING[name]
    judged = world.run(script)
    assert judged.report.exit_code == 0, judged.report
    assert zone in judged.zones()
    assert judged.is_refused


def test_a_daemon_writes_nothing_later(world: World) -> None:
    judged = world.run("setsid sh -c 'sleep 1; echo late > src/new.py' >/dev/null 2>&1 &\nexit 0")
    assert judged.captured.changes == ()
    assert {one.reason for one in judged.blocking} == {Reason.STRAY_PROCESS}


OWN_APART = {
    "a commit": "echo ok >> src/app.py; git commit -qam x",
    "a branch and a tag": "echo ok >> src/app.py; git switch -qc b; git tag t; git commit -qam x",
    "its own name": "git config user.name agent; echo ok >> src/app.py; git commit -qam x",
    "staged": "echo ok >> src/app.py; git add -A",
    "reset": "echo no >> Makefile; git reset -q --hard; echo ok >> src/app.py",
    "git removed": "rm -rf .git; echo ok >> src/app.py",
    "its home": "echo x > $HOME/.gitconfig; mkdir -p $HOME/.ssh; echo ok >> src/app.py",
    "temporary files": "mktemp -d; echo ok >> src/app.py",
    "caches": "mkdir src/__pycache__; echo x > src/__pycache__/a.pyc; echo ok >> src/app.py",
    "looks at git": "git status; git log; git diff; git stash list; echo ok >> src/app.py",
    "stashed and back": "echo ok >> src/app.py; git stash -q; git stash pop -q",
    "removed and written again": "rm -rf src; git checkout -q -- src; echo ok >> src/app.py",
}  # fmt: skip  # a table


@pytest.mark.parametrize("name", OWN_APART)
def test_what_a_tool_may_do(world: World, name: str) -> None:
    before = world.digests()
    judged = world.run(OWN_APART[name])
    assert judged.report.exit_code == 0, judged.report
    assert judged.blocking == []
    assert judged.paths == {b"src/app.py"}
    assert not judged.is_refused
    assert world.digests() == before


OWN_HIDING = {
    "config of its git": "git config core.fsmonitor true",
    "an include": "printf '[user]\n[include]\n\tpath = /tmp/x\n' >> .git/config",
    "an include on one line": "printf '[user] [include] path = /tmp/x\n' >> .git/config",
    "a hook of its git": "mkdir -p .git/hooks; echo x > .git/hooks/pre-commit",
    "attributes of its git": "mkdir -p .git/info; echo '* filter=x' > .git/info/attributes",
    "a replacement in its git": "git replace $BASE $(git commit-tree -m x $BASE^{tree})",
    "a link for its git": "mv .git ../elsewhere; ln -s ../elsewhere .git",
    "a file for its git": "rm -rf .git; echo gitdir: /tmp/x > .git",
}  # fmt: skip  # a table


@pytest.mark.parametrize("name", OWN_HIDING)
def test_steering_its_own_git_is_refused(world: World, name: str) -> None:
    before = world.digests()
    judged = world.run(f"echo ok >> src/app.py; {OWN_HIDING[name]}")
    assert judged.report.exit_code == 0, judged.report
    assert "CTL" in judged.zones()
    assert b"src/app.py" in judged.paths
    assert world.digests() == before


def test_a_tool_without_git_finds_none_further_up(world: World, project, pool) -> None:
    project.git(project.slots, "init", "-q")
    with pool.take(project.tree) as slot:
        from pipeline.work.tools import run_tool, slot_values, tool_environment

        profile = ToolProfile("x", command="git config core.hooksPath /tmp/x")
        env = tool_environment(profile, environ=os.environ, own=slot_values(slot))
        report = run_tool(
            profile, profile.command, cwd=slot.path, env=env, logs=project.slots / "log"
        )
    assert report.exit_code != 0


def test_a_script_of_the_tree_can_be_the_tool(world: World) -> None:
    judged = world.run(
        f"exec {shlex.quote(sys.executable)} -c \"open('src/app.py','a').write('x')\""
    )
    assert not judged.is_refused
