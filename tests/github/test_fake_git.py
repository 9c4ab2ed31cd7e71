"""Git over HTTP against the fake: real clones and pushes, compare-and-swap, and who may."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fakehub.starting import Fake


def git(where: Path, *arguments: str, ok: bool = True) -> str:
    """What git said on both channels; the end has to be as expected."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.com",
    }
    done = subprocess.run(
        ["git", "-C", str(where), *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = done.stdout + done.stderr
    assert (done.returncode == 0) is ok, said
    return said


@pytest.fixture
def clone(github: Fake, tmp_path: Path) -> Path:
    """A clone with one more commit on the branch work."""
    git(tmp_path, "clone", "-q", github.git_url, "clone")
    here = tmp_path / "clone"
    git(here, "checkout", "-q", "-b", "work")
    (here / "new.txt").write_text("new\n")
    git(here, "add", "new.txt")
    git(here, "commit", "-q", "-m", "Add")
    return here


def head(here: Path, name: str = "HEAD") -> str:
    return git(here, "rev-parse", name).strip()


def test_a_push_arrives_and_moves_the_pull_request(github: Fake, client: Any, clone: Path) -> None:
    git(clone, "push", "-q", github.git_url_with("ghs_good"), "work")
    repo = client().get_repo("octo/shop")
    pull = repo.create_pull(base="main", head="work", title="Add")
    assert pull.head.sha == head(clone)
    git(clone, "commit", "-q", "--allow-empty", "-m", "More")
    git(clone, "push", "-q", github.git_url_with("ghs_good"), "work")
    assert repo.get_pull(pull.number).head.sha == head(clone)
    said = git(clone, "ls-remote", github.git_url, "refs/pull/1/head")
    assert said.split() == [head(clone), "refs/pull/1/head"]
    git(clone, "push", "-q", github.git_url_with("ghs_good"), ":work")
    assert repo.get_pull(pull.number).state == "closed"


def test_compare_and_swap_and_atomic_pushes(github: Fake, clone: Path) -> None:
    url, start = github.git_url_with("ghs_good"), head(clone, "main")
    new = "refs/pipeline/journal/r1"
    git(clone, "push", "-q", "--atomic", f"--force-with-lease={new}:", url, f"work:{new}")
    stale = git(clone, "push", f"--force-with-lease={new}:{start}", url, f"main:{new}", ok=False)
    assert "stale" in stale
    both = (f"--force-with-lease={new}:{start}", "--force-with-lease=refs/heads/x:")
    git(clone, "push", "--atomic", *both, url, f"main:{new}", "work:refs/heads/x", ok=False)
    assert github.state()["refs"] == {
        "refs/heads/main": start,
        new: head(clone),
    }


def test_who_may_push(github: Fake, clone: Path) -> None:
    github.add_token("ghs_read", rights={"contents": "read"})
    assert "403" in git(clone, "push", github.git_url_with("ghs_read"), "work", ok=False)
    assert "Authentication failed" in git(
        clone, "push", github.git_url_with("ghs_wrong"), "work", ok=False
    )
    git(clone, "push", github.git_url, "work", ok=False)
    extra = f"http.{github.url}/.extraheader=AUTHORIZATION: bearer ghs_good"
    git(clone, "-c", extra, "push", "-q", github.git_url, "work")
    assert [one.token for one in github.log(writes=True)][-1] == "ghs_good"


def test_workflows_need_a_right_of_their_own(github: Fake, clone: Path) -> None:
    github.add_token("ghs_plain", rights={"contents": "write"})
    (clone / ".github" / "workflows").mkdir(parents=True)
    (clone / ".github" / "workflows" / "ci.yml").write_text("on: push\n")
    git(clone, "add", ".github")
    git(clone, "commit", "-q", "-m", "Workflow")
    said = git(clone, "push", github.git_url_with("ghs_plain"), "work", ok=False)
    assert "without `workflows` permission" in said
    git(clone, "push", "-q", github.git_url_with("ghs_good"), "work")


def test_a_protected_branch_and_an_archived_repository(github: Fake, clone: Path) -> None:
    url = github.git_url_with("ghs_good")
    github.configure(protected=["main"])
    assert "GH006" in git(clone, "push", url, "work:main", ok=False)
    git(clone, "push", "-q", url, "work")
    github.configure(is_archived=True)
    assert "403" in git(clone, "push", url, "main:work", ok=False)


def test_servers_that_can_do_less(github: Fake, clone: Path) -> None:
    url, new = github.git_url_with("ghs_good"), "refs/pipeline/x"
    github.configure(has_atomic_pushes=False, takes_any_ref=False)
    assert "atomic" in git(clone, "push", "--atomic", url, "work", ok=False)
    assert "only branches and tags" in git(clone, "push", url, f"work:{new}", ok=False)
    git(clone, "push", "-q", url, "work")
    github.configure(takes_any_ref=True)
    git(clone, "push", "-q", url, f"work:{new}")


def test_nobody_writes_the_refs_of_pull_requests(github: Fake, clone: Path) -> None:
    said = git(clone, "push", github.git_url_with("ghs_good"), "work:refs/pull/1/head", ok=False)
    assert "hidden ref" in said


def test_a_push_can_be_cut_before_and_after(github: Fake, clone: Path) -> None:
    url = github.git_url_with("ghs_good")
    github.fail("POST", "git-receive-pack", "cut")
    git(clone, "push", url, "work", ok=False)
    assert "refs/heads/work" not in github.state()["refs"]
    github.fail("POST", "git-receive-pack", "cut after")
    git(clone, "push", url, "work", ok=False)
    assert github.state()["refs"]["refs/heads/work"] == head(clone)


def test_a_private_repository_is_not_seen_without_a_token_for_it(
    github: Fake, tmp_path: Path
) -> None:
    github.add_repository("octo/secret", private=True, files={"a": "b"})
    url = f"{github.url}/octo/secret.git"
    git(tmp_path, "ls-remote", url, ok=False)
    hidden = git(tmp_path, "ls-remote", url.replace("//", "//x:ghs_good@"), ok=False)
    assert "not found" in hidden
