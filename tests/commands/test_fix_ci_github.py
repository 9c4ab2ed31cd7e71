"""``pipeline fix-ci --workflow-run``: logs fetched from GitHub, of people's commits alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commenting import Commenting, git
from fakehub.starting import Fake

from pipeline.cli import main
from pipeline.land.github.downloads import download
from pipeline.land.github.errors import DeniedError, UnavailableError
from pipeline.land.github.patience import Patience

BAD = "import sys\nTITLE = f'x'\nprint( sys.path )\n"
LOG = """\
\ufeff2026-01-02T03:04:05.1234567Z ##[group]Run ruff check .
2026-01-02T03:04:05.1234567Z ##[endgroup]
2026-01-02T03:04:06.1234567Z src/app.py:2:9: F541 [*] f-string without any placeholders
2026-01-02T03:04:06.1234567Z ##[error]Process completed with exit code 1.
"""
CONFIG = {
    "project": {"base": "main"},
    "run": {"jobs": 1},
    "publish": {"labels": [], "checks": False, "issues": False, "comments": False},
    "gates": {
        "static": [
            {
                "name": "lint",
                "command": ["ruff", "check", "--select", "F", "--output-format", "json", "."],
                "output": "ruff",
            }
        ]
    },
}


class Failing(Commenting):
    """A repository on GitHub whose CI fails."""

    def configured(self) -> None:
        config = {**CONFIG, "paths": {"worktrees": str(self.folder / "slots")}}
        (self.top / "pipeline.yaml").write_text(json.dumps(config))

    def failed(self, branch: str = "change", **values: Any) -> int:
        repo = values.get("head_repo", "")
        self.fake.commit(branch, {"src/app.py": BAD}, repo=repo)
        jobs = [
            {"name": "lint", "conclusion": "failure", "log": LOG},
            {"name": "fine", "conclusion": "success", "log": "README.md:1:1: F541 no\n"},
        ]
        return int(self.fake.add_run(branch=branch, **{"jobs": jobs, **values})["id"])

    def handed_over(self, run_id: str, base: str) -> Path:
        """The checkout of another job, which has accepted the run as files."""
        files, other = self.folder / "handover", self.clone("two")
        (other / "pipeline.yaml").write_text(json.dumps(CONFIG))
        assert main(["handover", "pack", run_id, str(files), "--repo", str(self.top)]) == 0
        accept = ["handover", "accept", str(files), "--base", base]
        assert main([*accept, "--repo", str(other)]) == 0, self.capture.readouterr().err
        return other

    def fix(self, number: int, *options: str) -> tuple[int, Any]:
        self.capture.readouterr()
        arguments = ["fix-ci", "--workflow-run", str(number), "--quiet", "--format", "json"]
        code = main([*arguments, *options, "--repo", str(self.top)])
        out = self.capture.readouterr().out
        return int(code), json.loads(out) if out else None


@pytest.fixture
def house(
    github: Fake,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Failing]:
    one = Failing(github, tmp_path, capfd, monkeypatch)
    one.configured()
    yield one
    one.close()


def test_a_failed_run_is_repaired_and_published(house: Failing) -> None:
    number = house.failed()
    head = house.fake.state()["refs"]["refs/heads/change"]

    code, done = house.fix(number)

    assert (code, done["outcome"], done["commit"]) == (0, "fixed", head)
    assert (done["workflow_run"], done["found"], done["fixed"]) == (number, 1, 1)
    assert (done["files"], done["is_fork"]) == (["src/app.py"], False)
    written = [one.path for one in house.fake.log(writes=True)]
    assert [path for path in written if not path.endswith("git-upload-pack")] == []

    other = house.handed_over(done["run_id"], head)
    assert main(["publish", done["run_id"], "--repo", str(other)]) == 0
    (pull,) = house.hub().pages("pulls")
    branch = done["branch"].removeprefix("refs/heads/")
    assert (pull["head"]["ref"], pull["base"]["ref"]) == (branch, "change")
    text = git(house.fake.bare, "show", f"{branch}:src/app.py")
    assert 'TITLE = "x"' in text

    # Its own commit fails, too: that is left alone, whoever started it.
    again = house.fake.add_run(branch=branch, jobs=[{"name": "a", "conclusion": "failure"}])
    code, done = house.fix(again["id"])
    assert (code, done["outcome"]) == (0, "refused")
    assert "git-pipeline itself" in done["reason"]


def test_what_a_program_started_is_left_alone(house: Failing) -> None:
    code, done = house.fix(house.failed(actor="github-actions[bot]"))
    assert (code, done["outcome"], done["run_id"]) == (0, "refused", "")


def test_a_fork_gets_a_patch(house: Failing) -> None:
    house.fake.add_repository("rob/shop", fork_of="octo/shop")
    house.pull("theirs", repo="rob/shop")
    number = house.failed("theirs", head_repo="rob/shop")

    code, done = house.fix(number, "--suggest", str(house.folder / "repair"))

    assert (code, done["outcome"], done["is_fork"]) == (0, "fixed", True)
    assert "suggestion" in (house.folder / "repair" / "suggestions.json").read_text()


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"conclusion": "success"}, 2),
        ({"status": "in_progress", "conclusion": None}, 2),
        ({"conclusion": "cancelled"}, 2),
    ],
)
def test_a_run_that_has_not_failed_is_bad_input(
    house: Failing, values: dict[str, Any], code: int
) -> None:
    assert house.fix(house.failed(**values))[0] == code


def test_logs_that_are_gone_and_runs_that_are_not_there(house: Failing) -> None:
    assert house.fix(10**9)[0] == 3
    number = house.failed()
    house.fake.fail("GET", "/logs$", 410)
    assert house.fix(number)[0] == 3
    house.fake.fail("GET", "/logs$", 503)
    assert house.fix(number)[0] == 0  # tried again


def test_a_download_leads_nowhere_with_the_token(house: Failing) -> None:
    run = house.fake.add_run(jobs=[{"name": "a", "conclusion": "failure", "log": LOG}])
    url = f"{house.fake.api_url}/repos/octo/shop/actions/jobs/{run['jobs'][0]}/logs"
    patience = Patience(0.0)

    def location(address: str) -> None:
        house.fake.fail("GET", "/logs$", 302, headers={"Location": address})

    assert b"".join(download(url, "ghs_good", patience)) == LOG.encode()
    for address in ("http://example.com/x", "file:///etc/passwd", "ftp://x/y", ""):
        location(address)
        with pytest.raises(UnavailableError):
            list(download(url, "ghs_good", patience))
    location(url)  # a place that leads on
    with pytest.raises((UnavailableError, DeniedError)):
        list(download(url, "ghs_good", patience))
