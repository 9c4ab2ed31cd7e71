"""PyGithub without a server: its requests are held against the contract, and answered."""

import json
from typing import Any

import pytest
from fakehub.in_process import InProcess
from github import Auth, Github, GithubException


def client(hub: InProcess) -> Github:
    return Github(
        auth=Auth.Token(hub.token),
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
    )


def test_requests_are_answered_by_the_same_state(github_contract: InProcess) -> None:
    repo = client(github_contract).get_repo("octo/shop")
    issue = repo.create_issue("Broken", body="It is.", labels=["bug"])
    issue.create_comment("Still is.")
    assert [one.body for one in issue.get_comments()] == ["Still is."]
    assert github_contract.world.repositories["octo/shop"].issues[1].labels == ["bug"]
    assert [one.path for one in github_contract.log(writes=True)] == [
        "/repos/octo/shop/issues",
        "/repos/octo/shop/issues/1/comments",
    ]


def test_a_wrong_request_is_a_violation(github_contract: InProcess) -> None:
    repo = client(github_contract).get_repo("octo/shop")
    with pytest.raises(GithubException, match="body is too long"):
        repo.create_issue("Long", body="x" * 65_537)
    assert len(github_contract.violations()) == 1
    github_contract.violations().clear()


def test_a_given_answer_is_held_against_the_description_too(github_contract: InProcess) -> None:
    repo = client(github_contract).get_repo("octo/shop")
    github_contract.answer("GET", "/labels/", {"name": "x"})
    assert repo.get_label("x").name == "x"
    assert "given answer" in github_contract.violations()[0]
    github_contract.violations().clear()
    github_contract.answer("GET", "/labels/", {"name": "x"}, is_described=False)
    assert repo.get_label("x").name == "x"


def test_the_fakes_own_answers_are_held_against_it(github_contract: InProcess) -> None:
    world = github_contract.world
    repo = client(github_contract).get_repo("octo/shop")
    repo.create_label("x", "ffffff")
    world.repositories["octo/shop"].labels["x"].color = None  # type: ignore[assignment] # planted
    with pytest.raises(GithubException) as caught:
        repo.get_label("x")
    assert caught.value.status == 500
    assert "answer 200 to GET /repos/octo/shop/labels/x: color" in world.violations[0]
    world.violations.clear()


def test_failures_on_demand(github_contract: InProcess) -> None:
    import requests

    repo = client(github_contract).get_repo("octo/shop")
    github_contract.fail("POST", "/issues$", 502)
    github_contract.fail("POST", "/issues$", "cut after")
    with pytest.raises(GithubException) as caught:
        repo.create_issue("A")
    assert caught.value.status == 502
    with pytest.raises((ConnectionError, requests.ConnectionError)):
        repo.create_issue("B")
    assert [one.title for one in repo.get_issues()] == ["B"]


def test_redirects_lead_to_the_content(github_contract: InProcess) -> None:
    import requests
    from fakehub.runs import add_artifact, add_run

    world = github_contract.world
    repo = world.repositories["octo/shop"]
    values: dict[str, Any] = {
        "path": ".github/workflows/ci.yml",
        "name": "CI",
        "head_branch": "main",
        "head_sha": repo.bare.resolve("main"),
        "event": "push",
        "actor": "alice",
        "status": "completed",
        "conclusion": "success",
        "head_repo": "",
        "jobs": [],
    }
    run = add_run(world, repo, {**values, "artifacts": {}})
    made = add_artifact(world, repo, "report", {"a.json": json.dumps(1)}, run["id"])
    address = f"https://api.github.com/repos/octo/shop/actions/artifacts/{made['id']}/zip"
    got = requests.get(address, headers={"Authorization": "Bearer ghs_good"}, timeout=5)
    assert got.content.startswith(b"PK")
