"""``pipeline deploy``: what runs is healthy, or what ran before does again, or it is said."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fakehub.starting import Fake
from projects import Project

from pipeline.base import clock
from pipeline.base.errors import InputError
from pipeline.base.git import Repository
from pipeline.base.locks import this_process
from pipeline.cli import main
from pipeline.flow.deploying_record import (
    DeploymentHistory,
    require_environment,
    require_version,
)
from pipeline.model.deployment import Deployment, DeploymentState

CALL = f"{sys.executable} -I -S call.py"
CLIENT = """
import os, socket, sys
body = os.environb[b"VERSION"]
method = b"POST" if sys.argv[2] == "/deploy" else b"GET"
head = b"%s %s HTTP/1.0\\r\\nContent-Length: %d\\r\\n\\r\\n"
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) as connection:
    connection.sendall(head % (method, sys.argv[2].encode(), len(body)) + body)
    sys.exit(b" 200 " not in connection.recv(1000))
"""


class Service:
    """A service that runs one version at a time, some of which are not healthy."""

    def __init__(self) -> None:
        self.running = ""
        self.history: list[str] = []
        self.sick: set[str] = set()
        self.slow = 0  # how many health checks fail first
        self.refused: set[str] = set()
        self.told: list[dict[str, str]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if self.path == "/hook":
                    service.told.append(json.loads(body))
                elif body not in service.refused:
                    service.running = body
                    service.history.append(body)
                self._answer(500 if body in service.refused else 200)

            def do_GET(self) -> None:
                service.slow -= 1
                is_well = service.slow < 0 and service.running not in service.sick
                self._answer(200 if is_well else 503)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    one = Service()
    yield one
    one.close()


class Site:
    """A repository whose deployments go to a service."""

    def __init__(self, project: Project, service: Service) -> None:
        self.project, self.service = project, service

    def arguments(self, version: str, *options: str) -> list[str]:
        return [
            *("deploy", "--environment", "live", "--version", version),
            *("--deploy-command", f"{CALL} {self.service.port} /deploy"),
            *("--health-command", f"{CALL} {self.service.port} /health"),
            *("--attempts", "2", "--interval", "0.01", *options),
            *("--repo", str(self.project.top)),
        ]

    def deploy(self, version: str, *options: str) -> int:
        return int(main(self.arguments(version, *options)))

    def history(self) -> list[Deployment]:
        with Repository.discover(self.project.top) as repo:
            return list(DeploymentHistory(repo, self.project.layout, "live").all())

    def write(self, deployment: Deployment) -> None:
        with Repository.discover(self.project.top) as repo:
            DeploymentHistory(repo, self.project.layout, "live").write(deployment)

    def process(self, version: str, *options: str) -> subprocess.Popen[bytes]:
        code = "import sys; from pipeline.cli import main; sys.exit(main(sys.argv[1:]))"
        return subprocess.Popen(
            [sys.executable, "-c", code, *self.arguments(version, *options)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait_for(self, path: str) -> None:
        until = time.monotonic() + 30
        while not (self.project.top / path).exists():
            assert time.monotonic() < until, f"{path} did not appear"
            time.sleep(0.02)


@pytest.fixture
def site(project: Project, service: Service) -> Site:
    project.commit({"call.py": CLIENT})
    return Site(project, service)


def test_a_healthy_version_is_recorded_as_good(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.service.slow = 1

    assert site.deploy("1.0", "--format", "json") == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["good"], told["rollback_to"]) == ("deployed", "1.0", "")
    assert [(s["name"], s["attempts"]) for s in told["steps"]] == [("deploy", 1), ("health", 2)]
    assert told["owner"] is None
    assert site.service.history == ["1.0"]
    assert [one.good for one in site.history()] == ["1.0"]


def test_an_unhealthy_version_gives_way_to_the_last_good_one(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.deploy("1.0")
    site.service.sick = {"2.0"}

    assert site.deploy("2.0") == 1

    assert site.service.history == ["1.0", "2.0", "1.0"]
    newest = site.history()[0]
    assert (newest.state, newest.good) == (DeploymentState.ROLLED_BACK, "1.0")
    assert "1.0 runs there again and is healthy" in capsys.readouterr().out


def test_a_deploy_command_that_fails_is_rolled_back_too(site: Site) -> None:
    site.deploy("1.0")
    site.service.refused = {"2.0"}

    assert site.deploy("2.0") == 1

    assert site.service.history == ["1.0", "1.0"]
    names = [step.name for step in site.history()[0].steps]
    assert names == ["deploy", "rollback", "health_after_rollback"]


def test_a_rollback_that_fails_is_said_loudly_and_forgets_nothing(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.deploy("1.0")
    site.service.sick = {"1.0", "2.0"}

    assert site.deploy("2.0") == 1

    assert capsys.readouterr().out.splitlines()[-1].startswith("ATTENTION")
    assert (site.history()[0].state, site.history()[0].good) == (DeploymentState.FAILED, "1.0")
    site.service.sick = {"3.0"}
    site.deploy("3.0")
    assert site.service.running == "1.0"


def test_without_a_good_version_there_is_no_way_back(site: Site) -> None:
    site.service.sick = {"1.0"}

    assert site.deploy("1.0") == 1

    assert site.service.history == ["1.0"]
    assert site.history()[0].state is DeploymentState.FAILED


def test_the_same_version_again_goes_back_to_the_one_before(site: Site) -> None:
    site.deploy("1.0")
    site.deploy("2.0")
    site.service.sick = {"2.0"}

    assert site.deploy("2.0") == 1
    assert site.service.running == "1.0"


def test_a_rollback_command_is_told_where_to_go_back_to(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    site.deploy("1.0")
    site.service.sick = {"2.0"}

    command = 'echo "$ENVIRONMENT $VERSION $PREVIOUS_VERSION" > said'
    site.deploy("2.0", "--rollback-command", command)

    assert (site.project.top / "said").read_text() == "live 2.0 1.0\n"
    told = "".join(capfd.readouterr())
    assert "rollback: 1.0 to live" in told


@pytest.mark.parametrize(
    "version", ["$(touch made)", "1.0; touch made", "`touch made`", "' touch made '", "é-1"]
)
def test_a_version_is_never_part_of_a_command(site: Site, version: str) -> None:
    assert site.deploy(version) == 0
    assert site.service.running == version
    assert not (site.project.top / "made").exists()


@pytest.mark.parametrize("version", ["", " ", "a\x00b", "\u202e1", "é\n", "x" * 201])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(InputError):
        require_version(version)


@pytest.mark.parametrize("name", ["", "Live", "../x", "a..b", "a.lock", "a/b", "a b", "x" * 65])
def test_what_is_no_environment_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        require_environment(name)


def test_nothing_is_run_for_names_that_are_none(site: Site) -> None:
    assert site.deploy("-x") == 2
    arguments = site.arguments("1.0")
    arguments[2] = "../x"
    assert main(arguments) == 2
    assert site.service.history == []


def test_secrets_of_the_environment_are_in_no_log(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = f"http://127.0.0.1:{site.service.port}/hook"
    monkeypatch.setenv("DB_PASSWORD", "correct-horse")
    monkeypatch.setenv("PIPELINE_DEPLOY_WEBHOOK", hook)
    arguments = site.arguments("1.0")
    arguments[6] = 'echo "$DB_PASSWORD"; echo "hook=$PIPELINE_DEPLOY_WEBHOOK" >&2; exit 1'

    assert main(arguments) == 1

    shown = "".join(capsys.readouterr())
    logs = site.project.layout.state_dir / "deployments"
    kept = "".join(path.read_text() for path in logs.rglob("*") if path.is_file())
    for text in (shown, kept):
        assert "[redacted]" in text
        assert "correct-horse" not in text
        assert hook not in text
    assert [one["state"] for one in site.service.told] == ["failed"]


def test_a_webhook_that_nobody_hears_changes_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIPELINE_DEPLOY_WEBHOOK", "http://127.0.0.1:1/very-secret")

    assert site.deploy("1.0") == 0

    said = capsys.readouterr().err
    assert "warning: The webhook" in said
    assert "very-secret" not in said


def test_a_deployment_that_was_killed_is_known_to_the_next_one(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.deploy("1.0")
    arguments = ("--rollback-command", "true")
    site.service.sick = {"2.0"}
    with site.process("2.0", *arguments, "--attempts", "999", "--interval", "0.05") as process:
        until = time.monotonic() + 30
        while "2.0" not in site.service.history:
            assert time.monotonic() < until
            time.sleep(0.02)
        process.kill()
    assert site.history()[0].state is DeploymentState.DEPLOYING
    capsys.readouterr()

    assert site.deploy("3.0") == 0

    assert "The deployment of 2.0 to live was cut off" in capsys.readouterr().err
    newest = site.history()[0]
    assert (newest.unfinished, newest.rollback_to, newest.good) == ("2.0", "1.0", "3.0")


def test_one_that_is_under_way_is_not_disturbed(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    started = Deployment(
        "live", "2.0", DeploymentState.DEPLOYING, started_at=clock.now(), owner=this_process("x")
    )
    site.write(started)

    assert site.deploy("3.0") == 3
    assert "2.0 is being deployed to live" in capsys.readouterr().err
    assert site.service.history == []
    assert site.deploy("3.0", "--take-over") == 0


def test_one_on_another_machine_is_waited_for_as_long_as_it_may_take(site: Site) -> None:
    elsewhere = replace(this_process("x"), host="elsewhere", boot_id="other")
    started = Deployment(
        "live",
        "2.0",
        DeploymentState.DEPLOYING,
        started_at=clock.now(),
        until="2999-01-01T00:00:00.000000Z",
        owner=elsewhere,
    )
    site.write(started)
    assert site.deploy("3.0") == 3
    site.write(replace(started, until="2020-01-01T00:00:00.000000Z"))
    assert site.deploy("3.0") == 0


def test_an_interrupt_ends_the_command_and_is_recorded(site: Site) -> None:
    slow = "touch begun; sleep 600"
    arguments = ("--rollback-command", "touch rolled-back", "--health-command", slow)
    with site.process("1.0", *arguments, "--health-timeout", "900") as process:
        site.wait_for("begun")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 130

    assert site.history()[0].state is DeploymentState.INTERRUPTED
    assert not (site.project.top / "rolled-back").exists()
    assert site.deploy("2.0") == 0
    assert site.history()[0].unfinished == "1.0"


def test_who_was_slower_does_not_overwrite_the_record(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    code = (
        "import sys; from pipeline.cli import main; "
        "sys.exit(main(['deploy', '--environment', 'live', '--version', '9', '--take-over', "
        "'--deploy-command', 'true', '--health-command', 'true', '--repo', sys.argv[1]]))"
    )
    other = f"{sys.executable} -c \"{code}\" '{site.project.top}'"
    arguments = site.arguments("1.0")
    arguments[6] = other

    assert main(arguments) == 3

    assert "was recorded meanwhile" in capsys.readouterr().err
    assert [one.version for one in site.history()] == ["9", "1.0"]


@pytest.mark.parametrize(
    "content",
    [
        b"no json",
        b"{}",
        b'{"environment": "other", "version": "1", "state": "deployed"}',
        b'{"environment": "live", "version": "-1", "state": "deployed"}',
        b'{"environment": "live", "version": "1", "state": "deployed", "rollback_to": "a\\nb"}',
        b"[" * 100_000,
        b" " * 300_000,
    ],
)
def test_a_record_that_is_none_of_ours_is_refused(site: Site, content: bytes) -> None:
    top = site.project.top
    (top / "deployment.json").write_bytes(content)
    site.project.git("add", "deployment.json")
    tree = site.project.git("write-tree")
    commit = site.project.git("commit-tree", "-m", "x", tree)
    site.project.git("update-ref", "refs/pipeline/deploy/live", commit)

    assert site.deploy("1.0") == 2
    assert site.service.history == []


def test_commands_run_in_the_top_directory(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = site.project.top / "deep"
    folder.mkdir()
    arguments = site.arguments("1.0")
    arguments[-1] = str(folder)
    assert main(arguments) == 0
    assert os.listdir(folder) == []  # noqa: PTH208 - names are enough
    assert Path(site.project.top, ".pipeline", "deployments", "live").is_dir()


def test_another_machine_goes_back_to_what_this_one_deployed(
    site: Site, new_project: Callable[..., Project], capsys: pytest.CaptureFixture[str]
) -> None:
    top = site.project.top
    bare = top.parent / "remote.git"
    site.project.git("clone", "--quiet", "--bare", str(top), str(bare))
    site.project.git("remote", "add", "origin", str(bare))
    assert site.deploy("1.0", "--remote", "origin") == 0
    other = Site(new_project("other", {"call.py": CLIENT}), site.service)
    other.project.git("remote", "add", "origin", str(bare))
    site.service.sick = {"2.0"}

    assert other.deploy("2.0", "--remote", "origin") == 1

    assert site.service.running == "1.0"
    ref = "refs/pipeline/deploy/live"
    assert site.project.git("ls-remote", str(bare), ref).split()[0] == other.project.git(
        "rev-parse", ref
    )
    # The first one takes that over; what it records without the remote parts from it.
    assert site.deploy("3.0", "--remote", "origin") == 0
    assert [one.version for one in site.history()] == ["3.0", "2.0", "1.0"]
    assert other.deploy("4.0") == 0
    capsys.readouterr()
    assert other.deploy("5.0", "--remote", "origin") == 3
    assert "another record" in capsys.readouterr().err
    assert site.service.running == "4.0"


def test_github_is_told(
    site: Site, github: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_good")
    monkeypatch.setenv("GITHUB_API_URL", github.api_url)
    monkeypatch.setenv("PIPELINE_GITHUB_PAUSE_S", "0")
    git = site.project.git
    git("remote", "add", "origin", github.git_url)
    git("push", "--quiet", github.git_url_with("ghs_good"), "HEAD:refs/heads/site")
    site.service.sick = {"2.0"}

    assert site.deploy("1.0") == 0
    assert site.deploy("2.0") == 1
    github.fail("POST", "/deployments$", 403)
    capsys.readouterr()
    assert site.deploy("1.0") == 0

    assert "GitHub was not told of the deployment" in capsys.readouterr().err
    made = list(github.state()["deployments"].values())
    told = [(one["payload"]["version"], [s["state"] for s in one["statuses"]]) for one in made]
    assert told == [("1.0", ["in_progress", "success"]), ("2.0", ["in_progress", "failure"])]
    assert {one["environment"] for one in made} == {"live"}


def test_a_commit_that_github_lacks_is_told_with_what_to_do(
    site: Site, github: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_good")
    monkeypatch.setenv("GITHUB_API_URL", github.api_url)
    site.project.git("remote", "add", "origin", github.git_url)

    assert site.deploy("1.0") == 0

    told = capsys.readouterr().err
    assert "GitHub was not told of the deployment" in told
    assert "Push the commit first." in told
