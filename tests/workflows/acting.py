"""Runs the workflows with nektos/act, on this machine alone, in front of the stand-in for GitHub.

act's host mode starts the steps as processes here, each job in a workspace of its own. Three things
are played, because act or this machine lacks them: GitHub's own actions (``stubs/``), the package
index behind ``actions/setup``, and ``uses: $/…``, which act 0.2.87 does not know: it is written out
to what GitHub resolves it to, the repository and the commit of the file that it stands in.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakehub.starting import Fake
from workflows.workflow_files import PINS, ROOT

TOOL = "octo/git-pipeline"
TOOL_COMMIT = "0123456789abcdef0123456789abcdef01234567"
STUBS = Path(__file__).parent / "stubs"
_SECONDS = 240


def copy_tool(to: Path) -> Path:
    """git-pipeline's own repository as act gets it: with ``$/`` written out."""
    for name in ("actions", ".github/workflows"):
        shutil.copytree(ROOT / name, to / name)
    shutil.copy(STUBS / "setup" / "action.yml", to / "actions" / "setup" / "action.yml")
    for path in (*to.glob("actions/*/action.yml"), *to.glob(".github/workflows/*.yml")):
        text = re.sub(r"(\buses: )\$/(\S+)", rf"\g<1>{TOOL}/\2@{TOOL_COMMIT}", path.read_text())
        path.write_text(text)
    return to


class Proxy:
    """Where anything that leaves the machine would be sent; it answers nothing and remembers."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.seen: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2)
                try:
                    self.seen.append(connection.recv(200).decode("latin-1").partition("\r")[0])
                except OSError:
                    self.seen.append("(nothing was said)")

    def close(self) -> None:
        self._socket.close()


@dataclass
class Played:
    """How a workflow ended: act's exit code, what it printed, and the artifacts it left."""

    code: int
    log: str
    artifacts: Path

    def job_ended(self, job: str) -> str:
        """How a job ended, as act's log tells: ``succeeded``, ``failed``, or empty (not run)."""
        line = rf"^\[[^\]]*{re.escape(job)}\s*\].*Job (succeeded|failed)"
        ends = re.findall(line, self.log, re.MULTILINE)
        return ends[-1] if ends else ""


