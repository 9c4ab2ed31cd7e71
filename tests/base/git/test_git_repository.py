import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git import MissingObjectError, Repository
from pipeline.base.git.invoke import parse_version


def test_a_main_checkout(checkout, repo) -> None:
    assert repo.top == checkout.path
    assert repo.git_dir == repo.common_dir == checkout.path / ".git"
    assert repo.object_format == "sha1"
    assert repo.resolve_commit("HEAD") == checkout.says("rev-parse", "HEAD")
    assert not repo.is_shallow


def test_a_subdirectory_is_in_its_checkout(checkout, opened) -> None:
    repo = opened(checkout.path / "src/deep")
    assert repo.top == checkout.path


def test_a_linked_worktree_shares_refs_and_has_its_own_head(checkout, opened, tmp_path) -> None:
    checkout.git("worktree", "add", "-q", "--detach", tmp_path / "linked")
    linked = opened(tmp_path / "linked")
    assert linked.top == tmp_path / "linked"
    assert linked.common_dir == checkout.path / ".git"
    assert linked.git_dir == checkout.path / ".git/worktrees/linked"
    first = checkout.says("rev-parse", "HEAD")
    checkout.put("more", "more\n")
    second = checkout.commit("second")
    assert linked.resolve_commit("HEAD") == first
    assert linked.resolve_commit("main") == second


def test_a_detached_head(checkout, opened) -> None:
    checkout.git("checkout", "-q", "--detach")
    assert opened(checkout.path).resolve_commit("HEAD") == checkout.says("rev-parse", "main")


def test_a_shallow_clone(checkout, opened, tmp_path) -> None:
    checkout.put("more", "more\n")
    tip = checkout.commit("second")
    url = f"file://{checkout.path}"
    checkout.git("clone", "-q", "--depth=1", url, tmp_path / "shallow")
    repo = opened(tmp_path / "shallow")
    assert repo.is_shallow
    assert repo.resolve_commit("HEAD") == tip
    first = checkout.says("rev-parse", "HEAD^")
    with pytest.raises(UnfitError, match="shallow"):
        repo.first_parents(first, tip)
    with pytest.raises(MissingObjectError):
        repo.read_commit(first)


def test_a_partial_clone_misses_what_it_did_not_fetch(checkout, opened, tmp_path) -> None:
    checkout.git("config", "uploadpack.allowFilter", "true")
    url = f"file://{checkout.path}"
    checkout.git("clone", "-q", "--no-checkout", "--filter=blob:none", url, tmp_path / "partial")
    repo = opened(tmp_path / "partial")
    tree = repo.commit_tree(repo.resolve_commit("HEAD"))
    with pytest.raises(MissingObjectError, match="partial"):
        repo.objects.read(repo.trees.lookup(tree, b"a.txt").oid)


@pytest.mark.parametrize(
    "name",
    ["with space", "new\nline", "trailing\n", b"caf\xe9", "ünïcode", '"quoted" $(x) `y`', ";"],
)
def test_paths_of_every_kind(new_checkout, opened, name) -> None:
    checkout = new_checkout(os.fsdecode(name))
    checkout.put("f", "f\n")
    commit = checkout.commit()
    repo = opened(checkout.path)
    assert repo.top == checkout.path
    assert repo.commit_tree(repo.resolve_commit("HEAD")) == checkout.says(
        "rev-parse", "HEAD^{tree}"
    )
    assert repo.read_commit(commit).subject == "work"
    assert repo.changed_paths() == ()
    assert repo.held_branches() == {"refs/heads/main": checkout.path}
    with repo.scratch() as scratch:
        tree = repo.commit_tree(commit)
        empty = repo.objects.empty_tree
        assert scratch.apply_patch(tree, scratch.diff_text(tree, empty)).tree == empty
    nested = checkout.path / "linked"
    checkout.git("worktree", "add", "-q", "--detach", nested)
    assert opened(nested).common_dir == checkout.path / ".git"


