"""A run that ended in several ways, made once, and a GitHub of its own for each test."""

import functools
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fakehub.starting import Fake, start
from small_run import git, go

from pipeline.base.git import Repository
from pipeline.base.git.remotes import Patience as RemotePatience
from pipeline.flow.holding import hold
from pipeline.flow.publishing import Publishing, publish
from pipeline.land.github.client import GitHub
from pipeline.land.github.patience import Patience
from pipeline.model.config import Config, PublishConfig
from pipeline.model.publishing import PublishReport
from pipeline.planning.configuration import load_config
from pipeline.store.layout import Layout

SCRIPTS = {
    "first": "echo first > first.txt",
    "second": "mkdir .github; echo second > .github/second.yml",
    "loud": "echo FORBIDDEN > loud.txt",
}
BUNDLES: Mapping[str, dict[str, Any]] = {
    "first": {"files_create": ["first.txt"], "openspec_change": "shop", "ccpm_issue": "#1"},
    # A protected name: granted by its literal path, and never to be merged unseen.
    "second": {"files_create": [".github/second.yml"], "depends_on": ["first"]},
    "loud": {"files_create": ["loud.txt"]},
}
FIRST, SECOND, LOUD = "ws/shop/first", "ws/plan/second", "ws/plan/loud"


def make(top: Path) -> str:
    """A repository with a run: two land, one is red and quarantined; returns the run's id."""
    (top / "workstreams").mkdir(parents=True)
    (top / "app.txt").write_text("app\n")
    for ws_id, fields in BUNDLES.items():
        bundle = {
            "id": ws_id,
            "title": f"Do {ws_id}",
            "tasks": [f"do {ws_id}"],
            "acceptance_tests": [["sh", "-c", "! grep -q FORBIDDEN *.txt"]],
            "tool_args": {"command": ["sh", "-c", SCRIPTS[ws_id]]},
            **fields,
        }
        (top / "workstreams" / f"{ws_id}.json").write_text(json.dumps(bundle))
    config = {
        "project": {"base": "main"},
        "paths": {"worktrees": str(top.parent / "slots")},
        "gates": {"static": [{"name": "there", "command": ["test", "-s", "app.txt"]}]},
    }
    (top / "pipeline.yaml").write_text(json.dumps(config))
    git(top, "init", "--quiet", "--initial-branch=main")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message=First")
    return go(top)


@functools.cache
def made() -> tuple[Path, str]:
    """The run that all tests copy."""
    folder = Path(tempfile.mkdtemp(prefix="published-", dir=os.environ["HOME"]))
    return folder / "repository", make(folder / "repository")


@dataclass
class World:
    """A clone with a run, and the GitHub that it came from."""

    top: Path
    run_id: str
    fake: Fake

    @property
    def layout(self) -> Layout:
        """Where the state is."""
        return Layout(self.top, self.top / ".git")

    def variables(self, **more: str) -> dict[str, str]:
        """What a person has in the environment to publish there."""
        return {
            "PIPELINE_GITHUB_TOKEN": self.fake.token,
            "GITHUB_API_URL": self.fake.api_url,
            "PIPELINE_GITHUB_PAUSE_S": "0",
            **more,
        }

    def publish(
        self,
        *,
        token: str = "",
        environ: Mapping[str, str] | None = None,
        wait_s: float = 300.0,
        **config: Any,
    ) -> PublishReport:
        """Publish in this process, waiting for nobody."""
        with Repository.discover(self.top) as repo:
            repo.remotes.patience = RemotePatience(first_pause_s=0.0, longest_pause_s=0.0)
            loaded = load_config(self.top).config
            configured: Config = replace(loaded, publish=replace(PublishConfig(), **config))
            patience = Patience(wait_s, sleep=lambda _: None)
            with (
                GitHub(
                    self.fake.api_url,
                    self.fake.repo,
                    token or self.fake.token,
                    patience=patience,
                    pause_s=0,
                ) as hub,
                hold(self.layout, "pipeline publish") as ledger,
            ):
                job = Publishing(repo, ledger, configured, dict(environ or {}), hub, ledger)
                return publish(job, self.run_id)

    def git(self, *arguments: str) -> str:
        """Git in the clone."""
        return git(self.top, *arguments)

    def writes(self) -> list[str]:
        """What was written since the log was cleared: looking by git is a POST, too."""
        return [
            f"{one.method} {one.path}"
            for one in self.fake.log(writes=True)
            if not one.path.endswith("git-upload-pack")
        ]

    @property
    def pulls(self) -> dict[str, dict[str, Any]]:
        """The pull requests by head."""
        found = self.fake.state()["issues"].values()
        return {one["pull"]["head"]: one for one in found if one["pull"]}

    @property
    def facts(self) -> dict[str, Any]:
        """Everything that is out there, without numbers and times."""
        state = self.fake.state()
        return {
            "issues": sorted(
                (one["title"], one["state"], sorted(one["labels"]), bool(one["pull"]))
                for one in state["issues"].values()
            ),
            "comments": sorted(one["body"].split("\n")[0] for one in state["comments"].values()),
            "checks": sorted(
                (one["name"], one["conclusion"], len(one["annotations"]))
                for one in state["check_runs"].values()
            ),
        }


def make_world(folder: Path, **fake: Any) -> World:
    """A copy of the run, and a GitHub that has its base and issue 1."""
    source, run_id = made()
    top = folder / "clone"
    shutil.copytree(source, top, symlinks=True)
    hub = start(folder / "github", files={}, **fake)
    git(top, "push", "--quiet", hub.git_url_with(hub.token), "main:main")
    git(top, "remote", "add", "origin", hub.git_url)
    _ask(hub, "POST", "issues", {"title": "The epic"})
    hub.clear_log()
    return World(top, run_id, hub)


def _ask(hub: Fake, method: str, path: str, body: object) -> Any:
    with GitHub(hub.api_url, hub.repo, hub.token, pause_s=0) as client:
        return client.request(method, path, body=body)