@dataclass
class Stage:
    """A sample repository on the fake, and what it takes to run workflows of it.

    ``tamper`` is Python that somebody in the first job runs on a folder before it is uploaded.
    """

    folder: Path
    github: Fake
    act: Path
    tool: Path
    proxy: Proxy
    token: str = "ghs_good"
    pipeline: Path = Path(sys.executable).parent / "pipeline"
    tamper: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    _runs: int = 0

    def git(self, *arguments: str) -> str:
        """git in the bare repository."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.github.bare, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def ask(self, method: str, path: str, body: Any, *, token: str) -> Any:
        """The answer of the API below the repository."""
        request = urllib.request.Request(
            f"{self.github.api_url}/repos/{self.github.repo}/{path}",
            data=json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/vnd.github+json",
                "Content-Type": "application/json",
            },
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def comment(self, login: str, number: int, body: str) -> dict[str, Any]:
        """The event of a comment that a person writes now; ``ghp_<login>`` is their token."""
        path = f"issues/{number}/comments"
        made = self.ask("POST", path, {"body": body}, token=f"ghp_{login}")
        return self.github.event("issue_comment.created", sender=login, comment=made["id"])

    def pulls(self) -> list[dict[str, Any]]:
        """The pull requests, each with its ``head`` and ``base`` branch among its fields."""
        issues = self.github.state()["issues"].values()
        return [{**one, **one["pull"]} for one in issues if one["pull"]]

    def writes(self) -> list[str]:
        """What was written so far, as method and path; fetching is a POST too, and left out."""
        log = self.github.log(writes=True)
        return [f"{one.method} {one.path}" for one in log if "git-upload-pack" not in one.path]

    def run(
        self, workflow: str, event: str, payload: Mapping[str, Any], *, ref: str = "main"
    ) -> Played:
        """Run one workflow file of the sample repository for an event at a branch."""
        self._runs += 1
        home = self.folder / f"run{self._runs}"
        for name in ("artifacts", "home"):
            (home / name).mkdir(parents=True)
        commit = self.git("rev-parse", f"refs/heads/{ref}")
        clone = ("clone", "--quiet", "--branch", ref, ".", str(home / "work"))
        self.git(*clone)
        event_document = {**self._event(ref, commit), **payload}
        (home / "event.json").write_text(json.dumps(event_document))
        _write_variables(home / "secrets", {"GITHUB_TOKEN": self.token, **self.secrets})
        _write_variables(home / "env", self._values(home, ref, commit))
        done = subprocess.run(
            self._arguments(home, workflow, event),
            env=self._environment(home),
            cwd=home / "work",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=_SECONDS,
        )
        (home / "log").write_text(done.stdout)
        print(done.stdout)
        return Played(done.returncode, done.stdout, home / "artifacts")

    def _event(self, ref: str, commit: str) -> dict[str, Any]:
        """What every event tells of where it happened."""
        owner, _, name = self.github.repo.partition("/")
        repository = {
            "id": 1,
            "name": name,
            "full_name": self.github.repo,
            "owner": {"login": owner},
            "default_branch": "main",
        }
        return {"repository": repository, "ref": f"refs/heads/{ref}", "after": commit}

    def _values(self, home: Path, ref: str, commit: str) -> dict[str, str]:
        """Variables of every step."""
        return {
            "GITHUB_SERVER_URL": self.github.url,
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_REPOSITORY": self.github.repo,
            "GITHUB_REPOSITORY_OWNER": self.github.repo.partition("/")[0],
            "GITHUB_REF": f"refs/heads/{ref}",
            "SHA_REF": commit,
            "GITHUB_RUN_ID": str(self._runs),
            "PLAYED_ARTIFACTS": str(home / "artifacts"),
            "PLAYED_PIPELINE": str(self.pipeline),
            "PLAYED_PYTHON": sys.executable,
            "PLAYED_APP_TOKEN": "ghs_app",
            "PLAYED_TAMPER": self.tamper,
            "PIPELINE_GITHUB_PAUSE_S": "0",
        }

    def _arguments(self, home: Path, workflow: str, event: str) -> list[str]:
        local = {f"{name}@{sha}": STUBS / name.partition("/")[2] for name, sha in PINS.items()}
        local[f"{TOOL}@{TOOL_COMMIT}"] = self.tool
        known = [("--local-repository", f"{key}={path}") for key, path in local.items()]
        return [
            str(self.act),
            event,
            *("--directory", str(home / "work")),
            *("--eventpath", str(home / "event.json")),
            *("--workflows", f".github/workflows/{workflow}"),
            *("--platform", "ubuntu-latest=-self-hosted"),
            *("--secret-file", str(home / "secrets")),
            *("--env-file", str(home / "env")),
            *("--action-cache-path", str(home / "act")),
            *("--concurrent-jobs", "1"),
            *("--no-cache-server", "--no-skip-checkout", "--action-offline-mode"),
            *(part for pair in known for part in pair),
        ]

    def _environment(self, home: Path) -> dict[str, str]:
        """Nothing of this test's own, no way out of the machine."""
        proxies = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # with ruff
            "HOME": str(home / "home"),
            "XDG_CACHE_HOME": str(home / "home"),
            "XDG_CONFIG_HOME": str(home / "home"),
            "ACT_DISABLE_VERSION_CHECK": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "LANG": "C.UTF-8",
            **dict.fromkeys(proxies, self.proxy.url),
            "no_proxy": "127.0.0.1,localhost",
            "NO_PROXY": "127.0.0.1,localhost",
            "GOPROXY": "off",
        }


def _write_variables(path: Path, values: Mapping[str, str]) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
