"""Capture finds what was really changed, whatever the tool did to hide it."""

import dataclasses
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.model.config import CaptureConfig
from pipeline.model.patch import Reason
from pipeline.work.borrowed_git import Head
from pipeline.work.slots import SlotPool
from pipeline.work.snapshot import make_snapshot
from pipeline.work.walk import signature


def paths(found) -> list[bytes]:
    return [change.path for change in found.changes]


def objections(found) -> list[tuple[Reason, bytes | None]]:
    return [(one.reason, one.path) for one in found.objections]


def test_nothing_changed_is_the_start_tree(project, pool, captured) -> None:
    with pool.take(project.tree, with_git=True) as slot:
        found = captured(slot)
    assert (found.tree, found.changes, found.dropped, found.objections) == (
        project.tree,
        (),
        (),
        (),
    )


def edit_plain(top: Path) -> None:
    (top / "src/app.py").write_text("new\n")


def edit_create(top: Path) -> None:
    (top / "src/deep/er").mkdir(parents=True)
    (top / "src/deep/er/new.py").write_text("new\n")
    (top / "build").mkdir()
    (top / "build/ignored.log").write_text("ignored by .gitignore\n")


def edit_delete(top: Path) -> None:
    (top / "src/util.py").unlink()
    shutil.rmtree(top / "private")


def edit_rename(top: Path) -> None:
    (top / "src/app.py").rename(top / "src/renamed.py")
    (top / "tools").rename(top / "moved")


def edit_swap(top: Path) -> None:
    (top / "src/app.py").rename(top / "t")
    (top / "src/util.py").rename(top / "src/app.py")
    (top / "t").rename(top / "src/util.py")


def edit_modes(top: Path) -> None:
    (top / "src/app.py").chmod(0o755)
    (top / "tools/deploy.sh").chmod(0o644)
    (top / "src/util.py").chmod(0o606)
    (top / "src").chmod(0o711)


def edit_links(top: Path) -> None:
    (top / "link").unlink()
    (top / "link").symlink_to("/etc/passwd")
    (top / "src/util.py").unlink()
    (top / "src/util.py").symlink_to("nowhere")
    shutil.rmtree(top / "private")
    (top / "private").symlink_to("/etc")


def edit_file_to_directory(top: Path) -> None:
    (top / "Makefile").unlink()
    (top / "Makefile").mkdir()
    (top / "Makefile/now").write_text("inside\n")


def edit_directory_to_file(top: Path) -> None:
    shutil.rmtree(top / "src")
    (top / "src").write_text("a file\n")


def edit_names(top: Path) -> None:
    for name in (
        b"src/new\nline",
        b"src/\xff\xfe.py",
        b"src/ ",
        b"src/--force",
        b"src/*?[a]",
        b"-",
    ):
        (top / os.fsdecode(name)).write_text("x\n")
    (top / "src/App.py").write_text("twin\n")


def edit_bytes(top: Path) -> None:
    (top / "src/app.py").write_bytes(b"a\r\nb\0\xff")
    (top / ".gitattributes").write_text("* text eol=lf\n*.py ident filter=x\n")
    (top / "src/ident.py").write_text("# $Id: evil $\n")
    (top / "src/empty").write_bytes(b"")


