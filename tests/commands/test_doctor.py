"""``doctor`` names what is not fit and how to mend it, and changes nothing."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.git import Repository
from pipeline.store.layout import Layout


def checkups(shown: Any) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for checkup in json.loads(shown.out)["checkups"]:
        found.setdefault(checkup["name"], []).append(checkup)
    return found


@pytest.fixture
def doctor(pipeline: Callable[..., Any], checkout: Path) -> Callable[[], Any]:
    return lambda: pipeline("doctor", "--format", "json", "--repo", checkout)


def bundle(checkout: Path, **fields: Any) -> None:
    (checkout / "workstreams").mkdir()
    whole = {
        "id": "a",
        "tasks": ["Do it."],
        "files_create": ["a.txt"],
        "tool_args": {"command": "true"},
        "acceptance_tests": ["true"],
        **fields,
    }
    (checkout / "workstreams" / "a.json").write_text(json.dumps(whole))


def test_a_sound_repository_is_fit(
    pipeline: Callable[..., Any], doctor: Callable[[], Any], checkout: Path
) -> None:
    bundle(checkout)
    shown = doctor()
    assert shown.code == 0
    assert set(checkups(shown)) == {
        "git", "sqlite", "repository", "branches", "state", "slots", "database", "lock",
    }  # fmt: skip
    assert not (checkout / ".pipeline").exists()
    text = pipeline("doctor", "--repo", checkout)
    assert all(line.split()[0] in {"ok", "note"} for line in text.lines)


def test_where_it_is_published_to_and_what_is_missing_for_that(
    doctor: Callable[[], Any],
    checkout: Path,
    git: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle(checkout)
    for name in ("PIPELINE_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("GITHUB_API_URL", raising=False)
    git(checkout, "remote", "add", "origin", "https://github.com/octo/shop.git")

    shown = doctor()
    (found,) = checkups(shown)["publish"]
    assert shown.code == 0 and found["fitness"] == "note"
    assert "no token" in found["message"] and "GITHUB_TOKEN" in found["remedy"]

    monkeypatch.setenv("GH_TOKEN", "ghp_hidden")
    (found,) = checkups(doctor())["publish"]
    assert found["fitness"] == "ok"
    assert found["message"] == "octo/shop at https://api.github.com, with GH_TOKEN"

    git(checkout, "remote", "set-url", "origin", "https://forge.example/octo/shop.git")
    assert "publish" not in checkups(doctor()), "nobody publishes there"


def test_a_branch_in_the_way_is_named_with_the_remedy(
    doctor: Callable[[], Any], checkout: Path, git: Callable[..., str]
) -> None:
    bundle(checkout)
    git(checkout, "branch", "ws")
    shown = doctor()
    (found,) = checkups(shown)["branches"]
    assert shown.code == 3 and found["fitness"] == "bad"
    assert "git branch -m ws ws-old" in found["remedy"]
    (checkout / "pipeline.yaml").write_text("paths: {ws_prefix: work}\n")
    assert doctor().code == 0


def test_a_missing_tool_is_named_with_who_needs_it(
    doctor: Callable[[], Any], checkout: Path
) -> None:
    (checkout / "pipeline.yaml").write_text(
        "tools:\n"
        "  agent: {command: [no-such-agent, --go]}\n"
        "  unused: {command: [no-such-either]}\n"
        "  template: {command: ['{program}']}\n"
        "gates:\n"
        "  runtime: [{name: tests, command: [no-such-checker, x]}, {name: s, command: 'x | y'}]\n"
    )
    bundle(checkout, tool="agent", tool_args={})
    shown = doctor()
    messages = [c["message"] for c in checkups(shown)["tools"] if c["fitness"] == "bad"]
    assert shown.code == 3
    assert messages == [
        "no-such-agent is missing (tool agent).",
        "no-such-checker is missing (check tests).",
    ]


def test_a_damaged_database_is_told(
    doctor: Callable[[], Any], checkout: Path, layout: Layout
) -> None:
    bundle(checkout)
    layout.state_dir.mkdir()
    layout.database.write_bytes(b"SQLite format 3\0" + os.urandom(8000))
    before = layout.database.read_bytes()
    shown = doctor()
    assert shown.code == 3 and checkups(shown)["database"][0]["fitness"] == "bad"
    assert layout.database.read_bytes() == before


def test_a_sound_database_and_a_live_owner_are_told(
    doctor: Callable[[], Any], checkout: Path, mixed: Any
) -> None:
    bundle(checkout)
    shown = doctor()
    assert shown.code == 0
    assert checkups(shown)["database"][0]["message"].endswith("is whole")
    (lock,) = checkups(shown)["lock"]
    assert lock["fitness"] == "note" and f"process {os.getpid()}" in lock["message"]


def test_kinds_of_checkouts_are_told(
    pipeline: Callable[..., Any], checkout: Path, tmp_path: Path, git: Callable[..., str]
) -> None:
    (checkout / "app.py").write_text("changed\n")
    linked = tmp_path / "linked"
    git(checkout, "worktree", "add", "--quiet", "--detach", str(linked))
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{checkout}", "shallow")
    for top, name, part in (
        (checkout, "changes", "1 tracked file differ"),
        (linked, "checkout", "linked worktree"),
        (tmp_path / "shallow", "history", "shallow"),
    ):
        shown = pipeline("doctor", "--format", "json", "--repo", top)
        assert part in checkups(shown)[name][0]["message"]
    with Repository.discover(checkout) as repository:
        assert repository.changed_paths() == (b"app.py",)


@pytest.mark.parametrize("kind", ["none", "bare", "unborn"])
def test_what_is_no_repository_to_work_on_exits_3(
    pipeline: Callable[..., Any], tmp_path: Path, git: Callable[..., str], kind: str
) -> None:
    top = tmp_path / kind
    top.mkdir()
    if kind != "none":
        git(top, "init", "--quiet", *(["--bare"] if kind == "bare" else []))
    shown = pipeline("doctor", "--format", "json", "--repo", top)
    (found,) = checkups(shown)["repository"]
    assert shown.code == 3 and found["fitness"] == "bad" and found["remedy"]


def test_wrong_bundles_are_counted_and_left_to_validate(
    doctor: Callable[[], Any], checkout: Path
) -> None:
    bundle(checkout, colour="red")
    shown = doctor()
    (found,) = checkups(shown)["specification"]
    assert shown.code == 3 and "pipeline validate" in found["remedy"]
