"""Checkouts that are unusual and fine: a run works beside what it does not support, and says so."""

import json
import os
import subprocess

import pytest
from refusals import Said, assert_helps

from pipeline.cli import main


@pytest.fixture
def run(capfd):
    """Runs in a directory; gives what was said and the summary."""

    def go(top, *options):
        capfd.readouterr()
        code = main(["run", "--quiet", "--format=json", *options, "--repo", str(top)])
        said = Said(int(code), *capfd.readouterr())
        return said, json.loads(said.out) if said.out else {}

    return go


def test_detached_head(project, run):
    project.writes("one", "a.txt", "A\n")
    project.git("checkout", "--quiet", "--detach")
    said, _ = run(project.top)
    assert_helps(said, 0)
    assert project.git("symbolic-ref", "--quiet", "HEAD", check=False) == ""


def test_dirty_checkout_is_named_and_left_alone(project, run):
    project.writes("one", "a.txt", "A\n")
    project.write("b.txt", "not committed\n")
    project.write("c.txt", "staged\n")
    project.git("add", "c.txt")
    before = project.git("status", "--porcelain")
    said, summary = run(project.top)
    assert_helps(said, 0, "uncommitted changes in b.txt, c.txt")
    assert project.git("status", "--porcelain") == before
    assert project.show(summary["integration_branch"], "b.txt") == "b"


def test_shallow_clone(project, tmp_path, run):
    project.commit({"d.txt": "d\n"})
    clone = tmp_path / "clone"
    url = f"file://{project.top}"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", url, clone], check=True)
    project.writes("one", "a.txt", "A\n")
    (project.top / "workstreams").rename(clone / "workstreams")
    said, _ = run(clone)
    assert_helps(said, 0)
    fsck = subprocess.run(["git", "fsck", "--strict"], cwd=clone, capture_output=True, check=True)
    assert b"error" not in fsck.stderr


def test_linked_worktree(project, tmp_path, run):
    linked = tmp_path / "linked"
    project.git("worktree", "add", "--quiet", "-b", "side", str(linked))
    project.writes("one", "a.txt", "A\n")
    (project.top / "workstreams").rename(linked / "workstreams")
    said, _ = run(linked)
    assert_helps(said, 0)
    assert project.layout.database.exists()  # the main checkout's: one state for all worktrees
    assert not (linked / ".pipeline").exists()


def test_submodules_and_lfs_are_named_and_preserved(project, new_project, run):
    other = new_project("library")
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add",
                str(other.top), "library")  # fmt: skip
    project.commit({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
                    "big.bin": "version https://git-lfs.github.com/spec/v1\n"})  # fmt: skip
    before = project.git("rev-parse", "HEAD:library")
    project.writes("one", "a.txt", "A\n")
    said, summary = run(project.top)
    assert_helps(said, 0, "Submodules are not supported", "Git LFS is not supported")
    tree = project.git("ls-tree", summary["integration_branch"], "library")
    assert tree.startswith("160000 commit")
    assert before in tree


def test_names_that_are_not_utf8(project, run):
    """Those that are there are kept and may be changed; a new one is refused by its name."""
    odd = os.fsencode(project.top) + b"/odd \xff\n\"'.txt"
    with open(odd, "wb") as file:  # noqa: PTH123 - bytes
        file.write(b"x\n")
    project.commit({"d.txt": "d\n"})
    project.writes("one", "a.txt", "A\n")
    project.script("two", "open(b'new-\\xfe', 'w').write('n')", files_create=["new-*"])
    said, summary = run(project.top)
    assert_helps(said, 1)
    ended = {ws["id"]: (ws["status"], ws["reason"]) for ws in summary["workstreams"]}
    assert ended["one"][0] == "done"
    assert ended["two"][0] == "quarantined"
    assert "new-\\xfe is not UTF-8" in ended["two"][1]
    listed = subprocess.run(
        ["git", "ls-tree", "-z", "--name-only", summary["integration_branch"]],
        cwd=project.top, capture_output=True, check=True,
    ).stdout.split(b"\0")  # fmt: skip
    assert b"odd \xff\n\"'.txt" in listed


def test_bundle_that_its_tool_cannot_use_stops_nobody_else(project, run):
    project.configure(tools={"agent": {"driver": "agent", "command": ["true"]}})
    project.bundle("odd", tool="agent", tool_args={"mode": "sideways"}, files_scope=["b.txt"])
    project.writes("one", "a.txt", "A\n")
    said, summary = run(project.top)
    if said.code == 2:  # refused before anything ran is as good
        return
    assert_helps(said, 1)
    ended = {ws["id"]: (ws["status"], ws["reason"]) for ws in summary["workstreams"]}
    assert ended["one"][0] == "done"
    assert ended["odd"][0] == "failed"
    assert "sideways" in ended["odd"][1]


@pytest.mark.parametrize("landing", ["each", "batch"])
def test_twins_of_two_workstreams_do_not_both_land(project, run, landing):
    """Names that differ in case alone cannot be checked out side by side everywhere."""
    project.writes("one", "New.txt", "1\n", allow_overlap=["two"])
    project.writes("two", "new.txt", "2\n")
    said, summary = run(project.top, "--landing", landing)
    assert_helps(said, 1)
    ended = {ws["id"]: (ws["status"], ws["reason"]) for ws in summary["workstreams"]}
    assert ended["one"][0] == "done"
    assert ended["two"][0] == "quarantined"
    assert "new.txt" in ended["two"][1]
