import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from gate_bench import BIN

from pipeline.check.findings.reading import UnreadableOutputError
from pipeline.check.findings.sarif import read
from pipeline.model.finding import Finding, Severity

TOP = "/top"


def of(*results: dict[str, Any], **run: Any) -> tuple[Finding, ...]:
    document = {"version": "2.1.0", "runs": [{"results": list(results), **run}]}
    return read(json.dumps(document).encode(), b"", None, tool="scan", root=TOP.encode())


def result(uri: str | None = None, base: str | None = None, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"ruleId": "R1", "message": {"text": "bad"}, **fields}
    if uri is not None:
        place = {"uri": uri} if base is None else {"uri": uri, "uriBaseId": base}
        made["locations"] = [{"physicalLocation": {"artifactLocation": place}}]
    return made


def test_a_result_becomes_a_finding() -> None:
    made = result("a.py", level="error", fixes=[{}])
    region = {"startLine": 3, "startColumn": 5, "endLine": 4}
    made["locations"][0]["physicalLocation"]["region"] = region
    assert of(made) == (Finding("scan", "R1", "bad", b"a.py", 3, 5, 4, is_fixable=True),)


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"level": "error"}, Severity.ERROR),
        ({"level": "warning"}, Severity.WARNING),
        ({"level": "note"}, Severity.INFO),
        ({"level": "none"}, Severity.INFO),
        ({}, Severity.WARNING),
        ({"kind": "review", "level": "error"}, Severity.INFO),
        ({"kind": "fail", "level": "error"}, Severity.ERROR),
    ],
)
def test_levels(fields: dict[str, Any], severity: Severity) -> None:
    assert [f.severity for f in of(result(**fields))] == [severity]


@pytest.mark.parametrize(
    "fields", [{}, {"ruleId": None, "ruleIndex": 0}, {"ruleId": None, "rule": {"index": 0}}]
)
def test_a_rule_gives_what_its_result_leaves_out(fields: dict[str, Any]) -> None:
    rule = {
        "id": "R1",
        "defaultConfiguration": {"level": "error"},
        "messageStrings": {"m": {"text": "{1} before {0}"}},
    }
    made = result(**{"message": {"id": "m", "arguments": ["a", "b"]}, **fields})
    (finding,) = of(made, tool={"driver": {"name": "x", "rules": [rule]}})
    assert (finding.code, finding.severity, finding.message) == ("R1", Severity.ERROR, "b before a")


@pytest.mark.parametrize(
    ("uri", "base", "path"),
    [
        ("a/b.py", None, b"a/b.py"),
        ("file:///top/a.py", None, b"a.py"),
        ("file:/top/a.py", None, b"a.py"),
        ("file://host/top/a.py", None, b"a.py"),
        ("a%20b/%C3%A4.py", None, "a b/ä.py".encode()),
        ("a%FF.py", None, b"a\xff.py"),
        ("a.py", "%SRCROOT%", b"a.py"),
        ("a.py", "SUB", b"sub/a.py"),
        ("a.py", "CHAINED", b"sub/deep/a.py"),
        ("a.py", "ELSEWHERE", b"a.py"),
        ("a.py", "UNKNOWN", b"a.py"),
        ("file:///etc/passwd", None, None),
        ("../a.py", None, None),
        ("%2e%2e/a.py", None, None),
        ("https://example.com/a.py", None, None),
        ("", None, None),
    ],
)
def test_addresses_become_paths(uri: str, base: str | None, path: bytes | None) -> None:
    bases = {
        "%SRCROOT%": {"uri": "file:///top/"},
        "SUB": {"uri": "file:///top/sub"},
        "CHAINED": {"uri": "deep/", "uriBaseId": "SUB"},
        "ELSEWHERE": {"uri": "file:///github/workspace/"},
    }
    (finding,) = of(result(uri, base), originalUriBaseIds=bases)
    assert finding.path == path


def test_bases_that_chase_each_other_end() -> None:
    bases = {"A": {"uri": "x/", "uriBaseId": "B"}, "B": {"uri": "y/", "uriBaseId": "A"}}
    assert len(of(result("a.py", "A"), originalUriBaseIds=bases)) == 1


def test_an_artifact_can_be_named_by_its_index() -> None:
    made = result()
    made["locations"] = [{"physicalLocation": {"artifactLocation": {"index": 0}}}]
    (finding,) = of(made, artifacts=[{"location": {"uri": "a.py"}}])
    assert finding.path == b"a.py"


@pytest.mark.parametrize(
    "fields",
    [
        {"suppressions": [{"kind": "inSource"}]},
        {"suppressions": [{"kind": "external", "status": "accepted"}]},
        {"kind": "pass"},
        {"kind": "notApplicable"},
        {"baselineState": "absent"},
    ],
)
def test_what_is_no_problem_any_more_is_left_out(fields: dict[str, Any]) -> None:
    assert of(result(**fields)) == ()


@pytest.mark.parametrize(
    "suppressions", [[], [{"status": "rejected"}], [{}, {"status": "underReview"}]]
)
def test_a_suppression_that_was_not_accepted_does_not_count(suppressions: list[Any]) -> None:
    assert len(of(result(suppressions=suppressions))) == 1


def test_a_tool_that_did_not_finish_gives_no_account() -> None:
    note = {"message": {"text": "cannot parse a.py"}}
    failed = [{"executionSuccessful": False, "toolExecutionNotifications": [note]}]
    with pytest.raises(UnreadableOutputError, match=r"cannot parse a\.py"):
        of(invocations=failed)
    found = of(result(), invocations=failed)
    assert [f.code for f in found] == ["R1", "tool-execution"]
    assert found[-1].severity is Severity.ERROR


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": "2.1.0"}',
        '{"version": "1.0.0", "runs": []}',
        '{"version": "2.1.0", "runs": {}}',
        '{"version": "2.1.0", "runs": [1]}',
        '{"version": "2.1.0", "runs": [{"results": [1]}]}',
        '{"version": "2.1.0", "runs": [{"results": {}}]}',
        '{"version": "2.1.0", "runs": [{"invocations": [{"executionSuccessful": false, '
        '"toolExecutionNotifications": [{"message": "text"}]}]}]}',
    ],
)
def test_what_is_no_sarif_is_refused(text: str) -> None:
    with pytest.raises(UnreadableOutputError):
        read(text.encode(), b"", None, tool="scan", root=b"/top")


def test_what_ruff_really_writes(tmp_path: Path) -> None:
    (tmp_path / "a b.py").write_text("import os\n")
    command = [BIN / "ruff", "check", "--isolated", "--no-cache", "--output-format", "sarif", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    found = read(done.stdout, b"", None, tool="ruff", root=os.fsencode(tmp_path))
    assert (b"a b.py", "F401", 1) in {(f.path, f.code, f.line) for f in found}
