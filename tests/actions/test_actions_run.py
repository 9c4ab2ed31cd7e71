"""The actions' steps, run for real; nothing that a stranger may choose is executed by them."""

import json
import sys
from pathlib import Path

import pytest
from action_files import COMMIT, TOOL
from projects import Project
from running import Runner

pytestmark = [pytest.mark.actions, pytest.mark.node]

HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "x\n::set-output name=verdict::passed",
    "x\nverdict=passed",
    "--help",
    "-x; touch pwned",
    "${{ github.token }}",
]


def job(*steps: str, before: str = "") -> str:
    """A workflow with one job that checks out and sets up, then takes these steps."""
    told = "\n".join(steps)
    return f"""\
name: sample
on: push
permissions: {{}}
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          fetch-depth: 0
          persist-credentials: false
      - uses: {TOOL}/actions/setup@{COMMIT}
{before}{told}
"""


def use(action: str, **inputs: str) -> str:
    """A step that uses an action of ours."""
    lines = [f"      - name: {action}", f"        id: {action}"]
    lines.append(f"        uses: {TOOL}/actions/{action}@{COMMIT}")
    given = [f"          {name.replace('_', '-')}: {json.dumps(v)}" for name, v in inputs.items()]
    return "\n".join([*lines, *(["        with:", *given] if given else [])])


@pytest.fixture
def shop(project: Project) -> Project:
    """A project with two workstreams and a gate that is red where bad.txt says so."""
    code = (
        "import pathlib, sys\n"
        "if pathlib.Path('bad.txt').exists():\n    sys.exit('bad.txt:1: it is bad')"
    )
    check = {"name": "no-bad", "command": [sys.executable, "-S", "-c", code]}
    project.configure(gates={"static": [check]})
    project.settings.pop("paths")
    project.write("pipeline.yaml", json.dumps(project.settings))
    project.writes("one", "one.txt", "1\n")
    project.writes("two", "two.txt", "2\n")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "Configure")
    return project


@pytest.fixture
def runner(shop: Project, tmp_path: Path) -> Runner:
    """A runner whose events come from a push to the shop's main branch."""
    bare = tmp_path / "shop.git"
    shop.git("clone", "--quiet", "--bare", str(shop.top), str(bare))
    github = {
        "repository": "octo/shop",
        "repository_owner": "octo",
        "ref": "refs/heads/main",
        "ref_name": "main",
        "sha": shop.git("rev-parse", "HEAD"),
        "actor": "alice",
        "event_name": "push",
        "event": {},
        "server_url": "https://github.com",
        "api_url": "https://api.github.com",
        "run_id": "1",
        "run_number": "1",
        "run_attempt": "1",
        "workflow": "sample",
    }
    return Runner(tmp_path, {"octo/shop": bare.as_uri()}, github)


def test_validate_and_run_tell_what_became_of_it(runner: Runner) -> None:
    done = runner.run(job(use("validate"), use("run", only="one two", jobs="2")))["one"]
    assert done.result == "success", done.text
    assert done.step("validate").outputs == {"valid": "true"}
    assert done.step("run").outputs["status"] == "completed"
    assert len(done.step("run").outputs["run-id"]) == 26


def test_what_is_invalid_fails_and_says_so(runner: Runner, shop: Project, tmp_path: Path) -> None:
    before = "      - run: echo '{}' > workstreams/broken.json\n"
    done = runner.run(job(use("validate"), before=before))["one"]
    assert done.result == "failure"
    assert done.step("validate").outputs == {"valid": "false"}
    assert "broken.json" in done.text


def test_a_gate_says_its_verdict_green_and_red(runner: Runner, shop: Project) -> None:
    red = "      - run: |\n          echo x > bad.txt; git add bad.txt; git commit -qm bad\n"
    green = runner.run(job(use("static-gate"), use("runtime-gate")))["one"]
    assert green.result == "success", green.text
    assert green.step("static-gate").outputs["verdict"] == "passed"
    done = runner.run(job(use("static-gate"), before=red))["one"]
    assert done.result == "failure"
    assert done.step("static-gate").outputs["verdict"] == "failed"
    older = runner.run(job(use("static-gate", commit="HEAD~1"), before=red))["one"]
    assert older.step("static-gate").outputs["verdict"] == "passed"


def test_nothing_that_is_given_is_executed(runner: Runner, tmp_path: Path) -> None:
    """What strangers may choose (branches, titles, comments) comes by the event, as on GitHub."""
    runner.github["event"] = {"hostile": HOSTILE}
    steps = []
    for number in range(len(HOSTILE)):
        given = f"${{{{ github.event.hostile[{number}] }}}}"
        steps += [use("static-gate", commit=given), use("run", only=given, base=given, jobs=given)]
    forgiving = [
        f"{step}\n        continue-on-error: true".replace(f"id: {name}", f"id: step-{number}")
        for number, step in enumerate(steps)
        for name in [step.split("name: ")[1].split("\n")[0]]
    ]
    done = runner.run(job(*forgiving))["one"]
    assert {step.outcome for step in done.steps[2:]} == {"failure"}, done.text
    assert len(done.steps) == 2 + 2 * len(HOSTILE)
    assert list(tmp_path.rglob("pwned")) == []
    assert {step.outputs.get("verdict", "fault") for step in done.steps[2:]} == {"fault"}
    orders = {one["name"] for step in done.all() for one in step.orders}
    assert orders <= {"group", "endgroup"}


def test_the_harness_itself_executes_what_is_not_quoted(runner: Runner, tmp_path: Path) -> None:
    """Else the test above could not fail."""
    runner.github["head_ref"] = "$(touch pwned)"
    done = runner.run(job("      - run: echo ${{ github.head_ref }}"))["one"]
    assert done.result == "success"
    assert len(list(tmp_path.rglob("pwned"))) == 1
    noisy = job("      - id: x\n        run: printf '::set-output name=a::b'")
    assert runner.run(noisy)["one"].steps[-1].outputs == {"a": "b"}


def test_setup_installs_this_very_checkout_and_shadows_no_python(runner: Runner) -> None:
    runner.is_installed = False
    look = "      - run: pipeline --version; command -v pipeline; command -v pip || true"
    done = runner.run(job(look))["one"]
    assert done.result == "success", done.text
    version = done.steps[1].outputs["version"]
    said, pipeline, *pip = done.steps[-1].log.splitlines()
    assert said == f"git-pipeline {version}"
    assert Path(pipeline).parent.name == "commands"
    assert sorted(path.name for path in Path(pipeline).parent.iterdir()) == [
        "git-pipeline",
        "pipeline",
    ]
    assert str(runner.temp) not in "".join(pip)
