"""Publishing a run: everything is there once, and the same again when done again."""

import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import publishing_world
import pytest
from fakehub import contract
from publishing_world import FIRST, LOUD, SECOND, World, make_world
from small_run import git

from pipeline.base.git import Repository
from pipeline.cli import main
from pipeline.flow.publishing_view import view_of
from pipeline.model.config import Config
from pipeline.model.publishing import Outcome, PublishReport, PublishStatus
from pipeline.planning.configuration import load_config
from pipeline.report.github.artifact import read_artifact
from pipeline.report.github.comments import progress_comments
from pipeline.report.github.view import Place
from pipeline.store.layout import Layout
from pipeline.store.publications import publications
from pipeline.store.records import Records


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A run to publish; no request may have broken GitHub's description."""
    made = make_world(tmp_path)
    for name, value in made.variables().items():
        monkeypatch.setenv(name, value)
    yield made
    violations = made.fake.violations()
    made.fake.stop()
    assert violations == []


@pytest.fixture
def cli(world: World, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """``pipeline ARGUMENTS…`` in the clone, with the token in the environment."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main([*arguments, "--repo", str(world.top)])
        return (int(code), *capfd.readouterr())

    return run


def reasons(report: PublishReport) -> list[str]:
    """Why things were not published."""
    return [one.reason for one in report.items if one.outcome is Outcome.FAILED]


def conclusions(world: World) -> dict[str, str]:
    return {one["name"]: one["conclusion"] for one in world.fake.state()["check_runs"].values()}


def test_everything_is_there_once_and_once_more_changes_nothing(world: World) -> None:
    report = world.publish()

    assert reasons(report) == []
    assert {one.outcome for one in report.items} == {Outcome.CREATED, Outcome.UPDATED}
    assert [r for r in world.fake.state()["refs"] if r.startswith("refs/pipeline/")] == [
        f"refs/pipeline/archive/{world.run_id}"
    ]
    found = conclusions(world)
    assert found["pipeline / runtime / first"] == "success"
    assert found["pipeline / runtime / loud"] == "failure"
    assert found[f"pipeline / run / {world.run_id}"] == "failure"
    titles = {one["title"] for one in world.fake.state()["issues"].values() if not one["pull"]}
    assert titles == {"The epic", "Quarantined: Do loud (loud)"}
    # One on each pull request, one on the issue that a bundle names.
    assert len(world.fake.state()["comments"]) == 4
    pulls = world.pulls
    bases = {head: one["pull"]["base"] for head, one in pulls.items()}
    assert bases == {FIRST: "main", SECOND: FIRST, LOUD: "main"}
    drafts = {head: one["pull"]["draft"] for head, one in pulls.items()}
    assert drafts == {FIRST: False, SECOND: True, LOUD: True}
    assert pulls[FIRST]["labels"] == ["pipeline", "epic:shop"]
    # The one below was made first: it learned the number of the one above afterwards.
    assert f"#{pulls[SECOND]['number']}" in pulls[FIRST]["body"]

    events = events_of(world)
    world.fake.clear_log()
    again = world.publish()

    assert world.writes() == []
    assert {one.outcome for one in again.items} == {Outcome.UNCHANGED}
    assert events_of(world) == events

    with Records(world.layout) as records:
        known = publications(records, world.run_id)
    forget(world)
    world.publish()

    assert world.writes() == [], "what the store forgot is found again"
    with Records(world.layout) as records:
        assert len(publications(records, world.run_id)) == len(known)


def forget(world: World) -> None:
    """Lose what the store knows of what was published."""
    with closing(sqlite3.connect(world.layout.database)) as connection, connection:
        connection.execute("DELETE FROM publications")


def events_of(world: World) -> list[str]:
    with Records(world.layout) as records:
        return [e.type.value for e in records.events(world.run_id) if "publish" in e.type.value]


def test_a_merged_dependency_is_no_base_any_more(world: World) -> None:
    world.publish()
    number = world.pulls[FIRST]["number"]
    ask(world, "PUT", f"pulls/{number}/merge", {})

    report = world.publish()

    assert world.pulls[SECOND]["pull"]["base"] == "main"
    left = [one for one in report.items if one.outcome is Outcome.LEFT_ALONE]
    assert [one.name for one in left] == [FIRST]

    ask(world, "DELETE", f"git/refs/heads/{FIRST}", None)
    for _ in range(2):
        world.fake.clear_log()
        report = world.publish()
    assert report.status is PublishStatus.COMPLETE
    assert world.writes() == [], "what was deleted after its merge does not come back"


def test_what_a_person_closed_stays_closed(world: World) -> None:
    world.publish()
    quarantine = next(
        one["number"]
        for one in world.fake.state()["issues"].values()
        if one["title"].startswith("Quarantined")
    )
    for number in (world.pulls[LOUD]["number"], quarantine):
        ask(world, "PATCH", f"issues/{number}", {"state": "closed"})
    world.fake.clear_log()

    report = world.publish()

    assert world.writes() == []
    assert report.status is PublishStatus.COMPLETE


def ask(world: World, method: str, path: str, body: object, token: str = "") -> Any:
    from pipeline.land.github.client import GitHub

    fake = world.fake
    with GitHub(fake.api_url, fake.repo, token or fake.token, pause_s=0) as hub:
        return hub.request(method, path, body=body)


def test_somebody_elses_commits_are_never_overwritten(world: World) -> None:
    theirs = world.fake.commit(FIRST, {"theirs.txt": "theirs\n"})

    report = world.publish()

    assert world.fake.state()["refs"][f"refs/heads/{FIRST}"] == theirs
    failed = {one.name for one in report.items if one.outcome is Outcome.FAILED}
    assert failed == {
        FIRST,
        *(f"pipeline / {gate} / first" for gate in ("static", "runtime", "landing")),
    }
    assert FIRST not in world.pulls
    assert SECOND in world.pulls


def test_the_work_of_an_engine_that_is_not_known_here_is_replaced(world: World) -> None:
    """As in a job of CI, whose clone knows nothing of the run before."""
    who = "git-pipeline <git-pipeline@localhost> 1700000000 +0000"
    tree, parent = world.git("rev-parse", "main^{tree}"), world.git("rev-parse", "main")
    commit = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nDo first\n"
    made = git(world.top, "hash-object", "-t", "commit", "-w", "--stdin", stdin=commit.encode())
    world.git("push", "--quiet", world.fake.git_url_with("ghs_good"), f"{made}:refs/heads/{FIRST}")

    report = world.publish()

    assert reasons(report) == []
    assert world.fake.state()["refs"][f"refs/heads/{FIRST}"] != made


def test_the_work_of_a_person_is_left_whatever_a_record_says_of_it(world: World) -> None:
    made = git(world.top, "commit-tree", "main^{tree}", "-p", "main", "-m", "By hand")
    world.git("push", "--quiet", world.fake.git_url_with("ghs_good"), f"{made}:refs/heads/{FIRST}")
    with closing(sqlite3.connect(world.layout.database)) as connection, connection:
        connection.execute(
            "INSERT INTO publications VALUES (?, 'first', 'branch', ?, ?, 0, '', ?, "
            "'pushed', '', '2026-01-01T00:00:00.000000Z')",
            (world.run_id, FIRST, world.fake.repo, made),
        )

    report = world.publish()

    (told,) = (one for one in reasons(report) if one.startswith("Somebody put"))
    assert told.startswith(f"Somebody put {made[:12]} on {FIRST}, which is left as it is.")
    assert "`pipeline sync --rebuild`" in told
    assert world.fake.state()["refs"][f"refs/heads/{FIRST}"] == made


def test_findings_are_uploaded_once(world: World) -> None:
    world.publish(sarif=True)
    world.publish(sarif=True)

    uploads = [one for one in world.fake.log(writes=True) if one.path.endswith("/sarifs")]
    assert len(uploads) == 3
    assert {one.body["ref"] for one in uploads} == {
        f"refs/heads/{h}" for h in (FIRST, SECOND, LOUD)
    }


def test_a_changed_text_is_put_right_in_place(world: World) -> None:
    world.publish()
    comment = next(iter(world.fake.state()["comments"].values()))
    ask(world, "PATCH", f"issues/comments/{comment['id']}", {"body": f"{comment['body']}\nx"})
    world.fake.clear_log()

    world.publish()

    assert world.writes() == [f"PATCH /repos/octo/shop/issues/comments/{comment['id']}"]


def test_what_needs_a_person_is_found_in_git_and_not_in_the_record(tmp_path: Path) -> None:
    source, run_id = publishing_world.made()
    shutil.copytree(source, tmp_path / "clone", symlinks=True)
    layout = Layout(tmp_path / "clone", tmp_path / "clone" / ".git")
    with closing(sqlite3.connect(layout.database)) as connection, connection:
        connection.execute("DELETE FROM patches")

    found = {}
    with Repository.discover(tmp_path / "clone") as repo, Records(layout) as records:
        for job in ({}, {"GITHUB_ACTIONS": "true"}):
            view = view_of(
                repo, records, load_config(layout.top).config, job,
                run_id=run_id, api_url="https://api.github.com", repository="octo/shop",
            )  # fmt: skip
            found[bool(job)] = {ws.id: ws.protected for ws in view.workstreams}

    assert found[False] == {"first": (), "second": (b".github/second.yml",), "loud": ()}
    assert found[True] == found[False], "its bundles are those of the base commit"


def test_a_job_that_asks_for_something_else_needs_a_person_and_names_no_issue(
    tmp_path: Path,
) -> None:
    source, run_id = publishing_world.made()
    shutil.copytree(source, tmp_path / "clone", symlinks=True)
    layout = Layout(tmp_path / "clone", tmp_path / "clone" / ".git")
    with closing(sqlite3.connect(layout.database)) as connection, connection:
        ((digest, content),) = connection.execute("SELECT * FROM plans").fetchall()
        plan = json.loads(zlib.decompress(content))
        for ws in plan["workstreams"]:
            if ws["id"] == "first":
                ws.update(source="", ccpm_issue="#77")
        plan["config"]["gates"] = {}
        data = json.dumps(plan, sort_keys=True, separators=(",", ":")).encode()
        connection.execute("PRAGMA foreign_keys = OFF")
        other = hashlib.sha256(data).hexdigest()
        connection.execute("UPDATE plans SET digest = ?, content = ?", (other, zlib.compress(data)))
        connection.execute("UPDATE runs SET plan_digest = ?", (other,))

    with Repository.discover(layout.top) as repo, Records(layout) as records:
        view = view_of(
            repo, records, load_config(layout.top).config, {"GITHUB_ACTIONS": "true"},
            run_id=run_id, api_url="https://api.github.com", repository="octo/shop",
        )  # fmt: skip

    assert digest != other
    assert view.workstream("first").protected == (b"first", b"pipeline.yaml")
    assert view.workstream("loud").protected == (b"pipeline.yaml",)
    assert progress_comments(view) == {}


def test_names_that_the_checkout_protects_need_a_person_whatever_the_base_commit_says(
    tmp_path: Path,
) -> None:
    source, run_id = publishing_world.made()
    shutil.copytree(source, tmp_path / "clone", symlinks=True)
    layout = Layout(tmp_path / "clone", tmp_path / "clone" / ".git")
    config = load_config(layout.top).config
    config = replace(config, policy=replace(config.policy, protected=("first.txt",)))

    with Repository.discover(layout.top) as repo, Records(layout) as records:
        view = view_of(
            repo, records, config, {},
            run_id=run_id, api_url="https://api.github.com", repository="octo/shop",
        )  # fmt: skip

    assert view.workstream("first").protected == (b"first.txt",)
    assert view.workstream("second").protected == (b".github/second.yml",)


@pytest.mark.parametrize(("holds_base", "base"), [(True, "release"), (False, "main")])
def test_a_record_names_the_base_branch_only_where_that_holds_the_base_commit(
    tmp_path: Path, holds_base: bool, base: str
) -> None:
    source, run_id = publishing_world.made()
    top = tmp_path / "clone"
    shutil.copytree(source, top, symlinks=True)
    layout = Layout(top, top / ".git")
    tip = "main" if holds_base else git(top, "commit-tree", "main^{tree}", "-m", "Another line")
    git(top, "update-ref", "refs/remotes/origin/release", tip)
    with closing(sqlite3.connect(layout.database)) as connection, connection:
        connection.execute("UPDATE runs SET base_ref = 'release'")

    with Repository.discover(top) as repo, Records(layout) as records:
        view = view_of(
            repo, records, load_config(top).config, {},
            run_id=run_id, api_url="https://api.github.com", repository="octo/shop",
        )  # fmt: skip

    assert view.place.base == base


def test_a_record_cannot_send_comments_to_pull_requests_of_others(world: World) -> None:
    theirs = ask(world, "POST", "issues", {"title": "Somebody's"})["number"]
    with closing(sqlite3.connect(world.layout.database)) as connection, connection:
        connection.execute(
            "INSERT INTO publications VALUES (?, 'loud', 'pull_request', 'topic', ?, ?, '', '', "
            "'open', '', '2026-01-01T00:00:00.000000Z')",
            (world.run_id, world.fake.repo, theirs),
        )

    world.publish()

    told = {one["number"] for one in world.fake.state()["comments"].values()}
    assert told == {1, *(one["number"] for one in world.pulls.values())}


def test_a_draft_becomes_ready(world: World) -> None:
    world.publish(draft="always")
    world.fake.clear_log()

    report = world.publish(draft="never")

    assert {one["pull"]["draft"] for one in world.pulls.values()} == {False}
    assert report.status is PublishStatus.COMPLETE


def test_one_pull_request_for_the_run(world: World) -> None:
    world.publish(pull_requests="run")
    world.publish(pull_requests="run")

    assert set(world.pulls) == {f"pipeline/{world.run_id}"}


# Rights


def test_statuses_take_the_place_of_check_runs(world: World) -> None:
    world.fake.add_token("ghp_person", login="alice")

    report = world.publish(token="ghp_person")
    events = events_of(world)
    world.fake.clear_log()
    again = world.publish(token="ghp_person")

    assert report.status is PublishStatus.COMPLETE
    assert len(report.degraded) == 1
    assert [one for one in world.writes() if not one.endswith("/check-runs")] == []
    assert events_of(world) == events
    statuses = world.fake.state()["statuses"]
    assert {one["context"]: one["state"] for one in statuses}["pipeline / runtime / loud"] == (
        "failure"
    )
    assert len(statuses) == len({(one["sha"], one["context"]) for one in statuses})
    assert world.fake.state()["check_runs"] == {}
    assert again.status is PublishStatus.COMPLETE


def test_what_is_not_allowed_is_told_by_other_ways(
    world: World, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rights = {"contents": "write", "pull_requests": "write"}
    world.fake.add_token("ghs_few", rights=rights)
    summary = tmp_path / "summary.md"
    job = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}

    report = world.publish(token="ghs_few", environ=job, sarif=True)

    assert report.status is PublishStatus.PARTIAL
    kinds = {one.kind.value for one in report.items if one.outcome is Outcome.FAILED}
    assert {"status", "issue", "sarif"} <= kinds
    assert "::notice::1 more finding not shown here" in capfd.readouterr().err
    assert "loud" in summary.read_text()
    content = (world.layout.run_dir(world.run_id) / "report.json").read_bytes()
    assert read_artifact(content, config=Config(), place=Place()).run_id == world.run_id
    assert len(report.degraded) == 4
    assert set(world.pulls) == {FIRST, SECOND, LOUD}
    assert "publish_failed" in events_of(world)


def test_a_limit_that_lasts_too_long_ends_it(world: World) -> None:
    world.fake.limit(remaining=3, reset_in=3600)

    report = world.publish(wait_s=10)

    assert report.status is PublishStatus.PARTIAL
    # Git has no limit of this kind; the API is not asked again and again.
    assert len([one for one in world.fake.log() if one.path.startswith("/repos/")]) < 8
    world.fake.limit(remaining=5000)
    assert world.publish().status is PublishStatus.COMPLETE


def test_nothing_that_answers_is_unreachable(world: World) -> None:
    world.fake.fail("*", "", "cut", times=-1)

    assert world.publish().status is PublishStatus.UNREACHABLE

    world.fake.heal()
    assert world.publish().status is PublishStatus.COMPLETE


# Faults

PLACES = (
    ("GET", "/pulls$"),
    ("POST", "/pulls$"),
    ("POST", "/labels$"),
    ("PATCH", "/pulls/"),
    ("GET", "/check-runs$"),
    ("POST", "/check-runs$"),
    ("GET", "/comments$"),
    ("POST", "/comments$"),
    ("GET", "/issues$"),
    ("POST", "/issues$"),
    ("GET", "/user$"),
    ("POST", "/git-receive-pack$"),
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is there when nothing goes wrong."""
    made = make_world(tmp_path_factory.mktemp("undisturbed"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in made.variables().items():
            patch.setenv(name, value)
        assert reasons(made.publish()) == []
    facts = made.facts
    made.fake.stop()
    return facts


@pytest.mark.parametrize("what", ["cut", "cut after"])
def test_a_fault_at_every_kind_of_request_is_overcome(
    world: World, undisturbed: dict[str, Any], what: int | str
) -> None:
    for method, pattern in PLACES:
        world.fake.fail(method, pattern, what)

    world.publish()
    world.publish()

    assert world.facts == undisturbed


@pytest.mark.parametrize("what", [403, 422])
def test_a_refusal_at_every_kind_of_request_is_made_up_for(
    world: World, undisturbed: dict[str, Any], what: int
) -> None:
    for method, pattern in PLACES:
        world.fake.fail(method, pattern, what)

    world.publish()
    world.fake.heal()
    world.publish()

    facts = world.facts
    assert facts == undisturbed


@pytest.mark.kill
def test_killed_after_whatever_write_it_converges(
    world: World, undisturbed: dict[str, Any]
) -> None:
    driver = Path(__file__).with_name("publish_killed.py")
    arguments = [sys.executable, str(driver), "publish", "--format", "json"]

    done = subprocess.run(
        [*arguments, "--repo", str(world.top)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout.rpartition("killed ")[2]) > 5
    assert world.facts == undisturbed


# The command line


def test_a_dry_run_writes_nothing_anywhere(world: World, cli: Any) -> None:
    before = world.layout.database.read_bytes()

    code, out, _ = cli("publish", "--dry-run")

    assert code == 0
    assert world.writes() == []
    assert world.layout.database.read_bytes() == before
    told = [line for line in out.splitlines() if line.startswith(("POST", "PATCH", "PUSH"))]
    counts = {word: sum(word in line for line in told) for word in ("PUSH", "/pulls", "/comments")}
    assert counts == {"PUSH": 5, "/pulls": 3, "/comments": 4}
    assert "ghs_good" not in out


def test_every_request_of_a_dry_run_keeps_to_the_description(
    world: World, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIPELINE_GITHUB_TOKEN")

    code, out, _ = cli("publish", "--dry-run")

    requests = re.findall(r"^(GET|POST|PATCH) (/\S+)\n((?:[{ }].*\n|\}\n)*)", out, re.MULTILINE)
    assert code == 0
    assert len(requests) > 20
    for method, path, body in requests:
        plain, _, query = path.partition("?")
        found = contract.Request(method, plain, query, {}, body.encode())
        assert contract.request_violations(found) == [], (method, path)


def test_json_is_of_its_schema_and_says_where_things_are(world: World, cli: Any) -> None:
    from pipeline.base.schema import fast_check

    code, out, _ = cli("publish", "--format", "json")

    assert code == 0
    assert fast_check("publication.v1.json")(json.loads(out))
    _, shown, _ = cli("show-run")
    assert f"/pull/{world.pulls[FIRST]['number']}" in shown
    _, shown, _ = cli("show-run", "--format", "json")
    document = json.loads(shown)
    assert fast_check("run_summary.v1.json")(document)
    assert len(document["publications"]) == len(json.loads(out)["items"]) - 1, "but the journal"


def test_what_failed_is_listed_and_exits_1(world: World, cli: Any) -> None:
    world.fake.fail("POST", "/pulls$", 422, times=-1)

    code, out, _ = cli("publish")

    assert code == 1
    assert f"pull request {FIRST}" in out
    assert out.count(FIRST) == 2, "as a branch, and once where it failed"
    world.fake.heal()
    assert cli("publish")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--repository", "octo/other"], {}),
        ([], {"GITHUB_REPOSITORY": "octo/other"}),
        ([], {"GITHUB_API_URL": "https://ghe.example/api/v3"}),
    ],
)
def test_another_repository_is_refused_before_anything_is_sent(
    world: World,
    cli: Any,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    variables: dict[str, str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    code, _, err = cli("publish", *arguments)

    assert code == 2
    assert "nothing was published" in err
    assert world.fake.log() == []


def test_enterprise_servers_have_their_api_below_a_path(
    world: World, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_API_URL", f"{world.fake.api_url}/api/v3")

    assert cli("publish")[0] == 0
    assert set(world.pulls) == {FIRST, SECOND, LOUD}


def test_no_token_is_bad_input(world: World, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIPELINE_GITHUB_TOKEN")

    code, _, err = cli("publish")

    assert code == 2
    assert "GITHUB_TOKEN" in err


def test_a_run_publishes_and_keeps_its_exit_code(world: World, cli: Any) -> None:
    world.fake.fail("POST", "/pulls$", 422, times=-1)

    code, _, err = cli("run", "--publish", "--quiet", "--only", "first")

    assert code == 0, "what cannot be published does not change how a run ended"
    assert f"pull request {FIRST}" in err
    assert "failed" in err
    assert len(world.fake.state()["check_runs"]) == 4
