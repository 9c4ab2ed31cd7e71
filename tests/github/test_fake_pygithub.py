"""PyGithub's own calls against the fake, as a real process: what it writes can be read again."""

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from fakehub.starting import Fake
from github import GithubException

ANNOTATION = {
    "path": "new.txt",
    "start_line": 1,
    "end_line": 1,
    "annotation_level": "failure",
    "message": "no",
}


@pytest.fixture
def sha(github: Fake) -> str:
    """The head of the branch work, one commit before main."""
    return github.commit("work", {"new.txt": "new\n"}, "Add new.txt")


@pytest.fixture
def repo(client: Callable[..., Any]) -> Any:
    return client().get_repo("octo/shop")


def test_a_pull_request_from_draft_to_merge(github: Fake, repo: Any, sha: str) -> None:
    pull = repo.create_pull(base="main", head="work", title="Add", body="B", draft=True)
    assert (pull.draft, pull.head.sha, pull.changed_files, pull.commits) == (True, sha, 1, 1)
    pull.mark_ready_for_review()
    pull.edit(title="Add it", body="C")
    pull.add_to_labels("epic:shop", "pipeline")
    pull.remove_from_labels("pipeline")
    pull.create_review(body="Good", event="COMMENT")
    pull.create_review_comment("Why?", repo.get_commit(sha), "new.txt", line=1)
    github.set_role("bob", "write")
    pull.create_review_request(reviewers=["bob"])
    again = repo.get_pull(pull.number)
    assert (again.title, again.body, again.draft) == ("Add it", "C", False)
    assert [one.name for one in again.labels] == ["epic:shop"]
    assert [one.state for one in again.get_reviews()] == ["COMMENTED"]
    assert [one.body for one in again.get_review_comments()] == ["Why?"]
    assert [one.filename for one in again.get_files()] == ["new.txt"]
    assert [one.login for one in again.get_review_requests()[0]] == ["bob"]
    assert [one.number for one in repo.get_commit(sha).get_pulls()] == [1]
    assert again.merge(sha=sha).merged
    assert repo.get_pull(1).merged
    assert github.state()["refs"]["refs/heads/main"] != sha


def test_three_times_fifty_annotations_add_up(repo: Any, sha: str) -> None:
    fifty = {"title": "t", "summary": "s", "annotations": [ANNOTATION] * 50}
    run = repo.create_check_run("gate", sha, status="in_progress", output=fifty)
    run.edit(output=fifty)
    run.edit(conclusion="failure", output=fifty)
    (found,) = repo.get_commit(sha).get_check_runs()
    assert (found.status, found.conclusion) == ("completed", "failure")
    assert len(list(found.get_annotations())) == found.output.annotations_count == 150
    suite = repo.get_check_suite(found.check_suite.id)
    assert (suite.conclusion, suite.head_branch) == ("failure", "work")


def test_statuses_come_to_one(repo: Any, sha: str) -> None:
    commit = repo.get_commit(sha)
    commit.create_status("pending", context="a", description="soon")
    commit.create_status("success", context="a")
    assert commit.get_combined_status().state == "success"
    commit.create_status("error", context="b", target_url="https://example.com/log")
    assert commit.get_combined_status().state == "failure"
    assert [one.context for one in commit.get_statuses()] == ["b", "a", "a"]


def test_comments_reactions_and_labels(repo: Any, client: Callable[..., Any]) -> None:
    issue = repo.create_issue("Broken", labels=["bug"])
    comment = issue.create_comment("One")
    comment.edit("Two")
    assert comment.create_reaction("eyes").id == comment.create_reaction("eyes").id
    issue.create_reaction("rocket")
    assert [one.content for one in comment.get_reactions()] == ["eyes"]
    repo.create_label("later", "00ff00", "not now").edit("some day", "00ff01")
    assert sorted(one.name for one in repo.get_labels()) == ["bug", "some day"]
    found = list(client().search_issues("repo:octo/shop is:open label:bug broken"))
    assert [one.number for one in found] == [issue.number]
    issue.edit(state="closed", state_reason="not_planned")
    assert repo.get_issue(issue.number).state_reason == "not_planned"
    comment.delete()
    assert list(issue.get_comments()) == []


