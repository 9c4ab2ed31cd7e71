"""Programs that a repository's configuration and attributes name must never run."""

from pathlib import Path

import pytest

from pipeline.base.git import FILE, Identity, RefUpdate, Repository, TreeEntry
from pipeline.base.git.worktrees import add_worktree, remove_worktree

DRIVERS = (
    "merge.evil.driver={} %A",
    "merge.default=evil",
    "diff.evil.command={}",
    "diff.evil.textconv={}",
    "diff.external={}",
    "filter.evil.clean={}",
    "filter.evil.smudge={}",
    "filter.evil.required=true",
    "core.fsmonitor={}",
    "core.pager={}",
    "core.editor={}",
    "core.sshCommand={}",
    "core.gitProxy={}",
    "core.askPass={}",
    "core.alternateRefsCommand={}",
    "credential.helper={}",
    "gpg.program={}",
    "commit.gpgSign=true",
    "submodule.recurse=true",
    "diff.noprefix=true",
    "diff.mnemonicPrefix=true",
    "diff.algorithm=patience",
    "diff.context=0",
    "color.ui=always",
    "apply.whitespace=fix",
    "core.whitespace=trailing-space",
    "core.autocrlf=true",
    "merge.conflictStyle=diff3",
)
ATTRIBUTES = (
    "[attr]wild merge=evil diff=evil filter=evil\n"
    "* wild\n* merge=evil diff=evil filter=evil eol=crlf text ident\n"
)
TEN = "".join(f"line {n}\n" for n in range(10))


@pytest.fixture
def trap(checkout, tmp_path: Path) -> Path:
    """A repository full of programs to run; the proof is the file that they write."""
    proof = tmp_path / "proof"
    evil = tmp_path / "evil"
    evil.write_text(f'#!/bin/sh\necho "$0 $*" >> {proof}\ncat\n')
    evil.chmod(0o755)
    checkout.put("f.txt", TEN)
    checkout.put(".gitattributes", ATTRIBUTES)
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "attributes")
    hooks = checkout.path / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    names = "reference-transaction post-checkout post-index-change pre-commit post-merge"
    for name in names.split():
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {proof}\n")
        (hooks / name).chmod(0o755)
    info = checkout.path / ".git/info"
    info.mkdir(exist_ok=True)
    (info / "attributes").write_text(ATTRIBUTES + "* working-tree-encoding=latin1\n")
    for setting in DRIVERS:
        key, _, value = setting.partition("=")
        checkout.git("config", key, value.format(evil))
    proof.unlink(missing_ok=True)
    return proof


def variant(repo: Repository, tree: str, line: int, text: str) -> str:
    lines = TEN.splitlines(keepends=True)
    lines[line] = text
    blob = repo.objects.write("blob", "".join(lines).encode())
    return repo.trees.edit(tree, [(b"f.txt", TreeEntry(FILE, blob))])


def test_the_trap_works(checkout, trap) -> None:
    checkout.put("f.txt", TEN.replace("line 3", "line three"))
    checkout.git("diff")
    assert trap.exists()


def test_nothing_runs_in_any_command_and_nothing_is_bent(checkout, opened, trap, tmp_path) -> None:
    repo = opened(checkout.path)
    head = repo.resolve_commit("HEAD")
    tree = repo.commit_tree(head)
    one, two = variant(repo, tree, 1, "ours \n"), variant(repo, tree, 8, "$Id$\n")
    merge = repo.merge(tree, one, two)
    assert merge.tree is not None
    entry = repo.trees.lookup(merge.tree, b"f.txt")
    expected = TEN.replace("line 1\n", "ours \n").replace("line 8\n", "$Id$\n").encode()
    assert repo.objects.read(entry.oid)[1] == expected
    (conflict,) = repo.merge(tree, one, variant(repo, tree, 1, "theirs\n")).conflicts
    assert b"<<<<<<< ours\nours \n=======\ntheirs\n>>>>>>> theirs\n" in conflict.text
    patch = repo.diff_text(tree, one)
    assert patch.splitlines()[2:] == [
        b"--- a/f.txt",
        b"+++ b/f.txt",
        b"@@ -1,5 +1,5 @@",
        b" line 0",
        b"-line 1",
        b"+ours ",
        b" line 2",
        b" line 3",
        b" line 4",
    ]
    with repo.scratch() as scratch:
        assert scratch.apply_patch(tree, patch).tree == one
        assert scratch.diff_text(tree, one) == patch
    who = Identity("N", "n@example.com", 1_700_000_000)
    commit = repo.commit(tree=one, parents=[head], message="m", author=who, committer=who)
    repo.refs.update([RefUpdate("refs/heads/ws/one", commit, None)])
    repo.default_branch()
    repo.held_branches()
    (checkout.path / "f.txt").write_text("changed\n")
    (checkout.path / "a.txt").touch()
    assert b"f.txt" in repo.changed_paths()
    add_worktree(repo, tmp_path / "person", "refs/heads/ws/one")
    remove_worktree(repo, tmp_path / "person")
    assert not trap.exists(), trap.read_text()


def test_attributes_of_a_tree_are_all_unset_where_objects_are_worked_on(repo, tmp_path) -> None:
    text = b"[attr]wild -diff merge=union\n* wild\n*.txt -text eol=crlf filter=x\n"
    text += b"*.txt conflict-marker-size=3\n"
    entry = TreeEntry(FILE, repo.objects.write("blob", text))
    tree = repo.trees.edit(repo.objects.empty_tree, [(b".gitattributes", entry), (b"f.txt", entry)])
    index = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    repo.git("read-tree", tree, env=index)
    names = "diff merge text eol filter conflict-marker-size"
    said = repo.git("check-attr", "--cached", *names.split(), "--", "f.txt", env=index).out
    assert said.decode().splitlines() == [f"f.txt: {name}: unspecified" for name in names.split()]


def test_a_macro_of_a_tree_bends_neither_diffs_nor_merges(checkout, opened, trap) -> None:
    """A tree may bring a macro of its own; its parts are unset one by one all the same."""
    repo = opened(checkout.path)
    tree = repo.commit_tree(repo.resolve_commit("HEAD"))
    blob = repo.objects.write("blob", b"[attr]binary -diff -merge -text\n* binary\n*.txt union\n")
    bent = repo.trees.edit(tree, [(b".gitattributes", TreeEntry(FILE, blob))])
    one, two = variant(repo, bent, 1, "ours\n"), variant(repo, bent, 1, "theirs\n")
    assert b"GIT binary patch" not in repo.diff_text(bent, one)
    (conflict,) = repo.merge(bent, one, two).conflicts
    assert conflict.text is not None
