"""The workflows of the READMEs hold to the linters and do what they promise on a fake GitHub."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import linters
import pytest
import yaml
from action_files import NAMES, example
from fakehub.starting import Fake, start
from running import Job, Runner

pytestmark = [pytest.mark.actions, pytest.mark.node]

LOUD = """
import pathlib, sys
for path in sorted(pathlib.Path().glob("*.txt")):
    if "loud" in path.read_text():
        print(f"{path}:1:1: LOUD it is loud")
        sys.exit(1)
"""


def bundle(ws_id: str, code: str, **fields: Any) -> str:
    command = [sys.executable, "-S", "-c", code]
    return json.dumps({
        "id": ws_id, "title": f"Do {ws_id}", "tasks": [f"do {ws_id}"],
        "acceptance_tests": [[sys.executable, "-S", "-c", "pass"]],
        "tool_args": {"command": command}, **fields,
    })  # fmt: skip  # a table reads better in rows


FILES = {
    "README.md": "# Shop\n",
    "pipeline.yaml": json.dumps({
        "gates": {
            name: [{"name": f"quiet-{name}", "command": [sys.executable, "-S", "-c", LOUD]}]
            for name in ("static", "runtime")
        },
        "repair": {"reruns": 0},
    }),
    "workstreams/hello.json": bundle(
        "hello", "open('hello.txt', 'w').write('hello')", files_create=["hello.txt"]
    ),
    "workstreams/shout.json": bundle(
        "shout", "open('shout.txt', 'w').write('loud')", files_create=["shout.txt"], fix=[]
    ),
    "deploy.sh": '#!/bin/sh\necho "$VERSION" > "$STATE/running"\n',
    "healthy.sh": '#!/bin/sh\n! grep -q bad "$STATE/running"\n',
}  # fmt: skip  # a table reads better in rows


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Fake]:
    """A GitHub with a shop that has two workstreams; one of them cannot land."""
    fake = start(tmp_path / "hub", files=FILES)
    yield fake
    broken = fake.violations()
    fake.stop()
    assert broken == []


@pytest.fixture
def runner(hub: Fake, tmp_path: Path) -> Runner:
    sha = hub.state()["refs"]["refs/heads/main"]
    github = {
        "repository": "octo/shop",
        "repository_owner": "octo",
        "ref": "refs/heads/main",
        "ref_name": "main",
        "sha": sha,
        "actor": "alice",
        "event_name": "push",
        "event": {"repository": {"default_branch": "main", "full_name": "octo/shop"}},
        "server_url": hub.url,
        "api_url": hub.api_url,
        "run_id": "77",
        "run_number": "1",
        "run_attempt": "1",
        "workflow": "example",
    }
    quick = {"PIPELINE_GITHUB_PAUSE_S": "0"}  # GitHub wants a second between two writes
    return Runner(tmp_path, {"octo/shop": hub.git_url}, github, environ=quick)


def written(hub: Fake) -> list[str]:
    """What was written, by method and path; fetching is a POST too."""
    lines = hub.log(writes=True)
    return [f"{one.method} {one.path}" for one in lines if "git-upload-pack" not in one.path]


def rights(job: dict[str, Any]) -> dict[str, str]:
    """The rights of a job, as the fake spells them."""
    return {name.replace("-", "_"): level for name, level in job["permissions"].items()}


def play(name: str, hub: Fake, runner: Runner) -> dict[str, Job]:
    """Run an example; each job has a token with the rights that it declares, and no others."""
    text = example(name)
    for job, definition in yaml.safe_load(text)["jobs"].items():
        runner.tokens[job] = f"ghs_{name}_{job}".replace("-", "_")
        hub.add_token(runner.tokens[job], rights=rights(definition))
    return runner.run(text)


def test_the_linters_find_nothing_in_the_examples(tmp_path: Path) -> None:
    """But the trigger of comments, which zizmor calls dangerous wherever it stands."""
    files = []
    for name in NAMES:
        files.append(tmp_path / f"{name}.yml")
        files[-1].write_text(example(name), encoding="utf-8")
    found = [(Path(one.file).stem, one.rule) for one in linters.zizmor(files)]
    assert found == [("review", "dangerous-triggers")]
    assert linters.schema(files, "workflows") == []
    assert linters.official(files) == []
    assert linters.actionlint(files) == []


def test_setup_and_validate(hub: Fake, runner: Runner) -> None:
    plan = play("setup", hub, runner)["plan"]
    assert plan.result == "success", plan.text
    assert "hello" in plan.step("Show the plan").log
    assert play("validate", hub, runner)["validate"].result == "success"
    assert written(hub) == []


def test_a_red_gate_fails_and_its_findings_are_uploaded_all_the_same(
    hub: Fake, runner: Runner
) -> None:
    assert {job.result for job in play("static-gate", hub, runner).values()} == {"success"}
    runner.github["sha"] = hub.commit("main", {"bad.txt": "loud"})
    done = play("runtime-gate", hub, runner)
    assert (done["gate"].result, done["upload"].result) == ("failure", "success"), done[
        "upload"
    ].text
    (order,) = [one for step in done["gate"].all() for one in step.orders]
    assert (order["name"], order["properties"]["file"]) == ("error", "bad.txt")
    assert "runtime gate is red" in done["gate"].step("Run the runtime gate").steps[0].summary


def test_a_run_is_reported(hub: Fake, runner: Runner) -> None:
    done = play("report", hub, runner)["run"]
    assert done.result == "failure"  # one of two did not land
    assert done.step("Keep the file").outcome == "success", done.text
    assert "hello" in done.step("Sum up").steps[0].summary
    assert done.step("Run").outputs["status"] == "partial"


def test_a_bad_version_is_rolled_back_and_the_record_is_kept(
    hub: Fake, runner: Runner, tmp_path: Path
) -> None:
    runner.environ["STATE"] = str(tmp_path)
    runner.github["event"] |= {"inputs": {"version": "v1"}}
    first = play("deploy", hub, runner)["deploy"]
    assert first.step("Deploy").outputs == {
        "deployed": "true", "rolled-back": "false", "version": "v1"
    }, first.text  # fmt: skip  # one line for one value
    runner.github["event"] |= {"inputs": {"version": "bad; touch pwned"}}
    second = play("deploy", hub, runner)["deploy"]
    assert second.result == "failure"
    assert second.step("Deploy").outputs["rolled-back"] == "true", second.text
    assert (tmp_path / "running").read_text() == "v1\n"
    assert list(tmp_path.rglob("pwned")) == []
    assert "refs/pipeline/deploy/production" in hub.state()["refs"]


def test_a_run_is_handed_over_checked_and_published_with_the_rights_that_it_asks_for(
    hub: Fake, runner: Runner
) -> None:
    runner.github |= {"ref": "refs/heads/workstreams/x", "ref_name": "workstreams/x"}
    runner.github["sha"] = hub.commit("workstreams/x", {"note.txt": "a note"})
    done = play("publish", hub, runner)
    assert (done["run"].result, done["publish"].result) == ("failure", "success"), "\n".join(
        job.text for job in done.values()
    )
    told = done["publish"].step("Publish").outputs
    assert told["status"] == "partial" and told["needs-human"] == "0"
    assert not {line.token for line in hub.log() if "publish" not in line.token} - {""}
    state = hub.state()
    assert "hello" in " ".join(str(one["title"]) for one in state["issues"].values())
    pulls = [path for path in written(hub) if path == "POST /repos/octo/shop/pulls"]
    again = play("publish", hub, runner)["publish"]
    assert again.result == "success", again.text
    assert [one for one in written(hub) if one == pulls[0]] == pulls  # not a second time


def test_what_another_job_handed_over_is_not_believed(hub: Fake, runner: Runner) -> None:
    """A first job under a stranger's control changes the files; nothing is published."""
    text = example("publish").replace(
        "      - name: Hand the run over as files\n",
        "      - name: Tamper\n"
        "        if: ${{ !cancelled() }}\n"
        "        env:\n"
        "          FOLDER: ${{ steps.run.outputs.handover }}\n"
        '        run: printf x >> "$FOLDER/run.bundle"\n'
        "      - name: Hand the run over as files\n",
    )
    assert "Tamper" in text
    for job, definition in yaml.safe_load(text)["jobs"].items():
        runner.tokens[job] = f"ghs_{job}"
        hub.add_token(f"ghs_{job}", rights=rights(definition))
    done = runner.run(text)
    assert done["run"].step("Tamper").outcome == "success"
    assert done["publish"].result == "failure", done["publish"].text
    assert written(hub) == []