def test_a_hundred_and_one_comments_come_in_pages(github: Fake, client: Callable[..., Any]) -> None:
    repo = client(enterprise=True).get_repo("octo/shop")
    issue = repo.create_issue("Long")
    github.seed_comments(issue.number, [f"{number}" for number in range(101)])
    assert [one.body for one in issue.get_comments()] == [f"{number}" for number in range(101)]
    pages = [one for one in github.log() if one.path.endswith("/comments")]
    assert len(pages) == 4


def test_git_data(repo: Any, sha: str) -> None:
    from github import InputGitTreeElement

    parent = repo.get_git_commit(sha)
    element = InputGitTreeElement("n/x.txt", "100644", "blob", content="hi")
    tree = repo.create_git_tree([element], parent.tree)
    commit = repo.create_git_commit("Through the API", tree, [parent])
    ref = repo.create_git_ref("refs/heads/deep/api", commit.sha)
    assert repo.get_contents("n/x.txt", ref="deep/api").decoded_content == b"hi"
    assert repo.compare("main", "deep/api").ahead_by == 2
    with pytest.raises(GithubException, match="fast forward"):
        ref.edit(sha)
    ref.edit(sha, force=True)
    assert repo.get_branch("deep/api").commit.sha == sha
    ref.delete()
    assert [one.name for one in repo.get_branches()] == ["main", "work"]
    assert [one.ref for one in repo.get_git_matching_refs("heads/wo")] == ["refs/heads/work"]
    assert next(iter(repo.get_commits(sha="work"))).sha == sha


def test_deployments_need_what_is_green(repo: Any, github: Fake) -> None:
    head = repo.get_branch("main").commit
    head.create_status("failure", context="ci")
    with pytest.raises(GithubException) as caught:
        repo.create_deployment("main", environment="staging")
    assert caught.value.status == 409
    first = repo.create_deployment("main", environment="staging", required_contexts=[])
    first.create_status("success", description="up")
    second = repo.create_deployment("main", environment="staging", required_contexts=[])
    second.create_status("failure", description="down")
    second.create_status("success")
    assert [one.state for one in first.get_statuses()] == ["inactive", "success"]
    assert [one.id for one in repo.get_deployments(environment="staging")] == [second.id, first.id]
    release = repo.create_git_release("v1", "One", "Text")
    assert repo.get_latest_release().id == release.id
    assert "refs/tags/v1" in github.state()["refs"]


def test_people_and_their_rights(repo: Any, github: Fake, client: Callable[..., Any]) -> None:
    for login, role in (("alice", "maintain"), ("bob", "triage"), ("carl", "write")):
        github.set_role(login, role)
    given = {one: repo.get_collaborator_permission(one) for one in ("alice", "bob", "carl", "eve")}
    assert given == {"alice": "write", "bob": "read", "carl": "write", "eve": "read"}
    assert repo.get_collaborator_role_name("alice") == "maintain"
    assert repo.has_in_collaborators("bob") and not repo.has_in_collaborators("eve")
    github.add_token("ghp_x", login="alice")
    assert client("ghp_x").get_user().login == "alice"
    with pytest.raises(GithubException, match="not accessible by integration"):
        _ = client().get_user().login


def test_sarif_is_taken(client: Callable[..., Any], github: Fake, sha: str) -> None:
    sarif = gzip.compress(json.dumps({"version": "2.1.0", "runs": []}).encode())
    body = {
        "commit_sha": sha,
        "ref": "refs/heads/work",
        "sarif": base64.b64encode(sarif).decode(),
    }
    root, requester = "/repos/octo/shop/code-scanning/sarifs", client().requester
    _, made = requester.requestJsonAndCheck("POST", root, input=body)
    _, done = requester.requestJsonAndCheck("GET", f"{root}/{made['id']}")
    assert done["processing_status"] == "complete"
    assert list(github.state()["sarifs"]) == [made["id"]]
    github.configure(has_code_scanning=False)
    with pytest.raises(GithubException, match="Advanced Security"):
        requester.requestJsonAndCheck("POST", root, input=body)
