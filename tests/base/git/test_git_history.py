import pytest

from pipeline.base.errors import BugError, UnfitError
from pipeline.base.git import Identity, MalformedObjectError
from pipeline.base.git.history import parse_commit

AUTHOR = Identity("Ä. Uthor", "a@example.com", 1_700_000_000, "+0530")
COMMITTER = Identity("C. Ommitter", "c@example.com", 1_700_000_001, "-0800")


def test_a_commit_is_the_one_that_git_would_write(checkout, repo) -> None:
    head = repo.resolve_commit("HEAD")
    tree = repo.commit_tree(head)
    message = "Title ä\n\nBody\n"
    commit = repo.commit(
        tree=tree, parents=[head], message=message, author=AUTHOR, committer=COMMITTER
    )
    env = {
        "GIT_AUTHOR_NAME": AUTHOR.name,
        "GIT_AUTHOR_EMAIL": AUTHOR.email,
        "GIT_AUTHOR_DATE": "1700000000 +0530",
        "GIT_COMMITTER_NAME": COMMITTER.name,
        "GIT_COMMITTER_EMAIL": COMMITTER.email,
        "GIT_COMMITTER_DATE": "1700000001 -0800",
    }
    gits = checkout.git("commit-tree", tree, "-p", head, stdin=message.encode(), env=env)
    assert commit == gits.decode().strip()
    read = repo.read_commit(commit)
    assert (read.tree, read.parents, read.message) == (tree, (head,), message)
    assert (read.author, read.committer) == (AUTHOR, COMMITTER)
    assert read.subject == "Title ä"
    checkout.git("update-ref", "refs/keep/it", commit)
    checkout.fsck()


def test_the_same_values_give_the_same_commit(repo) -> None:
    tree = repo.commit_tree(repo.resolve_commit("HEAD"))
    made = {
        repo.commit(tree=tree, parents=[], message=text, author=AUTHOR, committer=AUTHOR)
        for text in ("m", "m\n", "m\n\n")
    }
    assert len(made) == 1


@pytest.mark.parametrize("name", ["a <b> c", "a\nb", " .a. ", "\0a", "a\x1b[31m"])
def test_names_that_git_cannot_hold_are_cleaned(checkout, repo, name) -> None:
    tree = repo.commit_tree(repo.resolve_commit("HEAD"))
    who = Identity(name, "x<y>\n@example.com", 1)
    commit = repo.commit(tree=tree, parents=[], message="m", author=who, committer=who)
    checkout.git("update-ref", "refs/keep/it", commit)
    checkout.fsck()
    assert repo.read_commit(commit).author.email == "xy@example.com"


def test_values_that_make_no_commit_are_refused(repo) -> None:
    tree = repo.commit_tree(repo.resolve_commit("HEAD"))
    fine = {"tree": tree, "parents": [], "message": "m", "author": AUTHOR, "committer": AUTHOR}
    for wrong in (
        {"tree": "HEAD"},
        {"parents": [""]},
        {"message": "a\0b"},
        {"author": Identity("<>", "e", 1)},
        {"author": Identity("n", "e", -1)},
        {"committer": Identity("n", "e", 1, "UTC")},
    ):
        with pytest.raises(BugError):
            repo.commit(**fine | wrong)


def test_first_parents_lead_from_base_to_tip(checkout, repo) -> None:
    base = checkout.says("rev-parse", "HEAD")
    checkout.git("checkout", "-q", "-b", "side")
    checkout.put("side", "side\n")
    side = checkout.commit("side")
    checkout.git("checkout", "-q", "main")
    checkout.put("main", "main\n")
    one = checkout.commit("one")
    checkout.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    two = checkout.says("rev-parse", "HEAD")
    assert [commit.oid for commit in repo.first_parents(base, two)] == [one, two]
    assert repo.first_parents(two, two) == ()
    with pytest.raises(UnfitError, match="not an ancestor"):
        repo.first_parents(side, two)


def test_commits_of_others_are_read_as_they_are(checkout, repo) -> None:
    tree = repo.commit_tree(repo.resolve_commit("HEAD"))
    raw = (
        f"tree {tree}\nauthor N\xe4me <e@x> 1 +0000\ncommitter broken\nencoding ISO-8859-1\n"
        "gpgsig -----BEGIN\n tree 0000\n parent 1111\n -----END\n\nt\xe4xt\n"
    ).encode("latin-1")
    oid = checkout.git(
        "hash-object", "-w", "-t", "commit", "--literally", "--stdin", stdin=raw
    ).decode()
    read = repo.read_commit(oid.strip())
    assert read.author == Identity("Näme", "e@x", 1)
    assert read.committer is None
    assert (read.tree, read.parents, read.message) == (tree, (), "täxt\n")


def test_what_is_no_commit_is_told(repo) -> None:
    with pytest.raises(MalformedObjectError):
        repo.read_commit(repo.objects.write("blob", b"x"))
    with pytest.raises(MalformedObjectError):
        parse_commit("0" * 40, b"parent x\n\nm\n")