def test_what_is_no_repository_is_told(tmp_path) -> None:
    with pytest.raises(UnfitError, match="not in a git repository"):
        Repository.discover(tmp_path)
    with pytest.raises(UnfitError, match="not a directory"):
        Repository.discover(tmp_path / "nowhere")


def test_a_bare_repository_is_refused(checkout, tmp_path) -> None:
    checkout.git("clone", "-q", "--bare", checkout.path, tmp_path / "bare.git")
    with pytest.raises(UnfitError, match="bare"):
        Repository.discover(tmp_path / "bare.git")


def test_a_repository_without_commits_says_so(new_checkout, opened) -> None:
    repo = opened(new_checkout("unborn").path)
    with pytest.raises(UnfitError, match="no commit yet"):
        repo.resolve_commit("HEAD")


@pytest.mark.parametrize("rev", ["none", "", "-h", "--all", "main:a.txt", "a\nb", "main\0"])
def test_what_names_no_commit_is_told(repo, rev) -> None:
    with pytest.raises(InputError):
        repo.resolve_commit(rev)


def test_tags_and_short_ids_name_commits(checkout, repo) -> None:
    checkout.git("tag", "-a", "-m", "v1", "v1")
    head = checkout.says("rev-parse", "HEAD")
    for rev in ("v1", head[:10], "refs/heads/main", "main~0"):
        assert repo.resolve_commit(rev) == head


def test_a_foreign_owner_is_told_with_the_remedy(checkout) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a directory away")
    for path in (checkout.path, checkout.path / ".git"):
        os.chown(path, 12345, 12345)
    with pytest.raises(UnfitError, match=r"another user.*safe\.directory"):
        Repository.discover(checkout.path)


