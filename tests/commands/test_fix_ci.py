"""``pipeline fix-ci``: what a failed CI run found is repaired, checked again, and never twice."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from projects import Project

from pipeline.cli import main
from pipeline.flow.fixing_ci_logs import KEPT_BYTES, keep_end

LINT = {
    "name": "lint",
    "command": ["ruff", "check", "--select", "F", "--output-format", "json", "."],
}
FORMAT = {"name": "format", "command": "ruff format --check ."}
BAD = "import sys\nTITLE = f'x'\nprint( sys.path )\n"
UNFIXABLE = "def f():\n    return missing\n"
LOG = """\
2026-01-02T03:04:05.1234567Z ##[group]Run ruff check .
2026-01-02T03:04:05.1234567Z ##[endgroup]
2026-01-02T03:04:06.1234567Z F541 [*] f-string without any placeholders
2026-01-02T03:04:06.1234567Z  --> src/app.py:2:9
2026-01-02T03:04:06.1234567Z ##[error]Process completed with exit code 1.
"""


class Shop:
    """A repository with a check and some code that it does not like."""

    def __init__(self, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
        self.project, self.capsys = project, capsys
        project.configure(gates={"static": [{**LINT, "output": "ruff"}]}, run={"jobs": 1})
        self.head = project.commit({"src/app.py": BAD})

    def log(self, text: str | bytes = LOG) -> str:
        path = self.project.top.parent / "job.txt"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(path)

    def fix(self, log: str = "", *options: str) -> tuple[int, Any]:
        arguments = ["fix-ci", "--log", log or self.log(), "--quiet", "--format", "json", *options]
        self.capsys.readouterr()
        code = main([*arguments, "--repo", str(self.project.top)])
        out = self.capsys.readouterr().out
        return int(code), json.loads(out) if out else None


@pytest.fixture
def shop(project: Project, capsys: pytest.CaptureFixture[str]) -> Shop:
    return Shop(project, capsys)


def test_what_ruff_found_is_repaired_and_lands(shop: Shop, tmp_path: Path) -> None:
    code, done = shop.fix("", "--suggest", str(tmp_path / "repair"))

    assert (code, done["outcome"], done["checks"]) == (0, "fixed", ["lint"])
    assert (done["logged"], done["found"], done["fixed"], done["fix_rate"]) == (1, 1, 1, 1.0)
    assert done["files"] == ["src/app.py"]
    fixed = shop.project.show(f"pipeline/{done['run_id']}", "src/app.py")
    assert fixed == 'import sys\n\nTITLE = "x"\nprint(sys.path)'
    assert shop.project.git("rev-parse", "main") == shop.head
    patch = (tmp_path / "repair" / "fix.patch").read_text()
    assert "+TITLE = " in patch
    told = json.loads((tmp_path / "repair" / "suggestions.json").read_text())
    assert told["commit"] == shop.head
    assert all("```suggestion" in one["body"] for one in told["suggestions"])


def test_the_suggestions_give_the_repaired_file(shop: Shop, tmp_path: Path) -> None:
    source = "import sys\nA = f'x'\nB = 1\nC = '```'\nprint( sys.path )\n\n\n\n\ndef f():\n    pass"
    shop.project.commit({"src/app.py": source})
    _, done = shop.fix("", "--suggest", str(tmp_path / "repair"))

    told = json.loads((tmp_path / "repair" / "suggestions.json").read_text())["suggestions"]
    lines = source.splitlines()
    for one in reversed(told):
        new = one["body"].splitlines()[1:-1]
        lines[(one["start_line"] or one["line"]) - 1 : one["line"]] = new
    fixed = shop.project.show(f"pipeline/{done['run_id']}", "src/app.py")
    assert lines == fixed.splitlines()


def test_the_same_commit_is_tried_once(shop: Shop) -> None:
    assert shop.fix()[0] == 0
    runs = shop.project.records()
    with runs as records:
        before = len(records.runs())

    code, done = shop.fix()

    assert (code, done["outcome"]) == (0, "refused")
    assert "tried already" in done["reason"]
    with shop.project.records() as records:
        assert len(records.runs()) == before


def test_a_branch_that_another_machine_made_is_seen(shop: Shop) -> None:
    name = f"refs/remotes/origin/ws/plan/fix-ci-{shop.head[:12]}"
    shop.project.git("update-ref", name, shop.head)
    code, done = shop.fix()
    assert (code, done["outcome"]) == (0, "refused")


def test_what_is_our_own_is_left_alone(shop: Shop) -> None:
    message = "Do it\n\nPipeline-Workstream: a\nPipeline-Tool: b"
    shop.project.git("commit", "--quiet", "--allow-empty", "--message", message)
    code, done = shop.fix()
    assert (code, done["outcome"], done["run_id"]) == (0, "refused", "")


def test_what_cannot_be_repaired_is_said_and_its_child_left_alone(shop: Shop) -> None:
    shop.project.commit({"src/app.py": UNFIXABLE})
    log = shop.log(
        "##[group]Run ruff check .\n##[endgroup]\nsrc/app.py:2:12: F821 Undefined name `missing`\n"
    )

    code, done = shop.fix(log)
    assert (code, done["outcome"], done["fixed"], done["fix_rate"]) == (1, "unfixed", 0, 0.0)

    shop.project.commit({"b.txt": "x"})
    code, done = shop.fix(log)
    assert (code, done["outcome"]) == (0, "refused")
    assert "its parent" in done["reason"]


def test_what_is_left_is_counted(shop: Shop) -> None:
    shop.project.commit({"src/app.py": f"{BAD}{UNFIXABLE}"})
    log = shop.log(
        "##[group]Run ruff check .\n##[endgroup]\n"
        "src/app.py:2:9: F541 [*] f-string without any placeholders\n"
        "src/app.py:5:12: F821 Undefined name `missing`\n"
    )

    code, done = shop.fix(log)

    assert (code, done["outcome"]) == (1, "partly")
    assert (done["found"], done["fixed"], done["fix_rate"]) == (2, 1, 0.5)


def test_protected_files_are_refused_whatever_a_log_says(shop: Shop) -> None:
    files = {".github/x.py": BAD, "conftest.py": BAD, ".github/workflows/x.yml": "a: 1\n"}
    shop.project.commit(files)
    log = shop.log("".join(f"{path}:1:1: F541 [*] x\n" for path in files))

    code, done = shop.fix(log)

    assert (code, done["outcome"], done["files"]) == (0, "nothing", [])
    assert set(done["refused_files"]) >= {".github/x.py", ".github/workflows/x.yml"}


def test_names_that_are_patterns_are_not_made_one(shop: Shop) -> None:
    shop.project.commit({"src/[ab].py": BAD, "src/**/x.py": BAD, "src/a.py": BAD})
    log = shop.log("src/[ab].py:1:1: F541 x\nsrc/**/x.py:1:1: F541 x\n")
    _, done = shop.fix(log)
    assert done["outcome"] == "nothing"


def test_a_log_that_says_nothing_leads_to_nothing(shop: Shop) -> None:
    for text in (b"", b"\x00\xff" * 1000, b"##[error]\n", b"/etc/passwd:1:1: E501 x\n"):
        code, done = shop.fix(shop.log(text))
        assert (code, done["outcome"], done["run_id"]) == (0, "nothing", "")


def test_a_check_that_is_green_here_is_no_reason_to_change_anything(shop: Shop) -> None:
    shop.project.commit({"src/app.py": "A = 1\n"})
    log = shop.log("src/app.py:2:9: F541 [*] f-string without any placeholders\n")
    code, done = shop.fix(log)
    assert (code, done["outcome"], done["run_id"]) == (1, "elsewhere", "")


def test_the_format_check_is_told_from_the_other(shop: Shop) -> None:
    shop.project.configure(gates={"static": [{**LINT, "output": "ruff"}, FORMAT]})
    shop.project.commit({"src/app.py": "A   =   1\n"})
    text = "##[group]Run ruff format --check .\n##[endgroup]\nWould reformat: src/app.py\n"
    code, done = shop.fix(shop.log(text))
    assert (code, done["checks"], done["fixed"]) == (0, ["format"], 1)


def test_a_check_that_nobody_configured_is_bad_input(shop: Shop) -> None:
    shop.project.configure(gates={})
    assert shop.fix()[0] == 2


def test_what_failed_has_to_be_named_once(shop: Shop) -> None:
    top = str(shop.project.top)
    assert main(["fix-ci", "--repo", top]) == 2
    assert main(["fix-ci", "--log", shop.log(), "--workflow-run", "1", "--repo", top]) == 2
    assert main(["fix-ci", "--log", "missing", "--repo", top]) == 2
    assert main(["fix-ci", "--log", shop.log(), "--commit", "nowhere", "--repo", top]) == 2


def test_archives_of_logs_are_read_and_bombs_are_not(shop: Shop) -> None:
    def archive(**members: bytes) -> bytes:
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as out:
            for name, content in members.items():
                out.writestr(name, content)
        return data.getvalue()

    names = {"../../evil.txt": b"x", "1_build.txt": LOG.encode()}
    code, done = shop.fix(shop.log(archive(**names)))
    assert (code, done["outcome"]) == (0, "fixed")
    many = archive(**{str(number): b"" for number in range(1001)})
    assert shop.fix(shop.log(many))[0] == 2
    assert shop.fix(shop.log(b"PK\x03\x04" + b"x" * 100))[0] == 2


def test_only_the_end_of_a_log_is_kept() -> None:
    line = b"x" * 1023 + b"\n"
    data, is_cut = keep_end(line * 1024 for _ in range(100))  # 100 MiB
    assert is_cut
    assert len(data) <= KEPT_BYTES
    assert data.startswith(b"x" * 1023 + b"\n")
    assert keep_end(iter([b"a\n", b"b"])) == (b"a\nb", False)
    assert keep_end(b"y" * (1 << 20) for _ in iter(int, 1))[1]  # without an end
