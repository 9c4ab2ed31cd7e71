import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from gate_bench import BIN

from pipeline.check.findings.reading import UnreadableOutputError
from pipeline.check.findings.ruff import read
from pipeline.model.finding import Finding, Severity


def of(data: Any) -> tuple[Finding, ...]:
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return read(text, b"", None, tool="lint", root=b"/top")


def test_a_diagnostic_becomes_a_finding() -> None:
    diagnostic = {
        "code": "F401",
        "message": "`os` imported but unused",
        "filename": "/top/pkg/a.py",
        "location": {"row": 3, "column": 8},
        "end_location": {"row": 4, "column": 1},
        "fix": {"applicability": "safe", "edits": []},
        "severity": "error",
    }
    assert of([diagnostic]) == (
        Finding("lint", "F401", "`os` imported but unused", b"pkg/a.py", 3, 8, 4, is_fixable=True),
    )


def test_a_syntax_error_of_an_older_ruff_has_no_code() -> None:
    (finding,) = of([{"code": None, "message": "SyntaxError: no", "filename": "a.py"}])
    assert (finding.code, finding.path, finding.line) == ("invalid-syntax", b"a.py", 0)


@pytest.mark.parametrize("applicability", ["unsafe", "display", None])
def test_only_a_safe_fix_makes_fixable(applicability: str | None) -> None:
    fix = {"applicability": applicability} if applicability else None
    (finding,) = of([{"code": "X", "message": "m", "filename": "a.py", "fix": fix}])
    assert not finding.is_fixable


def test_nothing_found_is_readable() -> None:
    assert of([]) == ()


def test_a_severity_is_kept() -> None:
    (finding,) = of([{"code": "X", "message": "m", "severity": "warning"}])
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"All checks passed!",
        b"[{",
        b"[" * 100_000,
        {"message": "no list"},
        None,
        [1],
        [{"code": "X"}],
        [{"message": "m", "location": [3]}],
    ],
)
def test_what_is_no_ruff_output_is_refused(data: Any) -> None:
    with pytest.raises(UnreadableOutputError):
        of(data)


def test_odd_strings_do_no_harm() -> None:
    (finding,) = of(b'[{"code": "X", "message": "\\ud800 m", "filename": "\\ud800.py"}]')
    finding.message.encode()
    assert finding.path == b"?.py"


def test_what_ruff_really_prints(tmp_path: Path) -> None:
    (tmp_path / "a b.py").write_text("import os\nx = undefined\n")
    command = [BIN / "ruff", "check", "--isolated", "--no-cache", "--output-format", "json", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    found = read(done.stdout, done.stderr, None, tool="ruff", root=bytes(tmp_path))
    assert {(f.path, f.code, f.line, f.is_fixable) for f in found} >= {
        (b"a b.py", "F401", 1, True),
        (b"a b.py", "F821", 2, False),
    }
