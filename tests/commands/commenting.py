"""A GitHub with a pull request, people who comment on it, and a checkout that answers them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fakehub.starting import Fake
from projects import IDENTITY

from pipeline.cli import main
from pipeline.flow.prepare import RunRequest, prepare
from pipeline.flow.run import run
from pipeline.land.github.client import GitHub
from pipeline.land.github.patience import Patience

TOKEN = "ghs_good"
BOT = "github-actions[bot]"
PEOPLE = {"wendy": "write", "adam": "admin", "mona": "maintain", "tess": "triage", "rob": "read"}
STUBBORN = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('wrong')"


def environment() -> dict[str, str]:
    return {**os.environ, **IDENTITY}


def git(where: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=where,
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def hub_of(fake: Fake, token: str = TOKEN) -> GitHub:
    return GitHub(fake.api_url, fake.repo, token, patience=Patience(5.0, faults=3), pause_s=0)


@dataclass
class Commenting:
    """What a test needs: the fake, a checkout, and the last answer."""

    fake: Fake
    folder: Path
    capture: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    top: Path = field(init=False)
    hubs: dict[str, GitHub] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        self.monkeypatch.setenv("GITHUB_API_URL", self.fake.api_url)
        self.monkeypatch.setenv("PIPELINE_GITHUB_PAUSE_S", "0")
        for login, role in PEOPLE.items():
            self.fake.set_role(login, role)
        self.top = self.clone("one")

    def clone(self, name: str) -> Path:
        """A fresh checkout, as a job of a workflow has it."""
        top = self.folder / name
        url = self.fake.git_url_with(TOKEN)
        git(self.folder, "clone", "--quiet", url, str(top))
        (top / ".git" / "info" / "exclude").write_text("/pipeline.yaml\n/workstreams/\n")
        return top

    def hub(self, login: str = "") -> GitHub:
        """GitHub as somebody sees it, the app where nobody is named."""
        if login not in self.hubs:
            token = f"ghp_{login}" if login else TOKEN
            if login:
                self.fake.add_token(token, login=login)
            self.hubs[login] = hub_of(self.fake, token)
        return self.hubs[login]

    def close(self) -> None:
        for hub in self.hubs.values():
            hub.close()

    def pull(self, branch: str = "change", *, repo: str = "") -> int:
        """A pull request of somebody's; its number."""
        self.fake.commit(branch, {"new.txt": "new\n"}, repo=repo)
        head = f"{repo.partition('/')[0]}:{branch}" if repo else branch
        made = self.hub().request(
            "POST", "pulls", body={"title": "x", "head": head, "base": "main"}
        )
        return int(made["number"])

    def issue(self) -> int:
        return int(self.hub().request("POST", "issues", body={"title": "x"})["number"])

    def comment(self, login: str, number: int, body: str) -> dict[str, Any]:
        """The event of a comment that somebody writes now."""
        hub = self.hub(login)
        made = hub.request("POST", f"issues/{number}/comments", body={"body": body})
        return self.fake.event("issue_comment.created", sender=login or BOT, comment=made["id"])

    def respond(self, event: dict[str, Any], *options: str, top: Path | None = None) -> Any:
        """Deliver an event; the document with ``code`` added to it."""
        path = self.folder / "event.json"
        path.write_text(json.dumps(event))
        self.capture.readouterr()
        arguments = ["respond", "--event", str(path), "--format", "json", *options]
        code = main([*arguments, "--repo", str(top or self.top)])
        told = self.capture.readouterr()
        return {**(json.loads(told.out) if told.out else {}), "code": int(code), "err": told.err}

    def say(self, login: str, number: int, body: str, *options: str) -> Any:
        """Write a comment and have it answered."""
        return self.respond(self.comment(login, number, body), *options)

    def replies(self, number: int) -> list[str]:
        """The bodies of our comments, without their hidden lines."""
        found = self.hub().pages(f"issues/{number}/comments")
        ours = [one["body"] for one in found if one["user"]["login"] == BOT]
        return [body.partition("\n")[2] for body in ours if "git-pipeline:reply:" in body]

    def signs(self, event: dict[str, Any]) -> list[str]:
        """Our reactions on a comment."""
        path = f"issues/comments/{event['comment']['id']}/reactions"
        return [one["content"] for one in self.hub().pages(path)]

    def dispatches(self) -> list[dict[str, Any]]:
        return list(self.fake.state()["dispatches"])

    def ask(self, *workstreams: str) -> str:
        """Run workstreams that each end with a question, publish them; the run's id."""
        config = {
            "project": {"base": "main"},
            "paths": {"worktrees": str(self.folder / "slots")},
            "run": {"jobs": 1},
            "publish": {"labels": [], "checks": False, "issues": False},
            "tools": {"agent": {"type": "ai", "driver": "agent", "takes_feedback": True}},
        }
        (self.top / "pipeline.yaml").write_text(json.dumps(config))
        folder = self.top / "workstreams"
        folder.mkdir()
        for ws_id in workstreams:
            path = f"{ws_id}.txt"
            bundle = {
                "id": ws_id,
                "title": "Be right",
                "tasks": ["be right"],
                "files_create": [path],
                "tool": "agent",
                "tool_args": {"command": [sys.executable, "-S", "-c", STUBBORN, path]},
                "acceptance_tests": [f"grep -q right {path}"],
                "fix": [],
                "circuit_breaker": {"max_attempts": 1},
            }
            (folder / f"{ws_id}.json").write_text(json.dumps(bundle))
        prepared = prepare(RunRequest(self.top, environment()))
        with prepared.repo:
            run_id = run(prepared).run_id
        for words in (["publish"], ["sync"]):
            assert main([*words, "--repo", str(self.top)]) in (0, 1), self.capture.readouterr()
        return run_id

    def own_pull(self, ws_id: str) -> int:
        """The pull request of a workstream that asks."""
        pulls = self.hub().pages("pulls")
        ref = f"ws/plan/{ws_id}"
        return next(int(one["number"]) for one in pulls if one["head"]["ref"] == ref)


Make = Callable[[], Commenting]