def test_variables_of_the_caller_play_no_part(checkout, new_checkout, tmp_path) -> None:
    """As in a hook of a linked worktree, where git exports its own directories."""
    other = new_checkout("other")
    other.commit()
    code = (
        "import sys; from pathlib import Path; from pipeline.base.git import Repository\n"
        "with Repository.discover(Path(sys.argv[1])) as repo:\n"
        "    print(repo.common_dir); print(repo.resolve_commit('HEAD')); print(repo.refs.list())\n"
        "    print(repo.changed_paths())\n"
    )
    hostile = {
        "GIT_DIR": str(other.path / ".git"),
        "GIT_WORK_TREE": str(other.path),
        "GIT_INDEX_FILE": str(tmp_path / "no-index"),
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "no-objects"),
        "GIT_COMMON_DIR": str(other.path / ".git"),
        "GIT_NAMESPACE": "elsewhere",
        "GIT_CONFIG_PARAMETERS": "'core.bare'='true'",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.bare",
        "GIT_CONFIG_VALUE_0": "true",
        "GIT_CEILING_DIRECTORIES": str(tmp_path),
        "GIT_TRACE": str(tmp_path / "trace"),
        "GIT_EXTERNAL_DIFF": "false",
    }
    done = subprocess.run(
        [sys.executable, "-c", code, checkout.path],
        env=os.environ | hostile,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    head = checkout.says("rev-parse", "HEAD")
    assert done.stdout.decode().splitlines() == [
        str(checkout.path / ".git"),
        head,
        str({"refs/heads/main": head}),
        "()",
    ]
    assert not (tmp_path / "trace").exists()


def test_replaced_objects_are_not_what_is_read(checkout, repo) -> None:
    head = checkout.says("rev-parse", "HEAD")
    empty = checkout.git("commit-tree", "-m", "other", repo.objects.empty_tree, stdin=b"")
    checkout.git("replace", head, empty.decode().strip())
    assert repo.read_commit(head).subject == "first"
    assert repo.resolve_commit("HEAD") == head


def test_the_default_branch(checkout, repo) -> None:
    assert repo.default_branch() == "main"
    checkout.git("branch", "-m", "main", "master")
    assert repo.default_branch() == "master"
    checkout.git("branch", "trunk-of-ours")
    checkout.git("update-ref", "refs/remotes/origin/trunk-of-ours", "HEAD")
    checkout.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk-of-ours")
    assert repo.default_branch() == "trunk-of-ours"
    checkout.git("checkout", "-q", "trunk-of-ours")
    checkout.git("symbolic-ref", "-d", "refs/remotes/origin/HEAD")
    checkout.git("branch", "-q", "-D", "master")
    with pytest.raises(UnfitError, match="configuration"):
        repo.default_branch()


def test_closing_removes_the_private_directory_and_the_child(checkout, tmp_path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with Repository.discover(checkout.path, engine_root=root) as repo:
        repo.read_commit(repo.resolve_commit("HEAD"))
        pid = repo.objects._reader.pid
        (engine,) = root.iterdir()
    assert list(root.iterdir()) == []
    assert not engine.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_fork_that_ends_leaves_its_parents_directory(checkout, tmp_path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from pipeline.base.git import Repository\n"
        "repo = Repository.discover(Path(sys.argv[1]))\n"
        "if os.fork() == 0: sys.exit(0)\n"
        "os.wait(); print(repo.git('hash-object', '--stdin', stdin=b'x').out)\n"
    )
    argv = [sys.executable, "-c", code, checkout.path]
    done = subprocess.run(argv, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_what_a_killed_process_left_is_removed_by_the_next(checkout, tmp_path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    code = (
        "import os, sys; from pathlib import Path; from pipeline.base.git import Repository\n"
        "repo = Repository.discover(Path(sys.argv[1]), engine_root=Path(sys.argv[2]))\n"
        "os._exit(9)\n"
    )
    with Repository.discover(checkout.path, engine_root=root):
        living = set(root.iterdir())
        subprocess.run([sys.executable, "-c", code, checkout.path, root], check=False)
        assert len(list(root.iterdir())) == 2
        shutil.copytree(checkout.path, root / "git-pipeline-engine-not-ours")
        with Repository.discover(checkout.path, engine_root=root):
            left = set(root.iterdir())
            assert living < left
            assert len(left) == 3
            assert root / "git-pipeline-engine-not-ours" in left


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("git version 2.39.5\n", (2, 39, 5)),
        ("git version 2.39.5 (Apple Git-154)\n", (2, 39, 5)),
        ("git version 2.51.0.windows.1\n", (2, 51, 0)),
        ("git version 2.48\n", (2, 48, 0)),
        ("not git\n", ()),
    ],
)
def test_versions_as_git_says_them(said, version) -> None:
    assert parse_version(said) == version


@pytest.mark.parametrize("said", ["git version 2.39.4", "git version 1.9.1", "something"])
def test_a_git_that_is_too_old_is_refused(checkout, tmp_path, said) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = folder / "git"
    fake.write_text(f"#!/bin/sh\necho '{said}'\n")
    fake.chmod(0o755)
    code = (
        "import sys; from pathlib import Path; from pipeline.base.git import Repository\n"
        "from pipeline.base.errors import UnfitError\n"
        "try: Repository.discover(Path(sys.argv[1]))\n"
        "except UnfitError as problem: print(problem)\n"
    )
    env = os.environ | {"PATH": f"{folder}:/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code, checkout.path], env=env, capture_output=True, check=True
    )
    assert b"too old" in done.stdout
    assert b"Install git 2.39.5" in done.stdout


def test_git_is_run_without_the_repositorys_configuration(checkout, repo) -> None:
    checkout.git("config", "alias.evil", "!echo ran")
    checkout.git("config", "section.key", "value")
    assert repo.git("config", "--get", "section.key", ok=(0, 1)).code == 1
    assert repo.shared_git("config", "--get", "section.key").out == b"value\n"
    assert Path(repo.git("rev-parse", "--absolute-git-dir").out.decode().strip()) != repo.git_dir
