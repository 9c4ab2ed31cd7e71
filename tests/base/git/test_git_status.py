import os
import shutil

import pytest

from pipeline.base.git import casefold_twins


def test_a_clean_checkout_has_no_changed_paths(checkout, repo) -> None:
    (checkout.path / "a.txt").touch()
    checkout.put("untracked", "x\n")
    assert repo.changed_paths() == ()


def test_changed_staged_removed_and_conflicting_paths(checkout, repo) -> None:
    checkout.put("tab\tname", "x\n")
    checkout.commit("more")
    checkout.put("a.txt", "changed\n")
    checkout.put("staged", "new\n")
    checkout.git("add", "staged")
    (checkout.path / "src/app.py").unlink()
    (checkout.path / "tab\tname").chmod(0o755)
    assert repo.changed_paths() == (b"a.txt", b"src/app.py", b"staged", b"tab\tname")


def test_unmerged_paths_count_as_changed(checkout, repo) -> None:
    checkout.git("checkout", "-q", "-b", "side")
    checkout.put("a.txt", "side\n")
    checkout.commit()
    checkout.git("checkout", "-q", "main")
    checkout.put("a.txt", "main\n")
    checkout.commit()
    with pytest.raises(AssertionError):
        checkout.git("merge", "-q", "side")
    assert repo.changed_paths() == (b"a.txt",)


def test_line_ends_of_the_checkout_are_no_changes(checkout, repo) -> None:
    checkout.put(".gitattributes", "*.txt text eol=crlf\n")
    checkout.commit("attributes")
    (checkout.path / "a.txt").unlink()
    checkout.git("checkout", "-q", "--", "a.txt")
    assert b"\r\n" in (checkout.path / "a.txt").read_bytes()
    (checkout.path / "a.txt").touch()
    assert repo.changed_paths() == ()
    checkout.git("config", "core.autocrlf", "true")
    (checkout.path / "src/app.py").unlink()
    checkout.git("checkout", "-q", "--", "src/app.py")
    assert b"\r\n" in (checkout.path / "src/app.py").read_bytes()
    assert repo.changed_paths() == ()


def test_line_ends_of_info_attributes_are_no_changes(checkout, opened, repo, tmp_path) -> None:
    info = checkout.path / ".git/info"
    info.mkdir(exist_ok=True)
    (info / "attributes").write_text("*.txt text eol=crlf")
    checkout.git("worktree", "add", "-q", tmp_path / "linked", "-b", "side")
    assert b"\r\n" in (tmp_path / "linked/a.txt").read_bytes()
    (tmp_path / "linked/a.txt").touch()
    assert opened(tmp_path / "linked").changed_paths() == ()


def test_the_index_of_the_checkout_is_only_read(checkout, repo) -> None:
    index = checkout.path / ".git/index"
    os.utime(checkout.path / "a.txt", (1, 1))
    before = index.read_bytes()
    assert repo.changed_paths() == ()
    assert index.read_bytes() == before
    assert not (checkout.path / ".git/index.lock").exists()


def test_a_split_index_is_understood(checkout, repo) -> None:
    checkout.git("update-index", "--split-index")
    checkout.put("a.txt", "changed\n")
    assert repo.changed_paths() == (b"a.txt",)


def test_a_linked_worktree_has_its_own_state(checkout, opened, repo, tmp_path) -> None:
    checkout.git("worktree", "add", "-q", tmp_path / "linked", "-b", "side")
    (tmp_path / "linked/a.txt").write_text("changed\n")
    assert opened(tmp_path / "linked").changed_paths() == (b"a.txt",)
    assert repo.changed_paths() == ()


def test_branches_that_worktrees_hold(checkout, repo, tmp_path) -> None:
    checkout.git("branch", "free")
    checkout.git("worktree", "add", "-q", tmp_path / "linked", "-b", "side")
    checkout.git("worktree", "add", "-q", "--detach", tmp_path / "detached")
    held = {"refs/heads/main": checkout.path, "refs/heads/side": tmp_path / "linked"}
    assert repo.held_branches() == held
    shutil.rmtree(tmp_path / "linked")
    assert repo.held_branches() == held


def test_what_becomes_of_held_branches_is_seen_each_time(checkout, repo, tmp_path) -> None:
    linked = tmp_path / "linked"
    assert set(repo.held_branches()) == {"refs/heads/main"}
    checkout.git("checkout", "-q", "-b", "other")
    assert set(repo.held_branches()) == {"refs/heads/other"}
    checkout.git("worktree", "add", "-q", linked, "-b", "side")
    assert set(repo.held_branches()) == {"refs/heads/other", "refs/heads/side"}
    checkout.git("checkout", "-q", "main", cwd=linked)
    assert set(repo.held_branches()) == {"refs/heads/other", "refs/heads/main"}
    checkout.git("worktree", "move", linked, tmp_path / "moved")
    assert repo.held_branches()["refs/heads/main"] == tmp_path / "moved"
    checkout.git("worktree", "remove", tmp_path / "moved")
    assert set(repo.held_branches()) == {"refs/heads/other"}
    checkout.git("checkout", "-q", "--detach")
    assert repo.held_branches() == {}


def test_a_branch_in_the_middle_of_a_rebase_is_held(checkout, repo) -> None:
    checkout.git("checkout", "-q", "-b", "side")
    checkout.put("a.txt", "side\n")
    checkout.commit()
    checkout.git("checkout", "-q", "main")
    checkout.put("a.txt", "main\n")
    checkout.commit()
    checkout.git("checkout", "-q", "side")
    with pytest.raises(AssertionError):
        checkout.git("rebase", "-q", "main")
    assert "refs/heads/side" in repo.held_branches()


def test_held_branches_are_found_beside_a_half_made_worktree(checkout, repo, tmp_path) -> None:
    checkout.git("worktree", "add", "-q", tmp_path / "linked", "-b", "side")
    half = checkout.path / ".git/worktrees/half"
    half.mkdir()
    (half / "commondir").touch()
    (half / "gitdir").write_text("/somewhere/.git\n")
    (half / "HEAD").write_text("0" * 40 + "\n")
    with pytest.raises(AssertionError):
        checkout.git("worktree", "list")
    assert set(repo.held_branches()) == {"refs/heads/main", "refs/heads/side"}


def test_submodules_and_lfs_are_noticed(checkout, repo) -> None:
    checkout.put("media/.gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    checkout.put("other/.gitattributes", "# *.x filter=lfs\n*.y filter=lfsx\n")
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    checkout.commit()
    found = repo.special_content(repo.commit_tree(repo.resolve_commit("HEAD")))
    assert found.lfs_attributes == (b"media/.gitattributes",)
    assert found.submodules in ((), (b"vendor/lib",))


def test_gitlinks_are_listed(checkout, repo) -> None:
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    tree = checkout.says("write-tree")
    assert repo.special_content(tree).submodules == (b"vendor/lib",)


def test_twins_under_folding() -> None:
    paths = [b"Read.me", b"read.ME", b"a/b", b"A/c", b"caf\xc3\xa9", b"cafe\xcc\x81", b"x", b"\xff"]
    assert casefold_twins(paths) == (
        (b"A", b"a"),
        (b"Read.me", b"read.ME"),
        (b"cafe\xcc\x81", b"caf\xc3\xa9"),
    )
    assert casefold_twins([b"a/b", b"a/c", b"a"]) == ()