def test_a_failed_run_is_repaired_by_a_job_that_may_only_read(hub: Fake, runner: Runner) -> None:
    lint = ["ruff", "check", "--select", "F", "--output-format", "json", "."]
    config = {"gates": {"static": [{"name": "lint", "command": lint, "output": "ruff"}]}}
    hub.commit("main", {"pipeline.yaml": json.dumps(config)})
    runner.github["sha"] = hub.commit("change", {"app.py": "print(f'x')\n"})
    log = "2026-01-02T03:04:06.1234567Z app.py:1:7: F541 [*] f-string without any placeholders\n"
    failed = hub.add_run(
        branch="change", jobs=[{"name": "lint", "conclusion": "failure", "log": log}]
    )
    runner.github |= {"ref": "refs/heads/change", "ref_name": "change"}
    runner.github["event"] |= {"inputs": {"workflow-run": str(failed["id"])}}
    done = play("fix-ci", hub, runner)["fix"]
    assert done.result == "success", done.text
    told = done.step("Find and fix").outputs
    assert (told["found"], told["fixed"], told["fix-rate"]) == ("1", "1", "1.0")
    assert (Path(told["handover"]) / "run.bundle").exists()
    assert written(hub) == []


def test_a_comment_is_answered_and_nothing_in_it_is_executed(
    hub: Fake, runner: Runner, tmp_path: Path
) -> None:
    hub.set_role("wendy", "write")
    for token, login in (("ghp_wendy", "wendy"), ("ghp_rob", "rob")):
        hub.add_token(token, login=login)
    ask = partial(send, hub, "ghp_wendy")
    number = ask("issues", title="x $(touch pwned)")["number"]
    bodies = {
        "/pipeline status": ("failure", "true", "status"),  # there is no run to tell of
        "/pipeline retry $(touch pwned)": ("failure", "true", ""),
        "/pipeline status\n::set-output name=accepted::true": ("failure", "true", "status"),
    }
    for body, expected in bodies.items():
        comment = ask(f"issues/{number}/comments", body=body)["id"]
        runner.github["event"] = hub.event("issue_comment.created", sender="wendy", comment=comment)
        done = play("review", hub, runner)["respond"]
        told = done.step("Answer").outputs
        assert (done.result, told["accepted"], told["verb"]) == expected, done.text
    assert list(tmp_path.rglob("pwned")) == []
    comment = send(hub, "ghp_rob", f"issues/{number}/comments", body="/pipeline cancel")["id"]
    runner.github["event"] = hub.event("issue_comment.created", sender="rob", comment=comment)
    refused = play("review", hub, runner)["respond"]
    assert refused.step("Answer").outputs["accepted"] == "false"
    assert "POST /repos/octo/shop/actions" not in " ".join(written(hub))


def test_nothing_that_is_young_is_cleaned_up(hub: Fake, runner: Runner) -> None:
    done = play("cleanup", hub, runner)["cleanup"]
    assert done.step("Clean up").outputs == {"removed": "0"}, done.text
    assert written(hub) == []


def send(hub: Fake, token: str, path: str, **body: str) -> Any:
    """Write to the fake as somebody."""
    request = urllib.request.Request(
        f"{hub.api_url}/repos/{hub.repo}/{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
