"""``init --github`` writes callers that fit what they call, pinned, and never over anything."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from workflows.workflow_files import call_inputs, jobs, parse, rights, workflow

from pipeline import __version__
from pipeline.commands.init_callers import CALLERS, callers
from pipeline.commands.init_hooks import pre_commit
from pipeline.commands.init_source import ToolSource, source_of

SHA = "3d3c42e5aac5ba805825da76410c181273ba90b1"
SOURCE = ToolSource("octo/git-pipeline", "https://github.com/octo/git-pipeline", SHA)
GIVEN = ("--repository", "octo/git-pipeline", "--ref", SHA)


@pytest.mark.parametrize("name", CALLERS)
def test_a_caller_fits_what_it_calls(name: str) -> None:
    caller = parse(callers(SOURCE, ["ci"])[name])
    assert caller["permissions"] == {}
    ((_, job),) = jobs(caller)
    called, _, commit = job["uses"].partition("@")
    assert commit == SHA
    assert called == f"octo/git-pipeline/.github/workflows/{name}"
    declared = call_inputs(name)
    assert set(job.get("with", {})) <= set(declared)
    assert {key for key, value in declared.items() if value.get("required")} <= set(
        job.get("with", {})
    )
    assert job["permissions"] == rights(workflow(name)), "GitHub refuses a call that grants less"
    assert caller["concurrency"]["group"] != workflow(name)["concurrency"]["group"], "a deadlock"
    assert "@" not in re.sub(
        r"@[0-9a-f]{40} # ", "", "\n".join(callers(SOURCE, ["ci"])[name].splitlines()[2:])
    )


def test_what_guards_a_called_workflow_is_in_its_caller_too() -> None:
    """The trigger that zizmor calls dangerous, and the conditions that make it harmless."""
    texts = callers(SOURCE, ["ci"])
    review = parse(texts["review.yml"])
    assert review["on"]["issue_comment"]["types"] == ["created"]
    condition = " ".join(review["jobs"]["review"]["if"].split())
    assert condition in " ".join(workflow("review.yml")["jobs"]["respond"]["if"].split())
    fix = parse(texts["fix-ci.yml"])["jobs"]["fix-ci"]["if"]
    for part in (
        "head_repository.id == github.event.repository.id",
        "actor.type == 'User'",
        "'pipeline/'",
    ):
        assert part in fix


def test_they_are_written_once_and_say_what_to_do(
    pipeline: Callable[..., Any], checkout: Path
) -> None:
    folder = checkout / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "tests.yml").write_text("name: all tests\non: push\n")
    (folder / "cleanup.yml").write_text("mine\n")
    shown = pipeline("init", "--github", *GIVEN, "--repo", checkout)
    assert shown.code == 0, shown.err
    assert "Left .github/workflows/cleanup.yml as it is." in shown.lines
    assert (folder / "cleanup.yml").read_text() == "mine\n"
    assert "create and approve pull requests" in shown.out
    assert not (checkout / "pipeline.yaml").exists()
    assert parse((folder / "fix-ci.yml").read_text())["on"]["workflow_run"]["workflows"] == [
        "all tests"
    ]
    again = pipeline("init", "--github", *GIVEN, "--repo", checkout)
    assert again.code == 0 and "Wrote" not in again.out


def test_a_name_that_is_no_plain_word_stays_data(
    pipeline: Callable[..., Any], checkout: Path
) -> None:
    folder = checkout / ".github" / "workflows"
    folder.mkdir(parents=True)
    odd = 'x"]\n  push: {}\n# ${{ github.token }} @PIN@'
    (folder / "odd.yml").write_text(f"name: {odd!r}\n".replace("\\n", "\\\\n"))
    (folder / "broken.yml").write_text("name: [")
    assert pipeline("init", "--github", *GIVEN, "--repo", checkout).code == 0
    on = parse((folder / "fix-ci.yml").read_text())["on"]
    assert set(on) == {"workflow_run", "workflow_dispatch"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "not known where"),
        (("--repository", "octo"), "not OWNER/NAME"),
        (("--repository", "octo/x y", "--ref", SHA), "not OWNER/NAME"),
        (("--repository", "octo/git-pipeline", "--ref", "v1"), "not a full commit id"),
        (("--repository", "octo/git-pipeline", "--ref", SHA[:12]), "not a full commit id"),
    ],
)
def test_what_cannot_be_pinned_is_refused(
    pipeline: Callable[..., Any], checkout: Path, given: tuple[str, ...], said: str
) -> None:
    shown = pipeline("init", "--github", *given, "--repo", checkout)
    assert shown.code == 2 and said in shown.err and "next:" in shown.err
    assert not (checkout / ".github").exists()


def test_a_pin_without_anything_to_pin_is_a_mistake(
    pipeline: Callable[..., Any], checkout: Path
) -> None:
    assert pipeline("init", "--ref", SHA, "--repo", checkout).code == 2
    assert not (checkout / "pipeline.yaml").exists()


def test_a_folder_that_leads_out_is_refused(
    pipeline: Callable[..., Any], checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (checkout / ".github").symlink_to(tmp_path / "outside")
    shown = pipeline("init", "--github", *GIVEN, "--repo", checkout)
    assert shown.code == 2 and "leads out" in shown.err
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, git: Callable[..., str]) -> Path:
    """A server in a folder, with a repository of git-pipeline on it."""
    home = tmp_path / "server" / "octo" / "git-pipeline"
    home.mkdir(parents=True)
    git(home, "init", "-q")
    git(home, "commit", "-q", "--allow-empty", "-m", "a release")
    monkeypatch.setenv("GITHUB_SERVER_URL", f"file://{tmp_path / 'server'}")
    return home


def test_without_a_commit_the_tag_of_this_version_is_looked_up(
    pipeline: Callable[..., Any], checkout: Path, server: Path, git: Callable[..., str]
) -> None:
    asked = ("init", "--github", "--repository", "octo/git-pipeline", "--repo", checkout)
    shown = pipeline(*asked)
    assert shown.code == 2 and f"no tag v{__version__}" in shown.err
    git(server, "tag", "-a", "-m", "it", f"v{__version__}")
    commit = git(server, "rev-parse", "HEAD").strip()
    assert pipeline(*asked).code == 0
    text = (checkout / ".github" / "workflows" / "pipeline.yml").read_text()
    assert f"pipeline.yml@{commit} # {__version__}" in text


def test_a_server_that_is_not_there_is_told(
    pipeline: Callable[..., Any], checkout: Path, server: Path
) -> None:
    shown = pipeline("init", "--github", "--repository", "octo/other", "--repo", checkout)
    assert shown.code == 3 and "could not be asked" in shown.err and "--ref" in shown.err


@pytest.mark.parametrize(
    ("url", "commit", "found"),
    [
        ("file:///here/x", SHA, None),
        ("https://github.com/octo/git-pipeline", "v1", None),
        ("https://github.com/octo/git-pipeline", SHA, SOURCE),
        ("https://a:secret@github.com/octo/git-pipeline", SHA, SOURCE),
    ],
)
def test_what_pip_noted_is_read_with_care(url: str, commit: str, found: ToolSource | None) -> None:
    assert source_of(json.dumps({"url": url, "vcs_info": {"commit_id": commit}})) == found


@pytest.mark.parametrize("text", ["", "[1]", '{"url": "file:///here", "dir_info": {}}'])
def test_what_pip_noted_of_other_installations_is_no_source(text: str) -> None:
    assert source_of(text) is None


def test_the_hooks_that_are_written_are_those_that_exist(
    pipeline: Callable[..., Any], checkout: Path
) -> None:
    import yaml

    root = Path(__file__).parents[2]
    hooks = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text())
    shown = pipeline("init", "--pre-commit", *GIVEN, "--repo", checkout)
    assert shown.lines == ["Wrote .pre-commit-config.yaml."]
    path = checkout / ".pre-commit-config.yaml"
    (repo,) = yaml.safe_load(path.read_text())["repos"]
    assert (repo["repo"], repo["rev"]) == (SOURCE.url, SHA)
    assert [hook["id"] for hook in repo["hooks"]] == [hook["id"] for hook in hooks]
    path.write_text("repos: []\n")
    again = pipeline("init", "--pre-commit", "--repo", checkout)
    assert path.read_text() == "repos: []\n"
    assert again.lines[0] == "Left .pre-commit-config.yaml as it is. Add this below `repos:`:"
    (local,) = yaml.safe_load("\n".join(again.lines[2:]))
    for written, hook in zip(local["hooks"], hooks, strict=True):
        assert written["entry"] == hook["entry"] and written["language"] == "system"
        for key in ("files", "always_run", "pass_filenames"):
            assert written.get(key) == hook.get(key), (hook["id"], key)


def test_pre_commit_itself_takes_both_forms(tmp_path: Path) -> None:
    for number, source in enumerate((SOURCE, None)):
        path = tmp_path / f"{number}.yaml"
        path.write_text(pre_commit(source).text)
        done = subprocess.run(
            [sys.executable, "-m", "pre_commit", "validate-config", str(path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


def test_a_noxfile_that_is_there_is_left(pipeline: Callable[..., Any], checkout: Path) -> None:
    (checkout / "noxfile.py").write_text("import nox\n")
    shown = pipeline("init", "--nox", "--repo", checkout)
    assert (checkout / "noxfile.py").read_text() == "import nox\n"
    assert "Add this at its end" in shown.out and "def pipeline(" in shown.out


@pytest.mark.slow
def test_the_session_that_is_written_runs_the_pipeline(
    pipeline: Callable[..., Any], checkout: Path, tmp_path: Path
) -> None:
    """With nox itself, and a package of this version's name that starts the command under test."""
    index = tmp_path / "index"
    index.mkdir()
    info = f"git_pipeline-{__version__}.dist-info"
    starts = f"""
import os, sys
RUN = "import sys; from pipeline.cli import main; sys.exit(main())"
def main(): os.execv({sys.executable!r}, [{sys.executable!r}, "-c", RUN, *sys.argv[1:]])
"""
    with zipfile.ZipFile(index / f"git_pipeline-{__version__}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("starts_it.py", starts)
        wheel.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: git-pipeline\nVersion: {__version__}\n",
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\npipeline = starts_it:main\n")
        wheel.writestr(f"{info}/RECORD", f"{info}/RECORD,,\n")
    pipeline("init", "--repo", checkout)
    shown = pipeline("init", "--nox", "--repo", checkout)
    assert shown.lines == ["Wrote noxfile.py."]
    assert "by name from your package index" in shown.err
    (checkout / ".git" / "info" / "exclude").write_text(".nox/\n")
    env = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        [sys.executable, "-m", "nox", "-s", "pipeline"],
        cwd=checkout, env=env, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "completed: 1 of 1 done" in done.stdout
