"""A slot holds exactly a tree, whatever was done to it before."""

import os
import socket
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.base.errors import UnfitError
from pipeline.base.git import Repository, TreeEntry
from pipeline.work.borrowed_git import Head
from pipeline.work.slots import SlotPool


def listing(directory: Path) -> dict[str, tuple[int, bytes]]:
    """Every path but the root's ``.git``: mode and content."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if name.split("/", maxsplit=1)[0] == ".git":
            continue
        mode = path.lstat().st_mode
        content = b""
        if stat.S_ISLNK(mode):
            content = os.fsencode(path.readlink())
        elif stat.S_ISREG(mode):
            content = path.read_bytes()
        found[name] = (mode, content)
    return found


def test_a_slot_holds_the_tree_as_it_is(project, pool) -> None:
    with pool.take(project.tree) as slot:
        found = listing(slot.path)
        assert found["src/app.py"] == (0o100644, (project.top / "src/app.py").read_bytes())
        assert found["tools/deploy.sh"][0] == 0o100755
        assert found["link"] == (0o120777, b"src/app.py")
        assert found["src"][0] == 0o40755
        assert not (slot.path / ".git").exists()
        assert list(slot.home.iterdir()) == list(slot.tmp.iterdir()) == []
        assert project.tree_of(slot.path) == project.tree


def test_attributes_and_filters_change_nothing(project, pool) -> None:
    project.git(project.top, "config", "filter.x.smudge", "sed s/line/LINE/")
    objects = project.repo.objects
    attributes = objects.write("blob", b"* text eol=crlf\n*.py filter=x ident\n")
    tree = project.repo.trees.edit(
        project.tree,
        [
            (b".gitattributes", TreeEntry(0o100644, attributes)),
            (b"crlf.txt", TreeEntry(0o100644, objects.write("blob", b"a\r\nb\n"))),
        ],
    )
    with pool.take(tree) as slot:
        assert (slot.path / "crlf.txt").read_bytes() == b"a\r\nb\n"
        assert (slot.path / "src/ident.py").read_bytes() == b"# $Id$\n"


def wreck_mode(tree: Path) -> None:
    (tree / "src/app.py").chmod(0o600)
    (tree / "src").chmod(0o777)


def wreck_unreadable(tree: Path) -> None:
    (tree / "src/app.py").chmod(0)
    (tree / "src").chmod(0)


def wreck_same_size_and_time(tree: Path) -> None:
    path = tree / "pyproject.toml"
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"line 5", b"LINE 5"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def wreck_directory_to_link(tree: Path) -> None:
    outside = tree.parent.parent / "outside"
    outside.mkdir()
    (outside / "app.py").write_text("precious\n")
    subprocess.run(["rm", "-rf", tree / "src"], check=True)
    (tree / "src").symlink_to(outside)


def wreck_file_to_directory(tree: Path) -> None:
    (tree / "Makefile").unlink()
    (tree / "Makefile/deeper").mkdir(parents=True)
    (tree / "Makefile/deeper/file").write_text("x")


def wreck_special(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as sock:
        here = os.open(tree, os.O_RDONLY)
        try:
            sock.bind(f"/proc/self/fd/{here}/sock")
        finally:
            os.close(here)


def wreck_deep(tree: Path) -> None:
    script = "import os\nfor i in range(1500): os.mkdir('d'); os.chdir('d')\nopen('f','w')"
    subprocess.run(["python3", "-c", script], cwd=tree, check=True)


def wreck_names(tree: Path) -> None:
    for name in (b"new\nline", b"\xff\xfe", b" ", b"-rf", b"*", b".GIT", b"a" * 255):
        (tree / os.fsdecode(name)).write_text("x")


def wreck_everything(tree: Path) -> None:
    for path in tree.iterdir():
        subprocess.run(["rm", "-rf", path], check=True)


def wreck_root(tree: Path) -> None:
    tree.rename(tree.with_name("moved"))
    tree.symlink_to(tree.with_name("moved"))


def wreck_root_gone(tree: Path) -> None:
    subprocess.run(["rm", "-rf", tree], check=True)
    tree.write_text("a file now\n")


def wreck_hard_link(tree: Path) -> None:
    other = tree.parent.parent / "other"
    other.write_text("other\n")
    (tree / "src/util.py").unlink()
    (tree / "src/util.py").hardlink_to(other)
    (tree.parent.parent / "kept").hardlink_to(tree / "src/app.py")


def wreck_empty_directories(tree: Path) -> None:
    (tree / "a/b/c").mkdir(parents=True)


def wreck_swapped(tree: Path) -> None:
    (tree / "src/app.py").rename(tree / "t")
    (tree / "src/util.py").rename(tree / "src/app.py")
    (tree / "t").rename(tree / "src/util.py")


Wreck = Callable[[Path], None]
WRECKS = [value for name, value in sorted(globals().items()) if name.startswith("wreck_")]


@pytest.mark.parametrize("wreck", WRECKS)
def test_a_wrecked_slot_is_restored(project, pool, wreck: Wreck) -> None:
    with pool.take(project.tree, with_git=True) as slot:
        before, place = listing(slot.path), slot.path
        wreck(slot.path)
    with pool.take(project.tree) as slot:
        assert slot.path == place
        assert listing(slot.path) == before
    outside = project.slots / "outside/app.py"
    assert not outside.exists() or outside.read_text() == "precious\n"
    other = project.slots / "other"
    assert not other.exists() or other.read_text() == "other\n"


@pytest.mark.parametrize("wreck", WRECKS)
def test_what_is_unknown_is_compared_by_content(project, wreck: Wreck) -> None:
    with SlotPool(project.repo, project.slots, limit=1) as pool, pool.take(project.tree) as slot:
        before = listing(slot.path)
        inode = (slot.path / "package.json").stat().st_ino
        wreck(slot.path)
    (project.slots / "slot-0/snapshot").unlink()
    with SlotPool(project.repo, project.slots, limit=1) as pool, pool.take(project.tree) as slot:
        assert listing(slot.path) == before
        if wreck not in (wreck_everything, wreck_root, wreck_root_gone):
            assert (slot.path / "package.json").stat().st_ino == inode


def test_the_next_process_goes_on_from_what_is_known(project) -> None:
    with SlotPool(project.repo, project.slots, limit=1) as pool, pool.take(project.tree) as slot:
        inode = (slot.path / "src/app.py").stat().st_ino
        (slot.path / "src/util.py").write_text("other\n")
    with SlotPool(project.repo, project.slots, limit=1) as pool, pool.take(project.tree) as slot:
        assert not (project.slots / "slot-0/snapshot").exists()
        assert (slot.path / "src/app.py").stat().st_ino == inode
        assert (slot.path / "src/util.py").read_text() == "u1\nu2\n"


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_a_damaged_snapshot_is_not_believed(project, damage: bytes | None) -> None:
    with SlotPool(project.repo, project.slots, limit=1) as pool, pool.take(project.tree) as slot:
        before = listing(slot.path)
    saved = project.slots / "slot-0/snapshot"
    data = saved.read_bytes()
    saved.write_bytes(data[:-9] + b"123456789" if damage is None else damage)
    (project.slots / "slot-0/tree/src/util.py").write_text("v1\nv2\n")
    with SlotPool(project.repo, project.slots, limit=1) as pool, pool.take(project.tree) as slot:
        assert listing(slot.path) == before


def test_another_tree_costs_what_differs(project, pool) -> None:
    repo = project.repo
    blob = repo.objects.write("blob", b"new\n")
    makefile = repo.trees.flatten(project.tree)[b"Makefile"].oid
    other = repo.trees.edit(
        project.tree,
        [
            (b"src/util.py", None),
            (b"Makefile", TreeEntry(0o100755, makefile)),
            (b"src/app.py", TreeEntry(0o100644, blob)),
            (b"private/key.txt", None),
            (b"private/key.txt/now/a/directory", TreeEntry(0o100644, blob)),
            (b"link", None),
            (b"link/inside", TreeEntry(0o120000, repo.objects.write("blob", b"no/where"))),
        ],
    )
    with pool.take(project.tree) as slot:
        inode = (slot.path / "pyproject.toml").stat().st_ino
    for _ in range(2):
        for tree in (other, project.tree):
            with pool.take(tree) as slot:
                assert project.tree_of(slot.path) == tree
                assert (slot.path / "pyproject.toml").stat().st_ino == inode


def many_files(repo: Repository, tree: str, content: bytes) -> str:
    entry = TreeEntry(0o100644, repo.objects.write("blob", content))
    return repo.trees.edit(tree, [(b"many/%02d" % number, entry) for number in range(40)])


def test_trees_that_are_far_apart_do_not_take_turns_in_one_slot(project, pool) -> None:
    near = many_files(project.repo, project.tree, b"one\n")
    far = many_files(project.repo, project.tree, b"another\n")
    numbers = []
    for _ in range(3):
        for tree in (near, far):
            with pool.take(tree) as slot:
                numbers.append(slot.number)
                assert project.tree_of(slot.path) == tree
    assert numbers == [0, 1] * 3


def test_where_no_slot_can_be_added_the_nearest_is_taken(project) -> None:
    trees = [many_files(project.repo, project.tree, b"%d\n" % number) for number in range(3)]
    with SlotPool(project.repo, project.slots, limit=2) as pool:
        for tree in (trees[0], trees[1], trees[2], trees[0]):
            with pool.take(tree) as slot:
                assert project.tree_of(slot.path) == tree
        assert len(pool.idle()) == 2


def test_slots_are_apart_and_waited_for(project) -> None:
    got: list[Path] = []
    with SlotPool(project.repo, project.slots, limit=2) as pool:

        def third() -> None:
            with pool.take(project.tree) as slot:
                got.append(slot.path)

        thread = threading.Thread(target=third)
        with pool.take(project.tree) as one, pool.take(project.tree) as two:
            assert one.path != two.path
            thread.start()
            thread.join(0.2)
            assert thread.is_alive() and not got
        thread.join(60)
        assert got[0] in (one.path, two.path)


def test_two_pools_never_share_a_slot(project) -> None:
    with (
        SlotPool(project.repo, project.slots, limit=1) as one,
        SlotPool(project.repo, project.slots, limit=1) as two,
        one.take(project.tree, owner="first") as slot,
        two.take(project.tree) as other,
    ):
        assert slot.path != other.path
        assert "first" in (slot.directory / "lock").read_text()


def test_a_slot_moved_away_is_given_up(project) -> None:
    with SlotPool(project.repo, project.slots, limit=1) as pool:
        with pool.take(project.tree) as slot:
            slot.directory.rename(project.slots / "away")
            slot.directory.mkdir()
        with pool.take(project.tree) as other:
            assert other.number != slot.number
            assert project.tree_of(other.path) == project.tree


def test_a_tree_that_is_not_there_is_an_error_and_costs_no_slot(project) -> None:
    with SlotPool(project.repo, project.slots, limit=1) as pool:
        with pytest.raises(UnfitError), pool.take("1" * 40):
            pass
        with pool.take(project.tree) as slot:
            assert project.tree_of(slot.path) == project.tree
    assert [path.name for path in project.slots.iterdir()] == ["slot-0"]


def test_a_git_of_its_own_is_clean_and_apart(project, pool) -> None:
    git = project.git
    before = git(project.top, "for-each-ref")
    with pool.take(project.tree, with_git=True, head=Head("ws/x/one", project.commit)) as slot:
        assert git(slot.path, "status", "--porcelain") == b""
        assert git(slot.path, "symbolic-ref", "HEAD").strip() == b"refs/heads/ws/x/one"
        assert git(slot.path, "rev-parse", "HEAD").decode().strip() == project.commit
        assert git(slot.path, "log", "--format=%s").strip() == b"start"
        (slot.path / "src/app.py").write_text("changed\n")
        assert git(slot.path, "status", "--porcelain").strip() == b"M src/app.py"
        git(slot.path, "commit", "-qam", "own")
        git(slot.path, "checkout", "-q", "-b", "other")
        git(slot.path, "tag", "mine")
        git(slot.path, "fsck", "--strict")
    assert git(project.top, "for-each-ref") == before
    with pool.take(project.tree, with_git=True, head=Head("two", project.commit)) as slot:
        assert git(slot.path, "status", "--porcelain") == b""
        assert git(slot.path, "branch", "--format=%(refname)").split() == [b"refs/heads/two"]


def test_the_index_says_that_nothing_has_to_be_read(project, pool) -> None:
    with pool.take(project.tree, with_git=True, head=Head("x", project.commit)) as slot:
        debug = project.git(slot.path, "ls-files", "--debug").decode()
        st = (slot.path / "src/app.py").stat()
        assert f"ino: {st.st_ino & 0xFFFFFFFF}" in debug
        assert f"mtime: {st.st_mtime_ns // 10**9}:{st.st_mtime_ns % 10**9}" in debug
        assert project.git(slot.path, "diff-files") == b""


def test_sha256_repositories_work(project, tmp_path: Path) -> None:
    git, top = project.git, tmp_path / "other"
    top.mkdir()
    git(top, "init", "-q", "--object-format=sha256")
    (top / "a").write_text("a\n")
    git(top, "add", "-A")
    git(top, "commit", "-qm", "x")
    with Repository.discover(top, engine_root=tmp_path) as repo:
        commit = repo.resolve_commit("HEAD")
        tree = repo.commit_tree(commit)
        with SlotPool(repo, tmp_path / "slots256", limit=1) as pool:
            for _ in range(2):
                with pool.take(tree, with_git=True, head=Head("x", commit)) as slot:
                    assert git(slot.path, "status", "--porcelain") == b""
                    (slot.path / "a").write_text("b\n")


def test_a_submodule_is_an_empty_directory(project, pool, captured) -> None:
    tree = project.repo.trees.edit(
        project.tree, [(b"sub/module", TreeEntry(0o160000, project.commit))]
    )
    with pool.take(tree) as slot:
        assert list((slot.path / "sub/module").iterdir()) == []
        assert captured(slot).changes == ()
        (slot.path / "sub/module/file").write_text("x")
        found = captured(slot)
        assert [one.path for one in found.objections] == [b"sub/module/file"]
    with pool.take(tree) as slot:
        assert list((slot.path / "sub/module").iterdir()) == []


def test_a_slot_can_be_reset_while_it_is_held(project, pool) -> None:
    with pool.take(project.tree, with_git=True, head=Head("x", project.commit)) as slot:
        before = listing(slot.path)
        (slot.path / "src/app.py").write_text("a check left this\n")
        (slot.path / "new").mkdir()
        (slot.home / "file").write_text("x")
        again = pool.reset(slot)
        assert again.path == slot.path and listing(slot.path) == before
        assert list(slot.home.iterdir()) == []
        assert project.git(slot.path, "status", "--porcelain") == b""


def test_a_root_that_cannot_be_is_an_error_for_people(project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        SlotPool(project.repo, tmp_path / "file", limit=1) as pool,
        pytest.raises(UnfitError, match="file"),
        pool.take(project.tree),
    ):
        pass
