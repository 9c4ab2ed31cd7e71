"""Workflow runs, logs, artifacts and event payloads of the fake."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from fakehub.starting import Fake

LOG = "shop.py:1:1: F401 unused import\n"
JOBS = [
    {
        "name": "lint",
        "conclusion": "failure",
        "log": LOG,
        "steps": [{"name": "ruff", "conclusion": "failure"}],
    },
    {"name": "tests"},
]
TOKEN = {"Authorization": "Bearer ghs_good"}


@pytest.fixture
def run(github: Fake) -> dict[str, Any]:
    return github.add_run(jobs=JOBS, artifacts={"report": {"../a.txt": "x", "b.txt": "y"}})


def test_a_failed_run_is_read_and_started_again(
    github: Fake, client: Callable[..., Any], run: dict[str, Any]
) -> None:
    found = client().get_repo("octo/shop").get_workflow_run(run["id"])
    jobs = list(found.jobs())
    assert [(one.name, one.conclusion) for one in jobs] == [
        ("lint", "failure"),
        ("tests", "success"),
    ]
    assert requests.get(jobs[0].logs_url(), timeout=5).text == LOG
    assert found.rerun_failed_jobs()
    again = client().get_repo("octo/shop").get_workflow_run(run["id"])
    assert (again.status, again.run_attempt) == ("queued", 2)
    assert [(one.name, one.status) for one in again.jobs()] == [
        ("lint", "queued"),
        ("tests", "completed"),
    ]


def test_redirects_lead_away_and_want_no_token(github: Fake, run: dict[str, Any]) -> None:
    root = f"{github.api_url}/repos/octo/shop/actions"
    for path, kind in ((f"runs/{run['id']}/logs", b"PK"), (f"jobs/{run['jobs'][0]}/logs", b"shop")):
        asked = requests.get(f"{root}/{path}", headers=TOKEN, allow_redirects=False, timeout=5)
        assert asked.status_code == 302
        where = asked.headers["Location"]
        assert requests.get(where, timeout=5).content.startswith(kind)
        assert requests.get(where, headers=TOKEN, timeout=5).status_code == 401


def test_artifacts_hold_any_name(github: Fake, run: dict[str, Any]) -> None:
    root = f"{github.api_url}/repos/octo/shop/actions"
    listed = requests.get(f"{root}/runs/{run['id']}/artifacts", headers=TOKEN, timeout=5).json()
    assert [one["name"] for one in listed["artifacts"]] == ["report"]
    address = listed["artifacts"][0]["archive_download_url"]
    with zipfile.ZipFile(io.BytesIO(requests.get(address, headers=TOKEN, timeout=5).content)) as z:
        assert z.namelist() == ["../a.txt", "b.txt"]
    github.change("artifacts", run["artifacts"][0], expired=True)
    assert requests.get(address, headers=TOKEN, timeout=5).status_code == 410


def test_dispatches_are_recorded(
    github: Fake, client: Callable[..., Any], run: dict[str, Any]
) -> None:
    repo = client().get_repo("octo/shop")
    repo.get_workflow("ci.yml").create_dispatch("main", {"only": "a"})
    repo.create_repository_dispatch("pipeline", {"run": "r1"})
    kinds = [(one["kind"], one.get("inputs")) for one in github.state()["dispatches"]]
    assert kinds == [("workflow", {"only": "a"}), ("repository", None)]
    assert [one.event for one in repo.get_workflow_runs()] == ["workflow_dispatch", "push"]


def test_every_event_can_be_made(
    github: Fake, client: Callable[..., Any], run: dict[str, Any], tmp_path: Path
) -> None:
    before = github.commit("work", {"new.txt": "1\n"})
    after = github.commit("work", {"new.txt": "2\n"})
    repo = client().get_repo("octo/shop")
    pull = repo.create_pull(base="main", head="work", title="t")
    comment = pull.create_issue_comment("/pipeline run")
    review = pull.create_review(body="x", event="COMMENT")
    check = repo.create_check_run("gate", after, conclusion="failure")
    file = tmp_path / "event.json"
    made = github.event("issue_comment.created", comment=comment.id, sender="eve", path=file)
    assert json.loads(file.read_text()) == made
    assert (made["comment"]["body"], made["sender"]["login"]) == ("/pipeline run", "eve")
    assert made["issue"]["pull_request"]["url"] == pull.url
    github.event("issue_comment.edited", comment=comment.id, old_body="x")
    github.event("issues.opened", number=repo.create_issue("i").number)
    moved = github.event("pull_request.synchronize", number=1, before=before)
    assert (moved["before"], moved["after"]) == (before, after)
    for action in ("opened", "closed"):
        github.event(f"pull_request.{action}", number=1)
    github.event("pull_request_review.submitted", review=review.id)
    for action in ("completed", "requested"):
        github.event(f"workflow_run.{action}", run=run["id"])
    for action in ("completed", "rerequested"):
        github.event(f"check_run.{action}", check=check.id)
    pushed = github.event("push", ref="refs/heads/work", before=before)
    assert [one["modified"] for one in pushed["commits"]] == [["new.txt"]]
    github.event("workflow_dispatch", inputs={"only": "a"})
    github.event("repository_dispatch.pipeline", client_payload={"run": "r1"})
    with pytest.raises(RuntimeError, match="inputs"):
        github.event("workflow_dispatch", inputs="a")