def edit_time_restored(top: Path) -> None:
    path = top / "pyproject.toml"
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(5)
        file.write(b"X")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edit_time_restored_and_replaced(top: Path) -> None:
    path = top / "pyproject.toml"
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes().replace(b"line", b"LINE"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(path)


def edit_many(top: Path) -> None:
    (top / "many").mkdir()
    for number in range(2000):
        (top / "many" / str(number)).write_text("same")


EDITS = [value for name, value in sorted(globals().items()) if name.startswith("edit_")]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("mode", ["quick", "full"])
def test_every_plain_change_is_captured_exactly(
    project, pool, captured, edit: Callable[[Path], None], mode: str
) -> None:
    with pool.take(project.tree, with_git=True, head=Head("x", project.commit)) as slot:
        edit(slot.path)
        found = captured(slot, CaptureConfig(mode=mode))
        shutil.rmtree(slot.path / ".git")
        assert found.tree == project.tree_of(slot.path)
    assert found.objections == () and found.dropped == ()
    assert found.tree != project.tree
    assert paths(found) == sorted(set(paths(found)))


@pytest.mark.parametrize("edit", [edit_time_restored, edit_time_restored_and_replaced, edit_swap])
def test_a_settled_slot_is_read_only_where_the_signature_differs(
    project, pool, captured, edit: Callable[[Path], None]
) -> None:
    with pool.take(project.tree):
        time.sleep(0.05)  # longer than a tick of the clock, so that every signature is believed
    with pool.take(project.tree) as slot:
        assert not slot.snapshot.doubtful
        edit(slot.path)
        assert captured(slot).tree == project.tree_of(slot.path) != project.tree
    with pool.take(project.tree) as slot:
        assert project.tree_of(slot.path) == project.tree


def test_a_touch_is_no_change(project, pool, captured) -> None:
    with pool.take(project.tree) as slot:
        for path in slot.path.rglob("*"):
            os.utime(path, follow_symlinks=False)
        (slot.path / "src/app.py").write_bytes((slot.path / "src/app.py").read_bytes())
        found = captured(slot)
    assert found.changes == () and found.tree == project.tree


def test_a_write_within_the_clocks_granularity_is_seen(project, pool, captured) -> None:
    """Written and written again within a tick, a file can keep its whole signature."""
    with pool.take(project.tree) as slot:
        path = slot.path / "src/app.py"
        path.write_bytes(path.read_bytes().replace(b"line 5", b"LINE 5"))
        old = slot.snapshot
        seen = signature(path.lstat())
        signatures = {**old.signatures, b"src/app.py": seen}
        for age_ns, is_seen in ((1_000_000, True), (10_000_000_000, False)):
            stamp = seen[6] + age_ns
            known = make_snapshot(old.tree, old.entries, signatures, old.directories, stamp)
            found = captured(dataclasses.replace(slot, snapshot=known))
            assert paths(found) == ([b"src/app.py"] if is_seen else [])
        found = captured(dataclasses.replace(slot, snapshot=known), CaptureConfig(mode="full"))
        assert paths(found) == [b"src/app.py"]


def test_caches_are_dropped_and_named_tracked_files_never(project, pool, captured) -> None:
    with pool.take(project.tree) as slot:
        for name in ("src/__pycache__/a.pyc", "src/.pytest_cache/x/y", "src/b.pyc", ".coverage"):
            (slot.path / name).parent.mkdir(parents=True, exist_ok=True)
            (slot.path / name).write_text("x")
        os.mkfifo(slot.path / "src/__pycache__/pipe")
        found = captured(slot)
        assert found.tree == project.tree and found.objections == ()
        assert found.dropped == (
            b".coverage",
            b"src/.pytest_cache/x/y",
            b"src/__pycache__/a.pyc",
            b"src/__pycache__/pipe",
            b"src/b.pyc",
        )
        (slot.path / "src/app.py").write_text("changed\n")
        found = captured(slot, CaptureConfig(discard=("*.py",)))
    assert paths(found) == [b".coverage", b"src/.pytest_cache/x/y", b"src/__pycache__/a.pyc",
                            b"src/app.py", b"src/b.pyc"]  # fmt: skip  # a list of words
    assert objections(found) == [(Reason.SPECIAL_FILE, b"src/__pycache__/pipe")]


def test_gitignore_hides_nothing(project, pool, captured) -> None:
    with pool.take(project.tree, with_git=True) as slot:
        (slot.path / "src/.gitignore").write_text("*\n")
        (slot.path / "src/conftest.py").write_text("evil\n")
        assert paths(captured(slot)) == [b"src/.gitignore", b"src/conftest.py"]


@pytest.mark.parametrize(
    "name",
    [
        ".git",
        ".GIT",
        ".Git",
        ".git.",
        ".git ",
        ".git. .",
        "git~1",
        "GIT~1",
        ".g\u200cit",
        ".git::$INDEX_ALLOCATION",
        "\ufeff.git",
    ],
)
@pytest.mark.parametrize("kind", ["directory", "file"])
def test_a_nested_repository_in_any_form(project, pool, captured, name: str, kind: str) -> None:
    with pool.take(project.tree, with_git=True, head=Head("x", project.commit)) as slot:
        sub = slot.path / "src/sub"
        sub.mkdir()
        (sub / "conftest.py").write_text("evil\n")
        if kind == "file":
            (sub / name).write_text("gitdir: ../../../main/.git")
        else:
            (sub / name).mkdir()
            (sub / name / "config").write_text("[core]\n")
        found = captured(slot)
    assert objections(found) == [(Reason.UNSAFE_PATH, b"src/sub/" + name.encode())]
    assert paths(found) == [b"src/sub/conftest.py"]


@pytest.mark.parametrize("name", [".gitignore", ".github", "git", "agit", ".git-blame", "digit~1"])
def test_other_names_with_git_in_them_are_fine(project, pool, captured, name: str) -> None:
    with pool.take(project.tree) as slot:
        (slot.path / "src" / name).write_text("x")
        found = captured(slot)
    assert found.objections == () and paths(found) == [b"src/" + name.encode()]


def test_the_own_git_is_skipped_only_where_there_is_one(project, pool, captured) -> None:
    with pool.take(project.tree) as slot:
        project.git(slot.path, "init", "-q")
        assert objections(captured(slot)) == [(Reason.UNSAFE_PATH, b".git")]
    with pool.take(project.tree, with_git=True) as slot:
        (slot.path / ".GIT").mkdir()
        assert objections(captured(slot)) == [(Reason.UNSAFE_PATH, b".GIT")]


def test_special_files_are_objected_to_unopened(project, pool, captured) -> None:
    with pool.take(project.tree) as slot:
        top = slot.path
        os.mkfifo(top / "src/pipe.py")
        short = Path(tempfile.mkdtemp(dir="/tmp"))
        try:
            (short / "here").symlink_to(top)
            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(str(short / "here/src/sock"))
        finally:
            shutil.rmtree(short)
        (top / "src/util.py").unlink()
        os.mkfifo(top / "src/util.py")
        found = captured(slot)
    assert objections(found) == [
        (Reason.SPECIAL_FILE, b"src/pipe.py"),
        (Reason.SPECIAL_FILE, b"src/sock"),
        (Reason.SPECIAL_FILE, b"src/util.py"),
    ]


def test_hard_links_are_not_read(project, pool, captured, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("private key\n")
    with pool.take(project.tree) as slot:
        (slot.path / "src/new.py").hardlink_to(secret)
        (slot.path / "src/twin.py").hardlink_to(slot.path / "src/app.py")
        found = captured(slot)
    assert objections(found) == [
        (Reason.SPECIAL_FILE, b"src/app.py"),
        (Reason.SPECIAL_FILE, b"src/new.py"),
        (Reason.SPECIAL_FILE, b"src/twin.py"),
    ]
    assert found.changes == ()


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1644])
def test_special_bits(project, pool, captured, mode: int) -> None:
    with pool.take(project.tree) as slot:
        (slot.path / "src/app.py").chmod(mode)
        (slot.path / "tools").chmod(mode | 0o111)
        found = captured(slot)
    assert objections(found) == [
        (Reason.SPECIAL_FILE, b"src/app.py"),
        (Reason.SPECIAL_FILE, b"tools"),
    ]


