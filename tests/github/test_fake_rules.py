"""What GitHub refuses because of its state, of rights or of limits, and failures on demand."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from fakehub.starting import Fake
from github import GithubException

FAKE = Path(__file__).parent / "fake.py"
PULL = {"head": "work", "base": "main", "title": "t"}


class Asker:
    """Plain requests with a token; the answer whatever its status."""

    def __init__(self, fake: Fake) -> None:
        self.fake = fake

    def __call__(
        self, method: str, path: str, body: Any = None, token: str = "ghs_good", repo: str = ""
    ) -> requests.Response:
        url = f"{self.fake.api_url}/repos/{repo or self.fake.repo}/{path}"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.request(method, url, json=body, headers=headers, timeout=20)


@pytest.fixture
def ask(github: Fake) -> Asker:
    github.commit("work", {"new.txt": "new\n"})
    return Asker(github)


def errors(answer: requests.Response) -> str:
    return f"{answer.status_code} {answer.text}"


def test_pull_requests_that_cannot_be(ask: Asker) -> None:
    assert '"field": "head"' in errors(ask("POST", "pulls", {**PULL, "head": "nowhere"}))
    assert '"field": "base"' in errors(ask("POST", "pulls", {**PULL, "base": "nowhere"}))
    assert "No commits between" in errors(ask("POST", "pulls", {**PULL, "head": "main"}))
    assert ask("POST", "pulls", PULL).status_code == 201
    twin = errors(ask("POST", "pulls", {**PULL, "head": "octo:work"}))
    assert twin.startswith("422") and "A pull request already exists for octo:work." in twin
    assert ask("PATCH", "pulls/1", {"state": "closed"}).status_code == 200
    assert ask("POST", "pulls", PULL).status_code == 201
    assert ask("PATCH", "pulls/1", {"state": "open"}).status_code == 422


def test_a_fork_s_pull_request(ask: Asker) -> None:
    ask.fake.add_repository("eve/shop", fork_of="octo/shop")
    sha = ask.fake.commit("trick", {"x": "y\n"}, repo="eve/shop")
    made = ask("POST", "pulls", {**PULL, "head": "eve:trick"}).json()
    assert (made["head"]["repo"]["full_name"], made["head"]["sha"]) == ("eve/shop", sha)
    assert made["head"]["repo"]["id"] != made["base"]["repo"]["id"]
    assert ask.fake.state()["refs"]["refs/pull/1/head"] == sha


def test_check_runs_are_for_apps_and_their_own(ask: Asker, github: Fake) -> None:
    body = {"name": "gate", "head_sha": github.state()["refs"]["refs/heads/work"]}
    github.add_token("ghp_person", login="alice")
    answer = ask("POST", "check-runs", body, "ghp_person")
    assert errors(answer).startswith("403") and "authenticate via a GitHub App" in answer.text
    number = ask("POST", "check-runs", body).json()["id"]
    github.add_token("ghs_other", login="other[bot]")
    foreign = ask("PATCH", f"check-runs/{number}", {"status": "queued"}, "ghs_other")
    assert "Invalid app_id" in errors(foreign)
    unknown = ask("POST", "check-runs", {**body, "head_sha": "0" * 40})
    assert errors(unknown).startswith("422") and "No commit found for SHA" in unknown.text


def test_what_an_owner_may_switch_off(ask: Asker) -> None:
    ask.fake.configure(actions_may_create_pulls=False)
    assert "Actions is not permitted to create" in errors(ask("POST", "pulls", PULL))
    ask.fake.configure(actions_may_create_pulls=True, has_drafts=False, has_issues=False)
    drafted = errors(ask("POST", "pulls", {**PULL, "draft": True}))
    assert drafted.startswith("422") and "Draft pull requests are not supported" in drafted
    assert ask("POST", "pulls", PULL).status_code == 201
    assert ask("POST", "issues", {"title": "t"}).status_code == 410
    ask.fake.configure(is_archived=True)
    assert "archived" in errors(ask("PATCH", "pulls/1", {"title": "t"}))
    assert ask("GET", "pulls/1").status_code == 200


WRITES = {
    "checks": ("POST", "check-runs", {"name": "n", "head_sha": "HEAD"}),
    "pull_requests": ("POST", "pulls", PULL),
    "issues": ("POST", "issues", {"title": "t"}),
    "statuses": ("POST", "statuses/HEAD", {"state": "success"}),
    "contents": ("POST", "git/refs", {"ref": "refs/heads/x", "sha": "HEAD"}),
    "actions": ("POST", "actions/workflows/ci.yml/dispatches", {"ref": "main"}),
    "deployments": ("POST", "deployments", {"ref": "main", "required_contexts": []}),
}


@pytest.mark.parametrize("right", WRITES)
def test_each_write_needs_its_right(ask: Asker, right: str) -> None:
    method, path, body = WRITES[right]
    ask.fake.add_run(path=".github/workflows/ci.yml")
    head = ask.fake.state()["refs"]["refs/heads/work"]
    path = path.replace("HEAD", head)
    body = {key: head if value == "HEAD" else value for key, value in body.items()}
    others = {one: "write" for one in WRITES if one != right}
    ask.fake.add_token("ghs_others", rights={**others, right: "read"})
    ask.fake.add_token("ghs_right", rights={right: "write"})
    refused = ask(method, path, body, "ghs_others")
    assert errors(refused).startswith("403 ") and "Resource not accessible" in refused.text
    assert refused.headers["X-Accepted-GitHub-Permissions"] == f"{right}=write"
    assert ask(method, path, body, "ghs_right").ok
    assert ask(method, path, body, "").status_code == 401
    assert ask(method, path, body, "wrong").status_code == 401


def test_comments_on_pull_requests_take_either_right_reactions_one(ask: Asker) -> None:
    ask("POST", "pulls", PULL)
    for right in ("issues", "pull_requests"):
        ask.fake.add_token(f"ghs_{right}", rights={right.replace("_", "-"): "write"})
        answer = ask("POST", "issues/1/comments", {"body": "x"}, f"ghs_{right}")
        assert answer.status_code == 201
    eyes = {"content": "eyes"}
    assert ask("POST", "issues/1/reactions", eyes, "ghs_pull_requests").status_code == 403
    assert ask("POST", "issues/1/reactions", eyes, "ghs_issues").status_code == 201


def test_a_private_repository_is_404_for_strangers(ask: Asker) -> None:
    ask.fake.add_repository("octo/secret", private=True, files={"a": "b"})
    ask.fake.add_token("ghs_in", repositories=["octo/secret"], rights={"metadata": "read"})
    assert ask("GET", "issues", repo="octo/secret").status_code == 404
    assert ask("GET", "issues", token="", repo="octo/secret").status_code == 404
    assert ask("POST", "issues", {"title": "t"}, repo="octo/secret").status_code == 404
    assert ask("GET", "issues", token="ghs_in", repo="octo/secret").status_code == 403
    assert ask("GET", "issues", token="").status_code == 200


def test_failures_on_demand(ask: Asker) -> None:
    ask.fake.fail("POST", "/issues$", 429, headers={"retry-after": "3"}, after=1)
    ask.fake.fail("POST", "/issues$", 503, times=2)
    got = [ask("POST", "issues", {"title": f"{number}"}) for number in range(5)]
    assert [one.status_code for one in got] == [503, 429, 503, 201, 201]
    assert got[1].headers["retry-after"] == "3"
    for status in (403, 404, 409, 422, 500, 502):
        ask.fake.fail("GET", "/labels", status)
        assert ask("GET", "labels").status_code == status
    assert [one["title"] for one in ask.fake.state()["issues"].values()] == ["3", "4"]
    assert [one.failed for one in ask.fake.log(writes=True)] == ["503", "429", "503", "", ""]


def test_cut_connections(ask: Asker) -> None:
    ask.fake.fail("POST", "/issues$", "cut")
    with pytest.raises(requests.ConnectionError):
        ask("POST", "issues", {"title": "lost"})
    ask.fake.fail("POST", "/issues$", "cut after")
    with pytest.raises(requests.ConnectionError):
        ask("POST", "issues", {"title": "done"})
    assert [one["title"] for one in ask.fake.state()["issues"].values()] == ["done"]


def test_failures_by_chance_are_the_same_for_a_seed(ask: Asker) -> None:
    def round_of(seed: int) -> list[int]:
        ask.fake.fail("GET", "/labels", 500, times=-1, probability=0.5, seed=seed)
        got = [ask("GET", "labels").status_code for _ in range(12)]
        ask.fake.heal()
        return got

    assert round_of(1) == round_of(1)
    assert set(round_of(1)) == {200, 500}


def test_limits(ask: Asker, client: Callable[..., Any]) -> None:
    first = ask("GET", "labels")
    assert int(first.headers["x-ratelimit-remaining"]) < 5000
    ask.fake.limit(creations=2, retry_after=7)
    got = [ask("POST", "issues", {"title": "t"}) for _ in range(3)]
    assert [one.status_code for one in got] == [201, 201, 403]
    assert got[2].headers["retry-after"] == "7" and "secondary rate limit" in got[2].text
    ask.fake.limit(creations=None, points=None, remaining=0)
    with pytest.raises(GithubException, match="API rate limit exceeded"):
        client().get_repo("octo/shop")


def test_violations_are_seen_and_can_be_forgiven(ask: Asker) -> None:
    assert ask("POST", "issues", {"titel": "t"}).status_code == 422
    assert ask("GET", "no/such/endpoint").status_code == 404
    assert len(ask.fake.violations()) >= 2
    ask.fake.forgive()


def test_worlds_are_apart(github: Fake, tmp_path: Path) -> None:
    from fakehub.starting import start

    other = start(tmp_path / "other", "octo/other", "ghs_other")
    assert other.url != github.url
    assert requests.get(f"{other.api_url}/repos/octo/shop", timeout=5).status_code == 404
    other.stop()


def test_the_program_ends_with_its_input(tmp_path: Path) -> None:
    command = [sys.executable, str(FAKE), "--state", str(tmp_path / "state")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdin is not None
    assert '"git_url"' in process.stdout.readline()
    process.stdin.close()
    assert process.wait(20) == 0
    process.stdout.close()
    found = json.loads((tmp_path / "state" / "state.json").read_text())
    assert found["violations"] == [] and list(found["repositories"]) == ["octo/shop"]


def test_the_program_ends_with_its_lifetime(tmp_path: Path) -> None:
    command = [sys.executable, str(FAKE), "--state", str(tmp_path / "state"), "--lifetime", "0"]
    done = subprocess.run(
        [*command, "--detached"], capture_output=True, check=True, timeout=20, text=True
    )
    assert '"pid"' in done.stdout


def test_a_session_that_is_killed_takes_its_fake_along() -> None:
    code = "from fakehub.starting import _process as p; print(p(), flush=True); input()"
    env = {**os.environ, "PYTHONPATH": str(FAKE.parent)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as session:
        assert session.stdout is not None
        url = session.stdout.readline().strip()
        assert requests.get(f"{url}/rate_limit", timeout=5).ok
        session.kill()
    for _ in range(100):
        try:
            requests.get(f"{url}/rate_limit", timeout=5)
        except requests.ConnectionError:
            return
        time.sleep(0.1)
    raise AssertionError(f"{url} still answers")
