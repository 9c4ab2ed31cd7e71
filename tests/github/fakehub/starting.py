"""Starting a fake for a test, and the handle that a test holds.

One process serves a whole test session; every `start` gives a GitHub of its own in it, on a port of
its own, with nothing in it but what is asked for. The process ends with the session: when its
standard input closes, however the session ended, or when nobody has asked it for ten minutes.
"""

import atexit
import functools
import json
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_FAKE = Path(__file__).resolve().parents[1] / "fake.py"
FILES = {"README.md": "# Shop\n", "shop.py": "def total(prices):\n    return sum(prices)\n"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the request log; ``token`` is a token's name, ``failed`` a failure on demand."""

    method: str
    path: str
    query: str
    body: Any
    token: str
    status: int
    failed: str


@dataclass(frozen=True, slots=True)
class Fake:
    """A running GitHub: addresses, the bare repository, and what a test may do to it."""

    url: str
    repo: str
    token: str
    bare: Path
    folder: Path = field(repr=False)

    @property
    def api_url(self) -> str:
        """The API's root; `url + "/api/v3"` works too, as on GitHub Enterprise."""
        return self.url

    @property
    def git_url(self) -> str:
        """What `git clone` takes."""
        return f"{self.url}/{self.repo}.git"

    def git_url_with(self, token: str) -> str:
        """The same with a token in it, for tests that push without a credential helper."""
        return self.git_url.replace("://", f"://x-access-token:{token}@")

    def log(self, *, writes: bool = False) -> list[Line]:
        """Every request so far, oldest first; only those that are not GET if asked."""
        lines = [Line(**one) for one in self._control("log")]
        return [one for one in lines if one.method != "GET"] if writes else lines

    def clear_log(self) -> None:
        """Forget the requests so far."""
        self._control("clear-log")

    def violations(self) -> list[str]:
        """What broke the contract; has to be empty at the end of a test."""
        return list(self._control("violations"))

    def forgive(self) -> None:
        """Forget violations that a test provoked on purpose."""
        self._control("forgive")

    def state(self, repo: str = "") -> dict[str, Any]:
        """A repository's records and refs; keys are as in `state.Repository`, ids as text."""
        return dict(self._control("state")[repo or self.repo])

    def fail(
        self,
        method: str,
        pattern: str,
        what: int | str,
        *,
        times: int = 1,
        after: int = 0,
        headers: dict[str, str] | None = None,
        body: Any = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> None:
        """Make requests fail: a status, "cut", or "cut after" (done, but the answer is lost).

        ``pattern`` is searched in the path, for git in `/octo/shop.git/git-receive-pack`. The first
        ``after`` matching requests pass, then ``times`` fail, -1 for all that come.
        """
        self._control(
            "fail",
            method=method,
            pattern=pattern,
            what=what,
            times=times,
            after=after,
            headers=headers or {},
            body=body,
            probability=probability,
            seed=seed,
        )

    def heal(self) -> None:
        """End all failures."""
        self._control("heal")

    def limit(self, **values: Any) -> None:
        """Set fields of `limits.Limits`, such as remaining=0, creations=80, retry_after=1."""
        self._control("limit", **values)

    def add_token(
        self,
        value: str,
        *,
        rights: dict[str, str] | None = None,
        login: str = "",
        name: str = "",
        repositories: list[str] | None = None,
    ) -> None:
        """Make a token: `ghs_…` an app's, others a person's; rights None means all.

        Rights may be spelled as in a workflow's `permissions:` (pull-requests) or as in the API.
        """
        self._control(
            "token", value=value, rights=rights, login=login, name=name, repositories=repositories
        )

    def add_repository(self, full_name: str, **values: Any) -> Path:
        """Make another one, such as a fork (fork_of="octo/shop"); its bare repository."""
        return Path(self._control("repository", full_name=full_name, **values)["bare"])

    def set_role(self, login: str, role: str) -> None:
        """Make somebody a collaborator: none, read, triage, write, maintain or admin."""
        self._control("collaborator", repo=self.repo, login=login, role=role)

    def configure(self, *, repo: str = "", **settings: Any) -> None:
        """Switch what an owner can, such as has_drafts=False; see `state.Settings`."""
        self._control("settings", repo=repo or self.repo, settings=settings)

    def commit(
        self, branch: str, files: dict[str, str], message: str = "Change", *, repo: str = ""
    ) -> str:
        """A commit that somebody else pushes, to a new or an existing branch; its id."""
        values = {"repo": repo or self.repo, "ref": f"refs/heads/{branch}"}
        return str(self._control("commit", **values, files=files, message=message)["sha"])

    def seed_comments(self, number: int, bodies: list[str], *, login: str = "octocat") -> None:
        """Comments of somebody's on an issue or pull request, without a request for each."""
        self._control("comments", repo=self.repo, number=number, bodies=bodies, login=login)

    def add_run(
        self,
        *,
        path: str = ".github/workflows/ci.yml",
        name: str = "CI",
        branch: str = "main",
        event: str = "push",
        actor: str = "octocat",
        status: str = "completed",
        conclusion: str | None = "failure",
        jobs: list[dict[str, Any]] | None = None,
        artifacts: dict[str, dict[str, str]] | None = None,
        head_repo: str = "",
        sha: str = "",
    ) -> dict[str, Any]:
        """A workflow run on a branch's present commit (or ``sha``); gives ids: id, jobs, artifacts.

        A job is {"name", "conclusion", "log", "steps": [{"name", "conclusion"}], "annotations"}; an
        artifact's name stands for its files, path to text. ``head_repo`` names a fork.
        """
        values = {"path": path, "name": name, "head_branch": branch, "event": event}
        sha = sha or self.state(head_repo)["refs"][f"refs/heads/{branch}"]
        return dict(
            self._control(
                "run",
                **values,
                repo=self.repo,
                head_sha=sha,
                actor=actor,
                status=status,
                conclusion=conclusion,
                head_repo=head_repo,
                jobs=jobs or [],
                artifacts=artifacts or {},
            )
        )

    def add_artifact(self, run: int, name: str, files: dict[str, str]) -> int:
        """One more artifact of a run; its id."""
        values = {"repo": self.repo, "run": run, "name": name, "files": files}
        return int(self._control("artifact", **values)["id"])

    def change(self, kind: str, number: int, **fields: Any) -> None:
        """Set fields of a record, such as change("artifacts", 7, expired=True)."""
        self._control("change", repo=self.repo, kind=kind, id=number, fields=fields)

    def event(
        self, event: str, *, sender: str = "octocat", path: Path | None = None, **values: Any
    ) -> dict[str, Any]:
        """An event's payload, as in event("issue_comment.created", comment=7); see `events`.

        With ``path`` it is written there too, for GITHUB_EVENT_PATH.
        """
        made = self._control(
            "event", event=event, **{"repo": self.repo, **values, "sender": sender}
        )
        if path is not None:
            path.write_text(json.dumps(made, indent=2))
        return dict(made)

    def stop(self) -> None:
        """Close its port. The process stays for other tests."""
        self._control("close")

    def _control(self, control: str, **values: Any) -> Any:
        return _ask(self.url, control, values)


def _ask(url: str, name: str, values: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{url}/_fake/{name}", data=json.dumps(values, default=str).encode(), method="POST"
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            raise RuntimeError(f"the fake: {error.read().decode()}") from None


def start(
    folder: Path,
    repo: str = "octo/shop",
    token: str = "ghs_good",
    rights: dict[str, str] | None = None,
    *,
    files: dict[str, str] | None = None,
    private: bool = False,
    default_branch: str = "main",
    login: str = "",
    collaborators: dict[str, str] | None = None,
) -> Fake:
    """A GitHub with one repository (one commit of ``files``; `{}` for an empty one) and one token.

    ``rights`` None means all; otherwise those not named are none, as in `permissions:`.
    """
    values = {
        "folder": str(folder),
        "repo": repo,
        "token": token,
        "rights": rights,
        "files": FILES if files is None else files,
        "private": private,
        "default_branch": default_branch,
        "login": login,
        "collaborators": collaborators,
    }
    found = _ask(_process(), "worlds", values)
    owner, _, name = repo.partition("/")
    bare = folder / "repositories" / owner / f"{name}.git"
    return Fake(found["url"], repo, token, bare, folder)


@functools.cache
def _process() -> str:
    """The address of the process that all tests share, started on first use."""
    process = subprocess.Popen(
        [sys.executable, str(_FAKE), "--empty"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(_stop, process)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("the fake did not start")
    return str(json.loads(line)["url"])


def _stop(process: "subprocess.Popen[str]") -> None:
    """End the process that this session started."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