def test_what_is_too_big_is_not_read(project, pool, captured) -> None:
    with pool.take(project.tree) as slot:
        with (slot.path / "src/new.py").open("wb") as file:
            file.truncate(1 << 40)
        found = captured(slot)
    assert objections(found) == [(Reason.SIZE, b"src/new.py")]


def test_too_many_files(project, pool, captured) -> None:
    with pool.take(project.tree) as slot:
        for number in range(50):
            (slot.path / f"n{number}").write_text("x")
        found = captured(slot, CaptureConfig(max_files=40))
        assert objections(found) == [(Reason.SIZE, None)] and found.tree == ""
        assert captured(slot, CaptureConfig(max_files=100)).objections == ()


def test_too_deep(project, pool, captured) -> None:
    script = "import os\nfor i in range(600): os.mkdir('d'); os.chdir('d')\nopen('f','w')"
    with pool.take(project.tree) as slot:
        subprocess.run(["python3", "-c", script], cwd=slot.path, check=True)
        found = captured(slot)
    assert [reason for reason, _ in objections(found)] == [Reason.UNSAFE_PATH]


def test_a_slot_that_is_gone_is_an_objection(project, pool, captured) -> None:
    with pool.take(project.tree) as slot:
        shutil.rmtree(slot.path)
        slot.path.symlink_to("/etc")
        found = captured(slot)
    assert found.tree == "" and objections(found) == [(Reason.SPECIAL_FILE, None)]


@pytest.mark.skipif(os.getuid() == 0, reason="nothing is unreadable for root")
def test_what_cannot_be_read(project, pool, captured) -> None:
    with pool.take(project.tree) as slot:
        (slot.path / "src/app.py").chmod(0)
        (slot.path / "tools").chmod(0)
        found = captured(slot)
    assert objections(found) == [
        (Reason.SPECIAL_FILE, b"src/app.py"),
        (Reason.SPECIAL_FILE, b"tools"),
    ]
    assert found.changes == ()


NAMES = st.sampled_from(
    [
        "src/app.py",
        "src/util.py",
        "Makefile",
        "src",
        "tools",
        "link",
        "new",
        "src/new",
        "a/b/c",
        "a",
    ]
)
CONTENT = st.sampled_from([b"", b"one\n", b"two\n", b"u1\nu2\n", b"\r\n\0"])
STEP = st.one_of(
    st.tuples(st.just("write"), NAMES, CONTENT),
    st.tuples(st.just("remove"), NAMES),
    st.tuples(st.just("move"), NAMES, NAMES),
    st.tuples(st.just("mode"), NAMES, st.sampled_from([0o644, 0o755, 0o700, 0o600])),
    st.tuples(st.just("link"), NAMES, NAMES),
    st.tuples(st.just("disguise"), NAMES),
)


def play(top: Path, step) -> None:
    """Do one step of a tool; what the file system does not allow is left out."""
    try:
        path = top / step[1]
        if step[0] == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(step[2])
        elif step[0] == "remove":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        elif step[0] == "move":
            path.rename(top / step[2])
        elif step[0] == "mode":
            if not path.is_dir() and not path.is_symlink():
                path.chmod(step[2])
        elif step[0] == "link":
            path.symlink_to(step[2])
        else:
            before = path.stat()
            path.write_bytes(path.read_bytes()[::-1])
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    except OSError:
        pass


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=st.lists(STEP, max_size=8), second=st.lists(STEP, max_size=8))
def test_any_edits_give_the_tree_that_git_gives(project, captured, first, second) -> None:
    with SlotPool(project.repo, project.slots, limit=1) as pool:
        for steps in (first, second):
            with pool.take(project.tree) as slot:
                assert project.tree_of(slot.path) == project.tree
                for step in steps:
                    play(slot.path, step)
                found = captured(slot)
                assert found.objections == ()
                assert found.tree == project.tree_of(slot.path)
